"""The kit's whole way, from probe to journaled row, and how people ask without it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import httpx

from orgscope_kit.ask.spec import Spec, from_mapping
from orgscope_kit.desk.going import Going
from orgscope_kit.records import Exchange
from orgscope_kit.send.credentials import Credentials
from orgscope_kit.send.journal import Journal

__all__ = ["Ended", "Peer", "by_aiohttp", "by_httpx", "by_kit", "fleet"]


@dataclass(frozen=True)
class Ended:
    """What a batch took, and what it journaled."""

    seconds: float
    cpu_s: float
    rows: tuple[Exchange, ...]

    @property
    def per_s(self) -> float:
        """Exchanges a second."""
        return len(self.rows) / self.seconds


@dataclass(frozen=True)
class Peer:
    """What a peer's requests took: in all, and each, in ms around its await, with the server's id for it."""

    seconds: float
    cpu_s: float
    took: list[tuple[float, str]]

    @property
    def per_s(self) -> float:
        """Exchanges a second."""
        return len(self.took) / self.seconds


@contextmanager
def fleet(url: str, orgs: int, scopes: Sequence[str], in_flight: int, secrets: int = 1) -> Iterator[Spec]:
    """An investigation of ``orgs``, paced by nothing but ``in_flight``; they share ``secrets``."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        lines = [f"SECRET_{n}=benchmark-{n:05d}-5f1c9a7e40b2d863\n" for n in range(secrets)]
        (folder / ".env").write_text("".join(lines))
        (folder / ".env").chmod(0o600)
        entry = {"token_url": url, "scopes": list(scopes)}
        asked = {
            f"org-{n:05d}": {
                **entry,
                "client_id": f"client-{n % secrets:05d}",
                "client_secret": {"dotenv": f"SECRET_{n % secrets}"},
            }
            for n in range(orgs)
        }
        limits = {"rate_per_s": 1e6, "concurrency": in_flight, "timeout_s": 30, "budget": 1000}
        keys = {"title": "Benchmark", "scopes": list(scopes), "orgs": asked, "limits": limits}
        spec = from_mapping(keys, folder=folder).spec
        assert spec is not None
        yield spec


def by_kit(spec: Spec, meanwhile: Callable[[], object] | None = None) -> Ended:
    """Ask as a run does: a batch on its own thread, its journal on disk. ``meanwhile`` keeps the main thread busy."""
    with TemporaryDirectory() as name:
        began, cpu_began = perf_counter(), process_time()
        journal = Journal(Path(name) / "journal.sqlite")
        going = Going(spec, Credentials.of(spec), journal, None, None)
        while meanwhile is not None and not going.result.done():
            meanwhile()
        going.result.result()  # the journal stays open where it ends well
        seconds, cpu_s = perf_counter() - began, process_time() - cpu_began
        try:
            return Ended(seconds, cpu_s, tuple(journal.exchanges()))
        finally:
            journal.close()


def by_httpx(url: str, scopes: Sequence[str], in_flight: int, requests: int) -> Peer:
    """Plain ``httpx.AsyncClient`` under gather and a semaphore."""

    async def all_of_them() -> list[tuple[float, str]]:
        few = asyncio.Semaphore(in_flight)
        form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(auth=("client", "secret"), limits=limits, timeout=30, trust_env=False) as client:

            async def one() -> tuple[float, str]:
                async with few:
                    sent = perf_counter()
                    answer = await client.post(url, data=form)
                    took_ms = 1000 * (perf_counter() - sent)
                    answer.json()
                    return took_ms, answer.headers["x-request-id"]

            return await asyncio.gather(*(one() for _ in range(requests)))

    return _timed(all_of_them)


def by_aiohttp(url: str, scopes: Sequence[str], in_flight: int, requests: int) -> Peer:
    """aiohttp as people write it; only where it is installed."""
    aiohttp: Any = import_module("aiohttp")

    async def all_of_them() -> list[tuple[float, str]]:
        few = asyncio.Semaphore(in_flight)
        form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
        async with aiohttp.ClientSession(auth=aiohttp.BasicAuth("client", "secret")) as session:

            async def one() -> tuple[float, str]:
                async with few:
                    sent = perf_counter()
                    async with session.post(url, data=form) as answer:
                        await answer.json()
                        return 1000 * (perf_counter() - sent), answer.headers["x-request-id"]

            return await asyncio.gather(*(one() for _ in range(requests)))

    return _timed(all_of_them)


def _timed(work: Callable[[], Coroutine[None, None, list[tuple[float, str]]]]) -> Peer:
    began, cpu_began = perf_counter(), process_time()
    took = asyncio.run(work())
    return Peer(perf_counter() - began, process_time() - cpu_began, took)
