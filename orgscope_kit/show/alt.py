"""What a figure shows, in words: its alternative text, made from the frame that it is drawn from."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from orgscope_kit.read import summary
from orgscope_kit.records import OUTCOMES
from orgscope_kit.show.words import listed, visible

__all__ = ["alt_text"]

Kind = Literal["matrix", "latency", "timeline"]


def alt_text(kind: Kind, frame: pd.DataFrame) -> str:
    """The alternative text of the figure ``kind`` drawn from ``frame`` (states, or observations)."""
    return {"matrix": _matrix, "latency": _latency, "timeline": _timeline}[kind](frame)


def _matrix(states: pd.DataFrame) -> str:
    counts = states.stack().value_counts() if states.size else pd.Series(dtype="int64")
    told = ", ".join(f"{counts.get(state, 0)} {state}" for state in ("granted", "missing", "unknown"))
    text = f"Table of letters, {_count(len(states), 'org')} by {_count(states.shape[1], 'scope')}: {told}."
    lacking = states == "missing"
    worst = lacking.sum().loc[lambda count: count > 0].sort_values(ascending=False).index
    names = (
        f"{visible(str(scope), 60)} in {listed(map(str, states.index[lacking[scope].fillna(False)]))}"
        for scope in worst
    )
    if len(worst):
        text += f" Missing: {visible(listed(names))}."
    return text


def _latency(observations: pd.DataFrame) -> str:
    orgs = summary.by_org(observations)["p50_total_ms"].dropna().sort_values()
    if orgs.empty:
        return "Bar chart of answer times, empty: nothing was answered."
    text = f"Bar chart of median answer times by phase for {_count(len(orgs), 'org')}."
    ends = [f"{visible(str(org), 60)} takes {ms:.0f} ms" for org, ms in orgs.iloc[[0, -1][: len(orgs)]].items()]
    return f"{text} At the median, {ends[0]}{f' and {ends[1]}' if len(ends) > 1 else ''}."


def _timeline(observations: pd.DataFrame) -> str:
    if observations.empty:
        return "Chart of outcomes over time, empty: no exchanges."
    counts = observations["outcome"].value_counts()
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts.get(outcome, 0))
    span = (observations["sent_at"].max() - observations["sent_at"].min()).total_seconds()
    what = f"{_count(len(observations), 'exchange')} of {_count(observations['org'].nunique(), 'org')}"
    return f"Chart of outcomes over time: {what} within {span:.1f} s, {told}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
