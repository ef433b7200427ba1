"""What an observation weighs before the frame is built."""

from __future__ import annotations

import tracemalloc

from orgscope_kit.desk.run import Run

from .rows import Row, at_most
from .runs import folder

__all__ = ["measure"]


def measure() -> list[Row]:
    """Bytes a row of ``run.exchanges``, which is all that a run reads before it builds the frame."""
    with folder(1000) as made:
        run = Run(made)
        tracemalloc.start()
        try:
            rows = len(run.exchanges)
            held, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        frame = float(run.observations.memory_usage(deep=True).sum())
        return [
            at_most(
                f"memory an observation, {rows:,} in all, bytes (peer: the frame's)", held / rows, 200, frame / rows
            ),
            at_most("the same at its peak, bytes (peer: the frame's)", most / rows, 200, frame / rows),
        ]
