"""Answers in a few words, for evidence sentences."""

from __future__ import annotations

from ...records import Evidence, Exchange
from ..case import Case

__all__ = ["heard", "shown_by", "silence", "times"]


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


def silence(case: Case) -> list[Evidence]:
    """What a token answer without ``scope`` says on this server, where there was one and its meaning is known."""
    means = {"all": "all", "nothing": "none"}.get(case.style.absent_means or "")
    if means is None or not any(row.scope_stated is False and row.scope_requested for row in case.issued):
        return []
    says = f"On this server, a token answer without `scope` grants {means} of what was asked."
    return [Evidence(says, case.style.because)]
