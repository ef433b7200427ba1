"""One HTTP exchange and its timings. ``httpx`` is the seam: any ``httpx.AsyncBaseTransport`` can be handed in."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
import zlib
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeAlias, cast
from urllib.request import getproxies, proxy_bypass

import anyio.lowlevel  # what httpx runs on
import httpx

from ..errors import InvestigationError, Problem
from .answers import Received

__all__ = ["MOST_BODY", "Timings", "Wire"]

#: Bytes of a body that are read; the rest is left.
MOST_BODY = 1 << 20

_CODINGS = {"gzip", "x-gzip", "deflate"}
#: httpcore's loggers: at DEBUG they show the headers of answers, and a server may echo what it was sent.
_TALKATIVE = ("httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks")
#: Paths of the client's certificate and key; and whom to trust, with it.
Certificate: TypeAlias = tuple[str, str] | None
Trust: TypeAlias = tuple[bool | str, Certificate]
_sending: ContextVar[bool] = ContextVar("orgscope_sending", default=False)


@dataclass(slots=True)
class Timings:
    """Stamps of one exchange, monotonic seconds; ``None`` where a phase did not happen or was not seen.

    httpcore's trace tells connect, TLS, send and first byte; it hides name resolution inside connect.
    """

    sent: float = 0.0
    ended: float = 0.0
    marks: dict[str, float] = field(default_factory=dict)
    connection: object = None  # address of our end; another connection may get it later

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Take a stamp; the hook that httpcore calls (its "trace" extension)."""
        self.marks[event] = monotonic()
        if event == "connection.connect_tcp.complete":
            self.note(info["return_value"])

    def note(self, stream: Any) -> None:
        """Keep which connection serves."""
        address = stream.get_extra_info("client_addr") if stream is not None else None
        if address is not None:
            self.connection = tuple(address)

    def between_ms(self, start: str, end: str) -> float | None:
        """Milliseconds between two events, or ``None``."""
        if start in self.marks and end in self.marks:
            return 1000.0 * (self.marks[end] - self.marks[start])
        return None

    @property
    def connect_ms(self) -> float | None:
        return self.between_ms("connection.connect_tcp.started", "connection.connect_tcp.complete")

    @property
    def tls_ms(self) -> float | None:
        return self.between_ms("connection.start_tls.started", "connection.start_tls.complete")

    @property
    def first_byte_ms(self) -> float | None:
        return self.between_ms("http11.send_request_body.complete", "http11.receive_response_headers.complete")

    @property
    def total_ms(self) -> float:
        return 1000.0 * (self.ended - self.sent)

    @property
    def reused(self) -> bool | None:
        """Whether a kept connection served; ``None`` where the transport does not tell."""
        if not self.marks:
            return None
        return "connection.connect_tcp.started" not in self.marks


