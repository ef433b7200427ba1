"""What a batch tells whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from ..records import Exchange

__all__ = ["Observer", "Progress"]


@dataclass(frozen=True, slots=True)
class Progress:
    """What happened just now, and where the run stands.

    Attributes:
        kind: an inquiry was ``opened``, an ``exchange`` was journaled, an org was ``settled``.
        exchange: the row, for ``exchange``.
        exchanges: journaled so far. orgs_done, orgs_total: inquiries that ended, and all. elapsed_s: since the start.
    """

    kind: Literal["opened", "exchange", "settled"]
    org: str
    exchange: Exchange | None
    exchanges: int
    orgs_done: int
    orgs_total: int
    elapsed_s: float


class Observer(Protocol):
    """Told of progress, on the batch's own thread; must return at once and not raise."""

    def __call__(self, progress: Progress) -> None: ...
