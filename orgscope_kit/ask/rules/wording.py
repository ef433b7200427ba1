"""Answers in a few words, for evidence sentences."""

from __future__ import annotations

from ...records import Evidence, Exchange
from ..case import Case
from ..evidence import Style

__all__ = ["heard", "manners", "shown_by", "silence", "times"]


def heard(row: Exchange) -> str:
    """An answer in a few words, for evidence sentences."""
    if row.outcome == "unreachable":
        return f"no answer ({row.error})"
    if row.outcome in ("granted", "narrowed"):
        return "a token" if row.outcome == "granted" else "a token with fewer scopes"
    text = f" “{row.error_description.rstrip('. ')}”" if row.error_description else ""
    return f"{row.status} {row.error or '(no error code)'}{text}"


def shown_by(row: Exchange) -> str:
    """What tells of a token, and whose sentence goes on with "that …"."""
    return "Inspection shows" if row.purpose == "inspect" else "The token's own claims, or its answer, show"


def times(count: int) -> str:
    """How often, in words."""
    return {1: "Once", 2: "Twice"}.get(count, f"{count} times")


def manners(style: Style) -> list[Evidence]:
    """How a server answers, one sentence a habit that its answers have shown; empty where none has."""
    told = (
        (style.states_granted, "States `scope` even where all that was asked is granted."),
        (style.refuses_unknown, "Refuses a made-up scope as it refuses one that is not granted."),
        (style.says_unknown, "Says of a made-up scope that it does not know it."),
        (style.drops_unknown, "Drops a made-up scope in silence."),
        (style.refuses_ungranted, "Refuses a request that holds a scope which is not granted."),
    )
    found = [Evidence(says, shown) for shown, says in told if shown]
    means = {"all": "all of what was asked", "nothing": "none of what was asked"}.get(style.absent_means or "")
    if means is not None:
        found.append(Evidence(f"So a token answer without `scope` grants {means}.", style.because))
    return found


def silence(case: Case) -> list[Evidence]:
    """What a token answer without ``scope`` says on this server, where there was one and its meaning is known."""
    means = {"all": "all", "nothing": "none"}.get(case.style.absent_means or "")
    if means is None or not any(row.scope_stated is False and row.scope_requested for row in case.issued):
        return []
    says = f"On this server, a token answer without `scope` grants {means} of what was asked."
    return [Evidence(says, case.style.because)]
