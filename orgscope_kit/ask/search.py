"""Which scopes are missing, in few exchanges: a generator that yields what to ask for and is sent what was heard."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

__all__ = ["Found", "Heard", "isolate"]

#: Up to so many scopes, asking one by one is as cheap as halving (METHODS A).
_ONE_BY_ONE = 5


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

    Named offenders are taken out and the rest is asked again; where none is named, small groups are asked one by one
    and larger ones halved. Sent ``None`` (no answer), the search ends with what it has.

    Returns:
        granted and missing, each in the order of ``scopes``.
    """
    tally = _Tally()
    with suppress(_NoAnswer):
        yield from _settle(tuple(scopes), first, tally)
    settled = tally.granted | tally.missing
    return Found(
        tuple(scope for scope in scopes if scope in tally.granted),
        tuple(scope for scope in scopes if scope in tally.missing),
        tuple(scope for scope in scopes if scope not in settled),
    )


@dataclass(slots=True)
class _Tally:
    granted: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)


class _NoAnswer(Exception):
    """The search cannot go on."""


def _settle(
    group: tuple[str, ...], heard: Heard | None, tally: _Tally
) -> Generator[tuple[str, ...], Heard | None, bool]:
    """Settle ``group``, of which ``heard`` is known or is asked for; returns whether a missing one was found."""
    found = False
    while group:
        heard = (yield group) if heard is None else heard
        if heard is None:
            raise _NoAnswer
        if heard.passed:
            tally.missing.update(heard.dropped)
            tally.granted.update(set(group) - set(heard.dropped))
            return found or bool(heard.dropped)
        found = True
        if not heard.named:
            break
        tally.missing.update(heard.named)
        group, heard = tuple(scope for scope in group if scope not in tally.missing), None
    if len(group) == 1:
        tally.missing.update(group)
    elif group:
        yield from _settle_parts(group, tally)
    return found


def _settle_parts(group: tuple[str, ...], tally: _Tally) -> Generator[tuple[str, ...], Heard | None, None]:
    """Settle a refused group by its parts: if all but the last lack nothing, the last one is refused unasked."""
    size = 1 if len(group) <= _ONE_BY_ONE else (len(group) + 1) // 2
    found = False
    for start in range(0, len(group), size):
        known = Heard(False) if start + size >= len(group) and not found else None
        found |= yield from _settle(group[start : start + size], known, tally)
