"""A server that speaks bytes, so that it can break HTTP in every way; and what it saw."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self
from urllib.parse import parse_qs

GRANTED = {"access_token": "token-of-the-raw-server", "token_type": "Bearer", "expires_in": 60}


@dataclass(frozen=True)
class Seen:
    """A request as it came: when its head had been read, on which connection, and how many were under way with it."""

    path: str
    method: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    connection: int
    at: float
    under_way: int


@dataclass
class Talk:
    """One request and the means to answer it, in whole or in pieces."""

    seen: Seen
    nth: int
    writer: asyncio.StreamWriter
    sent: int = 0
    ends: bool = False

    async def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()
        self.sent += len(data)

    async def answer(self, status: int = 200, body: Any = None, **headers: str) -> None:
        """A whole answer; ``body`` is bytes, or made JSON."""
        content = body if isinstance(body, bytes) else json.dumps(GRANTED if body is None else body).encode()
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join([*lines, "", ""]).encode("utf-8") + content)

    def reset(self) -> None:
        """End the connection with a TCP RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        self.ends = True

    def close(self) -> None:
        """End the connection in good order."""
        self.writer.close()
        self.ends = True


Play = Callable[[Talk], Awaitable[None]]


@dataclass
class RawServer:
    """Answers each path as ``plays`` says, in a thread of its own; paths without a play are granted."""

    plays: Mapping[str, Play] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    on_connect: Play | None = None
    seen: list[Seen] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    under_way: int = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def url(self, path: str = "/token") -> str:
        """The URL of a path."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Seen]:
        """The requests for a path."""
        return [each for each in self.seen if each.path == path]

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls, backlog=512)

    async def _end(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        try:
            if self.on_connect is not None:
                await self.on_connect(Talk(Seen("", "", {}, {}, connection, monotonic(), 0), connection, writer))
                return
            while await self._one(reader, writer, connection):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        path = target.partition("?")[0]
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        self.under_way += 1
        self.seen.append(Seen(path, method, headers, form, connection, monotonic(), self.under_way))
        talk = Talk(self.seen[-1], len(self.at(path)), writer)
        try:
            await self.plays.get(path, Talk.answer)(talk)
        finally:
            self.under_way -= 1
            self.sent[path] += talk.sent
        return not talk.ends
