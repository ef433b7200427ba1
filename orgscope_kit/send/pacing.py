"""When a request may start: evenly spaced and few at a time, for each ``host:port`` and over all orgs that share it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from ..records import Limits

__all__ = ["Gate", "Gates", "happens_within"]


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

    async def start(self, stopping: asyncio.Event | None = None) -> bool:
        """Wait for the next start, in order of asking; ``False`` where ``stopping`` came first."""
        async with self._turn:
            while (wait := self._next - monotonic()) > 0:  # a timer may wake a little early
                if stopping is None:
                    await asyncio.sleep(wait)
                elif await happens_within(stopping, wait):
                    break
            if stopping is not None and stopping.is_set():
                return False
            self._next = monotonic() + self._spacing_s
            return True


class Gates:
    """A gate for each ``host:port``, made when it is first asked for."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_host: dict[str, Gate] = {}

    def at(self, host: str) -> Gate:
        """The gate of ``host:port``."""
        gate = self._by_host.get(host)
        if gate is None:
            gate = self._by_host[host] = Gate(self._limits)
        return gate


async def happens_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for ``event`` so long; whether it is set."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
