"""A measured figure beside its peer and its goal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import process_time
from typing import TypedDict

__all__ = ["Row", "at_least", "at_most", "cpu_s", "percentile", "seen", "table"]


class Row(TypedDict):
    """``ratio`` is ours by the peer's; ``met`` is ``None`` where there is no goal, or it could not be measured."""

    name: str
    ours: float | None
    peer: float | None
    ratio: float | None
    goal: str | None
    met: bool | None


def at_least(name: str, ours: float, peer: float, ratio: float, goal: float) -> Row:
    """A ratio that must reach ``goal``."""
    return Row(name=name, ours=ours, peer=peer, ratio=ratio, goal=f"ratio ≥ {goal:g}", met=ratio >= goal)


def at_most(name: str, ours: float, goal: float, peer: float | None = None, unit: str = "") -> Row:
    """A figure that must not pass ``goal``."""
    return Row(name=name, ours=ours, peer=peer, ratio=_ratio(ours, peer), goal=f"≤ {goal:g}{unit}", met=ours <= goal)


def seen(name: str, ours: float | None, peer: float | None = None, why: str | None = None) -> Row:
    """A figure without a goal of its own, or one that could not be measured, and ``why``."""
    return Row(name=name, ours=ours, peer=peer, ratio=_ratio(ours, peer), goal=why, met=None)


def percentile(values: Iterable[float], share: float) -> float:
    """The value that ``share`` of them do not pass.

    >>> percentile([3, 1, 2], 0.5)
    2
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def cpu_s(work: Callable[[], object], times: int = 3) -> float:
    """The least CPU seconds that ``work`` took: what others do on the machine only adds."""
    took = []
    for _ in range(times):
        began = process_time()
        work()
        took.append(process_time() - began)
    return min(took)


def table(rows: Sequence[Row]) -> str:
    """For people."""
    lines = [("benchmark", "ours", "peer", "ratio", "goal", "met")]
    lines += [
        (row["name"], _text(row["ours"]), _text(row["peer"]), _text(row["ratio"]), row["goal"] or "",
         {True: "yes", False: "NO", None: ""}[row["met"]])
        for row in rows
    ]  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    sides = "<>>><<"
    aligned = (
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in aligned)


def _ratio(ours: float | None, peer: float | None) -> float | None:
    return None if ours is None or not peer else ours / peer


def _text(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
