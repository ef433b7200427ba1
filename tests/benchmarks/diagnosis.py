"""The diagnosis of a fleet from answers at hand, and how its cost grows with the fleet."""

from __future__ import annotations

from collections.abc import Callable

from orgscope_kit.ask.spec import Spec
from orgscope_kit.ask.verdict import Facts, judge

from .answers import answers, fleet
from .rows import Row, at_most, cpu_s

__all__ = ["measure"]

_FEW, _MANY = 500, 2000
#: Times a growth that is linear: caches and the collector of garbage take their share.
_SLACK = 1.3


def measure() -> list[Row]:
    """CPU seconds of ``judge``: plain; with one client for all orgs; with a change noted for every org."""
    few, many = _judging(_FEW, _plain), _judging(_MANY, _plain)
    rows = [at_most(f"diagnosis of {_FEW} orgs × 20 scopes, CPU s", few, 5), _growth("diagnosis", few, many)]
    for what, facts in (("one client for all orgs", _shared), ("a change an org", _changed)):
        few, many = _judging(_FEW, facts), _judging(_MANY, facts)
        rows += [at_most(f"the same, {what}, CPU s", few, 5), _growth(f"diagnosis, {what}", few, many)]
    return rows


def _growth(what: str, few: float, many: float) -> Row:
    linear = _MANY / _FEW
    return at_most(f"{what}: {_MANY:,} orgs by {_FEW} (peer: linear)", many / few, _SLACK * linear, linear)


def _judging(orgs: int, facts: Callable[[Spec], Facts]) -> float:
    spec = fleet(orgs, changes=orgs if facts is _changed else 0)
    held, known = answers(spec), facts(spec)
    return cpu_s(lambda: judge(spec.orgs, held, known), 2)


def _plain(spec: Spec) -> Facts:
    return Facts()


def _shared(spec: Spec) -> Facts:
    return Facts(twins=(tuple(org.name for org in spec.orgs),))


def _changed(spec: Spec) -> Facts:
    return Facts(changes={(each.org, each.scope): each.at for each in spec.changes})
