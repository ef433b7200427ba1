"""uvicorn in a thread of its own, on a loopback socket."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from orgscope_kit.simulator.server import Server
from orgscope_kit.simulator.state import Connections

__all__ = ["Listener"]

_HOST = "127.0.0.1"
_START_S, _STOP_S = 10.0, 5.0


class Listener:
    """Serves ``app`` on 127.0.0.1 until stopped; ``port`` 0 takes a free one.

    The socket is bound before the thread starts, so that the port is known and a taken one is an ordinary ``OSError``.
    """

    def __init__(self, app: Server, port: int = 0) -> None:
        # asyncio turns Nagle's algorithm off only where the protocol is named: else head and body of an answer, written
        # apart, cost the 40 ms of a delayed ACK.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((_HOST, port))
            self._socket.listen(512)
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=_numbering(app.state.connections),
            loop="asyncio",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        # uvicorn installs signal handlers in the main thread only, so none here.
        self._thread = threading.Thread(target=self._serve, name="orgscope-sandbox", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{_HOST}:{self.port}"

    def start(self) -> None:
        """Serve, and return once requests are answered."""
        self._thread.start()
        deadline_s = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline_s:
                self.stop()
                raise RuntimeError(f"the sandbox did not start on {self.url}")
            time.sleep(0.002)

    def stop(self) -> None:
        """Stop, giving requests under way a second; safe to call again."""
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        self._socket.close()

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._server.serve(sockets=[self._socket]))


def _numbering(connections: Connections) -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol, telling ``connections`` what opens and closes."""

    class Numbering(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
            connections.opened(transport)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client is not None:
                connections.closed(self.client[1])
            super().connection_lost(exc)

    return Numbering
