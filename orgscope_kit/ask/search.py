"""Which scopes are missing, in few exchanges: a generator that yields what to ask for and is sent what was heard."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

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
    granted: set[str] = set()
    missing: set[str] = set()
    pending: list[tuple[tuple[str, ...], Heard | None]] = [(tuple(scopes), first)]
    while pending:
        group, heard = pending.pop()
        if not group:
            continue
        if heard is None:
            heard = yield group
            if heard is None:
                break
        if heard.passed:
            missing.update(heard.dropped)
            granted.update(set(group) - set(heard.dropped))
        elif heard.named:
            missing.update(heard.named)
            pending.append((tuple(scope for scope in group if scope not in heard.named), None))
        elif len(group) == 1:
            missing.update(group)
        else:
            pending.extend(_split(group))
    settled = granted | missing
    return Found(
        tuple(scope for scope in scopes if scope in granted),
        tuple(scope for scope in scopes if scope in missing),
        tuple(scope for scope in scopes if scope not in settled),
    )


def _split(group: tuple[str, ...]) -> list[tuple[tuple[str, ...], None]]:
    """The parts to ask next, last one first."""
    if len(group) <= _ONE_BY_ONE:
        return [((scope,), None) for scope in reversed(group)]
    middle = len(group) // 2
    return [(group[middle:], None), (group[:middle], None)]
