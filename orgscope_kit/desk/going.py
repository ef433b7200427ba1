"""A run under way: the batch on a loop in a thread of its own, so that the caller's thread touches no timing."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

import httpx

from ..ask.spec import Spec
from ..send.batch import Batch, Observer
from ..send.credentials import Credentials
from ..send.journal import Journal

__all__ = ["Going", "Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a batch ended.

    Attributes:
        complete: whether every org was settled.
        skew_s: by ``host:port``, seconds that its clock is ahead of ours (median), and from how many answers.
        simulated: whether a sandbox answered.
    """

    complete: bool
    skew_s: dict[str, tuple[float, int]]
    simulated: bool


class Going:
    """Starts on construction; ``result`` is a :class:`concurrent.futures.Future`.

    The journal, and the lock on it, stays open when the batch ends well: there is more to write in its folder.

    Args:
        stopped: whether to begin as if ``stop`` had been called.
    """

    def __init__(
        self,
        spec: Spec,
        credentials: Credentials,
        journal: Journal,
        transport: httpx.AsyncBaseTransport | None,
        observer: Observer | None,
        stopped: bool = False,
    ) -> None:
        self._spec, self._credentials, self._journal = spec, credentials, journal
        self._transport, self._observer = transport, observer
        self._loop: asyncio.AbstractEventLoop | None = None
        self._batch: Batch | None = None
        self._stop_asked = stopped
        self.result: Future[Outcome] = Future()
        Thread(target=self._work, name="orgscope batch", daemon=True).start()

    def stop(self) -> None:
        """Ask for no further exchange; what is under way is awaited. From any thread, any number of times."""
        self._stop_asked = True
        loop, batch = self._loop, self._batch
        if loop is not None and batch is not None:
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(batch.stop)

    def _work(self) -> None:
        with asyncio.Runner() as runner:  # its end may wait for a name server; the result does not
            try:
                self.result.set_result(runner.run(self._ask()))
            except BaseException as error:
                self.result.set_exception(_first(error))

    async def _ask(self) -> Outcome:
        try:
            batch = Batch(
                self._spec, self._credentials, self._journal, transport=self._transport, observer=self._observer
            )
            self._loop, self._batch = asyncio.get_running_loop(), batch
            if self._stop_asked:
                batch.stop()
            complete = await batch.run()
            skews = {
                host: (round(sorted(seen)[len(seen) // 2], 3), len(seen)) for host, seen in batch.sender.skews.items()
            }
            return Outcome(complete, skews, batch.sender.simulated)
        except BaseException:
            self._journal.close()
            raise
        finally:
            self._credentials.drop()
            self._batch = None  # it knows the forms of the secrets


def _first(error: BaseException) -> BaseException:
    """The error itself, where a group of tasks failed."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
