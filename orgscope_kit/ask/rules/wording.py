"""Answers in a few words, for evidence sentences."""

from __future__ import annotations

from ...records import Exchange

__all__ = ["heard", "times"]


def heard(row: Exchange) -> str:
    """An answer in a few words, for evidence sentences."""
    if row.outcome == "unreachable":
        return f"no answer ({row.error})"
    if row.outcome in ("granted", "narrowed"):
        return "a token" if row.outcome == "granted" else "a token with fewer scopes"
    text = f" “{row.error_description}”" if row.error_description else ""
    return f"{row.status} {row.error or '(no error code)'}{text}"


def times(count: int) -> str:
    """How often, in words."""
    return {1: "Once", 2: "Twice"}.get(count, f"{count} times")