class Wire:
    """Sends requests over one shared transport for each trust setting.

    Args:
        transport: used for everything when given, e.g. ``httpx.ASGITransport(app)``.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._given = transport
        self._kept: dict[tuple[Trust, str | None], httpx.AsyncBaseTransport] = {}
        self._contexts: dict[Trust, ssl.SSLContext] = {}
        for name in _TALKATIVE:
            logging.getLogger(name).addFilter(_not_ours)  # once: a filter is kept once

    async def prepare(self, urls: Iterable[tuple[str, bool | str] | tuple[str, bool | str, Certificate]]) -> None:
        """Do before the first exchange what would count as its time: trust stores read, libraries loaded.

        Raises:
            InvestigationError: a CA file or a proxy cannot be used.
        """
        await anyio.lowlevel.checkpoint()  # loads the backend that httpcore is going to use
        for url, verify, *also in dict.fromkeys(urls):
            certificate = also[0] if also else None
            try:
                self._shared(httpx.URL(url), (verify, certificate))
            except (OSError, ValueError, ImportError) as error:  # ssl.SSLError is an OSError
                files = verify if certificate is None else f"{verify} or {certificate[0]}"
                what, fix = f"the CA file {files} cannot be used", "Give certificates in PEM"
                if not isinstance(error, OSError):
                    what, fix = "the proxy of the environment cannot be used", "Check HTTPS_PROXY and ALL_PROXY"
                raise InvestigationError([Problem(url, f"{what} ({type(error).__name__})", fix)]) from None

    async def send(
        self,
        request: httpx.Request,
        *,
        verify: bool | str,
        timeout_s: float,
        fresh: bool = False,
        certificate: Certificate = None,
    ) -> tuple[Received | str, Timings, int | None]:
        """Carry out one exchange; never raises for what the network does, and follows no redirect.

        Returns:
            what was received, or a word for what went wrong; the timings; the status if one came before it went wrong.
        """
        timings = Timings()
        request.extensions = {
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout_s),
            "trace": timings.trace,
        }
        once = fresh and self._given is None
        trust = (verify, certificate)
        transport = self._open(request.url, trust) if once else self._shared(request.url, trust)
        ours = _sending.set(True)
        status: int | None = None
        timings.sent = monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                response = await transport.handle_async_request(request)
                status = response.status_code
                timings.note(response.extensions.get("network_stream"))
                try:
                    body = await _body(response)
                    timings.ended = monotonic()
                finally:
                    await response.aclose()
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Received(status, headers, body), timings, status
        except (httpx.HTTPError, httpx.StreamError, OSError, UnicodeError, zlib.error) as error:
            return word_for(error, status is not None), timings, status
        finally:
            timings.ended = timings.ended or monotonic()
            if once:
                await transport.aclose()
            _sending.reset(ours)

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in self._kept.values():
            await transport.aclose()
        self._kept.clear()

    def _shared(self, url: httpx.URL, trust: Trust) -> httpx.AsyncBaseTransport:
        if self._given is not None:
            return self._given
        key = (trust if url.scheme == "https" else (True, None), _proxy_for(url))
        if key not in self._kept:
            self._kept[key] = self._open(url, trust)
        return self._kept[key]

    def _open(self, url: httpx.URL, trust: Trust) -> httpx.AsyncBaseTransport:
        context = self._context(trust) if url.scheme == "https" else False
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=30.0)
        return httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=_proxy_for(url), trust_env=False)

    def _context(self, trust: Trust) -> ssl.SSLContext:
        if trust not in self._contexts:
            verify, certificate = trust
            context = _system_trust() if verify is True else ssl.create_default_context(cafile=str(verify))
            if certificate is not None:
                context.load_cert_chain(*certificate, password=b"")  # else it would ask at the terminal
            self._contexts[trust] = context
        return self._contexts[trust]


def _system_trust() -> ssl.SSLContext:
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _proxy_for(url: httpx.URL) -> str | None:
    """The proxy of the environment (or system) for ``url``, as the standard library reads it; none for loopback."""
    if url.host in ("localhost", "::1") or url.host.startswith("127.") or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _not_ours(record: logging.LogRecord) -> bool:
    return not _sending.get()


async def _body(response: httpx.Response) -> bytes:
    """The body, at most MOST_BODY of it; unpacked here, since httpx unpacks a chunk whole, however large it gets."""
    unpacker = _unpacker(response.headers.get("content-encoding", ""))
    body = bytearray()
    raw = cast(AsyncGenerator[bytes, None], response.aiter_raw())
    async with aclosing(raw) as chunks:
        async for chunk in chunks:
            left = MOST_BODY - len(body)
            body += unpacker.decompress(chunk, left) if unpacker is not None else chunk[:left]
            if len(body) >= MOST_BODY:
                break
    return bytes(body)


def _unpacker(coding: str) -> zlib._Decompress | None:
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding not in _CODINGS:
        raise httpx.DecodingError(f"an answer in {coding[:20]!r}, and none was asked for")
    return zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by its header


def word_for(error: BaseException, answered: bool) -> str:
    """The kit's own word for a failure of transport.

    >>> word_for(httpx.ConnectTimeout("slow"), False)
    'timeout'
    """
    causes = [each for each in _causes(error) if not isinstance(each, ssl.SSLWantReadError)]  # no fault: TLS read on
    known = (word for kind, word in _WORDS if any(isinstance(each, kind) for each in causes))
    if any(isinstance(each, OSError) and each.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH) for each in causes):
        word = "network_unreachable"
    elif isinstance(error, httpx.ProtocolError) and "disconnected" not in str(error):
        word = "protocol_error"
    else:
        word = next(known, "network_unreachable" if isinstance(error, httpx.ConnectError) else "connection_reset")
    return "truncated" if answered and word in ("connection_reset", "protocol_error") else word


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "tls_untrusted"),
    (ssl.SSLEOFError, "connection_reset"),
    (ssl.SSLError, "tls_failure"),
    (socket.gaierror, "dns_failure"),
    (UnicodeError, "dns_failure"),  # a name that cannot be one
    (ConnectionRefusedError, "connection_refused"),
    (TimeoutError, "timeout"),
    (httpx.TimeoutException, "timeout"),
    (httpx.ProxyError, "proxy_failure"),
    (httpx.DecodingError, "undecodable"),
    (zlib.error, "undecodable"),
    (ConnectionResetError, "connection_reset"),
    (anyio.BrokenResourceError, "connection_reset"),
    (anyio.EndOfStream, "connection_reset"),
)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    pending = [error]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        pending += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            pending += each.exceptions
