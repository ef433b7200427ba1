"""Live progress on a terminal."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from .terminal import watched

if TYPE_CHECKING:
    from rich.table import Table

    from ..send.batch import Progress

__all__ = ["Live", "shown"]

_RATE_OVER_S = 3.0
_DRAWN_PER_S = 8


class Live:
    """What a run has come to. Told by the batch on its thread, where it only keeps; drawn on the terminal's.

    Attributes:
        note: what is said in place of the outcomes.
    """

    def __init__(self, orgs: int) -> None:
        self._orgs, self._started = orgs, monotonic()
        self._last: Progress | None = None
        self._outcomes: Counter[str] = Counter()
        self._seen: deque[tuple[float, int]] = deque([(self._started, 0)])
        self.note = ""

    def __call__(self, progress: Progress) -> None:
        """Keep it; the batch's Observer."""
        if self._last is None:
            self._seen = deque([(monotonic(), progress.exchanges)])  # a resumed run does not start at none
        self._last = progress
        if progress.exchange is not None:
            self._outcomes[progress.exchange.outcome] += 1

    def __rich__(self) -> Table:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        done, total, exchanges = self._counts
        elapsed = int(monotonic() - self._started)
        words = self.note or ("writing the report" if total and done == total else self.outcomes)
        clock = f"{elapsed // 60}:{elapsed % 60:02}"
        counts = f"{done}/{total} orgs  {exchanges} exchanges  {self._rate(exchanges):.1f}/s  {clock}"
        progress = ProgressBar(total=max(total, 1), completed=done, width=24)
        line = Table.grid(padding=(0, 2))
        line.add_row(progress, Text(counts), Text(words, overflow="ellipsis", no_wrap=True))
        return line

    @property
    def outcomes(self) -> str:
        """How many exchanges ended how, the most frequent first."""
        return ", ".join(f"{count} {outcome}" for outcome, count in self._outcomes.copy().most_common())

    @property
    def summary(self) -> str:
        """A sentence for the end."""
        done, total, exchanges = self._counts
        took = f"{monotonic() - self._started:.1f} s"
        return f"{done} of {total} orgs settled, {exchanges} exchanges, {took} ({self.outcomes or 'none new'})."

    @property
    def _counts(self) -> tuple[int, int, int]:
        last = self._last
        return (last.orgs_done, last.orgs_total, last.exchanges) if last else (0, self._orgs, 0)

    def _rate(self, exchanges: int) -> float:
        """Exchanges a second, over the last few seconds."""
        now = monotonic()
        self._seen.append((now, exchanges))
        while len(self._seen) > 2 and self._seen[1][0] < now - _RATE_OVER_S:
            self._seen.popleft()
        then, before = self._seen[0]
        return (exchanges - before) / (now - then) if now > then else 0.0


@contextmanager
def shown(live: Live) -> Iterator[None]:
    """Draw it on standard error while the block lasts; where that is no terminal, draw nothing."""
    if not watched():
        yield
        return
    from rich.console import Console
    from rich.live import Live as Drawn

    console = Console(stderr=True)
    with Drawn(live, console=console, refresh_per_second=_DRAWN_PER_S, transient=True, redirect_stdout=False):
        yield
