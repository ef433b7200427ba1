"""Which scopes are missing, in few exchanges: a generator that yields what to ask for and is sent what was heard.

Where the server names no offender, this is Bayesian nested group testing (nesting after Sobel and Groll, "Group
testing to eliminate efficiently all defectives in a binomial sample", Bell System Technical Journal 38, 1959): ask
for the group whose chance to pass is nearest one half, and bisect inside a group that was refused.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

__all__ = ["Found", "Heard", "isolate"]

#: How the prior chance of d missing scopes falls with d: (1 + d) to this power. Few missing is likelier than many.
_FALL = -1.5


@dataclass(frozen=True, slots=True)
class Heard:
    """What an answer says of the scopes asked for.

    Attributes:
        passed: whether a token came back. dropped: scopes of the request that a granted token lacks.
        named: scopes that a refusal singles out.
    """

    passed: bool
    dropped: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a search ended with; ``open`` could not be asked any more."""

    granted: tuple[str, ...]
    missing: tuple[str, ...]
    open: tuple[str, ...] = ()


def isolate(scopes: Sequence[str], first: Heard) -> Generator[tuple[str, ...], Heard | None, Found]:
    """Find the missing ones among ``scopes``, which were refused together with ``first``.

    Named offenders are taken out and all the rest is asked again. Where none is named, the next group is chosen by the
    chance that it passes. Sent ``None`` (no answer), the search ends with what it has.

    Returns:
        granted and missing, each in the order of ``scopes``.
    """
    state = _Search(tuple(scopes))
    group, heard = state.pool, first
    while group:
        state.hear(group, heard)
        group = state.next_group()
        if not group:
            break
        answer = yield group
        if answer is None:
            break
        heard = answer
    settled = state.granted | state.missing
    return Found(
        tuple(scope for scope in scopes if scope in state.granted),
        tuple(scope for scope in scopes if scope in state.missing),
        tuple(scope for scope in scopes if scope not in settled),
    )


@dataclass(slots=True)
class _Search:
    """What is known so far.

    Attributes:
        pool: scopes of which nothing is known. suspect: scopes of which at least one is missing.
        names: whether the server names offenders.
    """

    pool: tuple[str, ...]
    suspect: tuple[str, ...] = ()
    granted: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    names: bool = False

    def hear(self, group: tuple[str, ...], heard: Heard) -> None:
        """Take in the answer to ``group``, a prefix of the suspects if there are any, else of the pool."""
        rest = self.suspect[len(group) :]
        if not self.suspect:
            self.pool = self.pool[len(group) :]
        if heard.passed:
            self.missing.update(heard.dropped)
            self.granted.update(set(group) - set(heard.dropped))
            self.suspect = () if heard.dropped else rest
            self.pool = (*rest, *self.pool) if heard.dropped else self.pool
        elif heard.named:
            self.names = True
            self.missing.update(heard.named)
            self.suspect = ()
            self.pool = (*(scope for scope in group if scope not in self.missing), *rest, *self.pool)
        else:
            self.suspect = group
            self.pool = (*rest, *self.pool)
        if len(self.suspect) == 1:
            self.missing.update(self.suspect)
            self.suspect = ()

    def next_group(self) -> tuple[str, ...]:
        """What to ask for next; empty where all is settled."""
        group = self.suspect or self.pool
        if self.names and not self.suspect:
            return group
        return group[: self._size(len(group))] if group else ()

    def _size(self, most: int) -> int:
        """How many of the group's first scopes to ask for: as many as pass with a chance nearest one half."""
        untested = len(self.suspect) + len(self.pool)
        chance = _all_granted(untested, len(self.granted), len(self.missing))
        floor = chance(most) if self.suspect else 0.0  # a suspect group does not pass as a whole

        def passes(size: int) -> float:
            return (chance(size) - floor) / (1.0 - floor)

        largest = most - bool(self.suspect)
        size = bisect_left(range(1, largest), True, key=lambda size: passes(size) <= 0.5) + 1
        smaller = max(1, size - 1)
        return smaller if abs(passes(smaller) - 0.5) <= abs(passes(size) - 0.5) else size


def _all_granted(untested: int, granted: int, missing: int) -> Callable[[int], float]:
    """The chance that k certain ones of ``untested`` scopes are all granted, given what was settled: it falls with k.

    Under a prior on the number of missing ones that falls by ``_FALL``, all sets of one size being equally likely.
    """
    total = untested + granted + missing
    logs = [0.0]
    for number in range(1, total + 1):
        logs.append(logs[-1] + math.log(number))

    def choose(n: int, k: int) -> float:
        return logs[n] - logs[k] - logs[n - k]

    left = range(0 if missing else 1, untested + 1)  # something is missing: the whole was refused
    weights = [
        _FALL * math.log1p(missing + d) + choose(untested, d) - choose(total, missing + d) if missing + d else 0.0
        for d in left
    ]
    highest = max(weights)
    shares = [math.exp(weight - highest) for weight in weights]
    whole = sum(shares)

    def chance(k: int) -> float:
        some = (
            share * math.exp(choose(untested - k, d) - choose(untested, d))
            for d, share in zip(left, shares, strict=True)
            if d <= untested - k
        )
        return sum(some) / whole

    return chance
