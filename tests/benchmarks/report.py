"""The report of a fleet, from its run folder."""

from __future__ import annotations

from time import perf_counter

from orgscope_kit.desk.run import Run

from .rows import Row, at_most, seen
from .runs import folder

__all__ = ["measure"]


def measure() -> list[Row]:
    """Seconds and MB, in a process that has drawn before."""
    with folder(20) as small:
        Run(small).report()  # imports, fonts
    with folder(500) as made:
        began = perf_counter()
        run = Run(made)
        _ = run.observations, run.diagnosis
        read_s = perf_counter() - began
        began = perf_counter()
        path = run.report()
        report_s = perf_counter() - began
        rows = len(run.exchanges)
        return [
            at_most("report of 500 orgs × 20 scopes, s", report_s, 5),
            at_most("report of 500 orgs × 20 scopes, MB", path.stat().st_size / 1e6, 2),
            seen(f"what it needs first: folder to frame and diagnosis, {rows:,} exchanges, s", read_s),
        ]
