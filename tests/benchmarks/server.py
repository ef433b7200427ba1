"""A token endpoint that does next to nothing, as a process of its own: what is measured is the client.

Grants every scope but those whose name begins with ``denied``, which it refuses without naming them. With a delay it
waits, and tells its own time in ``X-Request-Id``, which the kit keeps as ``correlation_id``.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from time import perf_counter
from urllib.parse import parse_qs

__all__ = ["served", "truth_ms"]

_NUMBERS = count(1)
_RANDOM = random.Random(1)


def truth_ms(request_id: str) -> float:
    """The server's own time for a request, from the id that it gave it.

    >>> truth_ms("7-18.25")
    18.25
    """
    return float(request_id.partition("-")[2])


@contextmanager
def served(delay_ms: tuple[float, float] = (0.0, 0.0)) -> Iterator[str]:
    """The URL of a server that lives as long as the block."""
    words = [sys.executable, __file__, *map(str, delay_ms)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield f"http://127.0.0.1:{port}/token"
        finally:
            process.terminate()


class _Endpoint(asyncio.Protocol):
    """Reads requests one after the other from one connection."""

    def __init__(self, delay_s: tuple[float, float]) -> None:
        self._delay_s = delay_s
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        received = perf_counter()
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._buffer = b""
        if self._delay_s[1] > 0:
            asyncio.get_running_loop().call_later(_RANDOM.uniform(*self._delay_s), self._answer, body, received)
        else:
            self._answer(body, received)

    def _answer(self, body: bytes, received: float) -> None:
        if self._transport.is_closing():
            return
        status, content = _granted_or_refused(body)
        took_ms = 1000 * (perf_counter() - received)
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n"
            f"cache-control: no-store\r\nx-request-id: {next(_NUMBERS)}-{took_ms:.4f}\r\n\r\n"
        )
        self._transport.write(head.encode() + content)  # type: ignore[attr-defined]


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _granted_or_refused(form: bytes) -> tuple[str, bytes]:
    scope = parse_qs(form.decode()).get("scope", [""])[0]
    if any(each.startswith("denied") for each in scope.split()):
        says = "The requested scope is invalid, unknown, malformed, or exceeds what was granted to this client."
        return "400 Bad Request", json.dumps({"error": "invalid_scope", "error_description": says}).encode()
    token = f"{next(_NUMBERS):012d}" + 180 * "x"
    answer = {"access_token": token, "token_type": "bearer", "expires_in": 3600, "scope": scope}
    return "200 OK", json.dumps(answer).encode()


async def _serve(delay_ms: tuple[float, float]) -> None:
    delay_s = (delay_ms[0] / 1000, delay_ms[1] / 1000)
    server = await asyncio.get_running_loop().create_server(lambda: _Endpoint(delay_s), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - how the parent learns of the port
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve((float(sys.argv[1]), float(sys.argv[2]))))
