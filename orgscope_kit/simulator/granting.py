"""What a request for scopes gets, before any dialect puts it in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from orgscope_kit.simulator.scenario import Scenario, ServerStyle

__all__ = ["Decision", "context_of", "decide"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Scopes granted; or the offenders, in request order; or the first scope that is said to be unknown."""

    granted: tuple[str, ...] = ()
    offenders: tuple[str, ...] = ()
    unknown: str | None = None


def decide(
    asked: Sequence[str] | None, granted: Sequence[str], known: Collection[str], style: ServerStyle
) -> Decision | None:
    """Weigh ``asked`` against ``granted``; ``None`` when a request without scope is refused.

    >>> decide(["a", "b"], ["a"], {"a", "b"}, ServerStyle())
    Decision(granted=(), offenders=('b',), unknown=None)
    >>> decide(["a", "b"], ["a"], {"a", "b"}, ServerStyle(ungranted="narrow")).granted
    ('a',)
    """
    if asked is None:
        return Decision(tuple(granted)) if style.no_scope == "all" else None
    strange = [scope for scope in asked if scope not in known]
    if strange and style.unknown == "say":
        return Decision(unknown=strange[0])
    wanted = [scope for scope in asked if style.unknown != "drop" or scope in known]
    offenders = tuple(scope for scope in wanted if scope not in granted)
    if offenders and style.ungranted == "refuse":
        return Decision(offenders=offenders)
    return Decision(tuple(scope for scope in wanted if scope in granted))


def context_of(scenario: Scenario, client_org: str, org_id: str | None) -> str | None:
    """The org whose context a token request means; ``None`` for an org that does not exist.

    Without ``org_id`` a global integration falls back to its home org: this is the story's trap.
    """
    home = scenario.integration.home if scenario.integration.kind == "global" else client_org
    if org_id is None or scenario.server.ignores_org_id:
        return home
    return scenario.org_named(org_id)
