"""In how many exchanges the missing scopes are found, where the server names none of them (METHODS A)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from orgscope_kit.ask.search import Heard, isolate

from .rows import Row, at_most, seen

__all__ = ["measure"]

_TRIALS = 1000


def measure() -> list[Row]:
    """The search and the refused baseline that starts it, as METHODS counts; no verification, no controls."""
    return [row for scopes, missing in ((20, 2), (100, 5)) for row in _rows(scopes, missing)]


def _rows(scopes: int, missing: int) -> list[Row]:
    drawn = random.Random(7)
    names = [f"scope:{number}" for number in range(scopes)]
    lacking = [frozenset(drawn.sample(names, missing)) for _ in range(_TRIALS)]
    counts = [_by_kit(names, each) for each in lacking]
    mean, bound = sum(counts) / _TRIALS, math.log2(math.comb(scopes, missing))
    halving = sum(1 + _by_halving(names, each) for each in lacking) / _TRIALS
    what = f"search, n={scopes} d={missing}: "
    return [
        at_most(f"{what}mean exchanges (peer: bound)", mean, round(1.1 * bound + 3.6, 1), bound),
        at_most(f"{what}worst of {_TRIALS} (peer: mean)", max(counts), round(mean + 5, 1), mean),
        seen(f"{what}mean exchanges (peer: halving)", mean, halving),
        seen(f"{what}mean exchanges (peer: one by one)", mean, scopes),
    ]


def _by_kit(scopes: Sequence[str], lacking: frozenset[str]) -> int:
    search, count, heard = isolate(scopes, Heard(False)), 1, None
    while True:
        try:
            group = next(search) if heard is None else search.send(heard)
        except StopIteration as end:
            found = end.value
            break
        count, heard = count + 1, Heard(lacking.isdisjoint(group))
    assert set(found.missing) == lacking
    return count


def _by_halving(scopes: Sequence[str], lacking: frozenset[str]) -> int:
    """Of a refused group ask the left half, and the right one unless it must be refused since the left passed."""
    if len(scopes) == 1:
        return 0
    left, right = scopes[: len(scopes) // 2], scopes[len(scopes) // 2 :]
    if lacking.isdisjoint(left):
        return 1 + _by_halving(right, lacking)
    asked = 2 + _by_halving(left, lacking)
    return asked if lacking.isdisjoint(right) else asked + _by_halving(right, lacking)
