"""When a request may start: evenly spaced and few at a time, for each ``host:port`` and over all orgs that share it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from ..records import Limits

__all__ = ["Gate", "Gates"]


class Gate:
    """The limits of one host: starts lie ``1/rate_per_s`` apart, without bursts, and a slot is held while needed."""

    def __init__(self, limits: Limits) -> None:
        self._spacing_s = 1.0 / limits.rate_per_s
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._next = float("-inf")
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the host's slots; wait for it if need be."""
        async with self._slots:
            yield

    async def start(self) -> None:
        """Wait for the next start. In order of asking."""
        async with self._turn:
            wait = self._next - monotonic()
            while wait > 0:
                await asyncio.sleep(wait)
                wait = self._next - monotonic()  # a timer may wake a little early
            self._next = monotonic() + self._spacing_s


class Gates:
    """A gate for each ``host:port``, made when it is first asked for."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_host: dict[str, Gate] = {}

    def at(self, host: str) -> Gate:
        """The gate of ``host:port``."""
        return self._by_host.setdefault(host, Gate(self._limits))
