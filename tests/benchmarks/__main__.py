"""Run every benchmark: print a table, write ``bench.json``.

Give words to run only the benchmarks whose module's name holds one of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter

from . import diagnosis, latency, memory, redaction, report, search, startup, throughput
from .rows import Row, table

#: In this order: what can be hurt by a warm process comes first.
BENCHMARKS = (startup, throughput, latency, search, diagnosis, report, memory, redaction)


def main(words: list[str]) -> None:
    """Measure, print, write."""
    rows: list[Row] = []
    for module in BENCHMARKS:
        name = module.__name__.rpartition(".")[2]
        if words and not any(word in name for word in words):
            continue
        began = perf_counter()
        rows += module.measure()
        print(f"{name}: {perf_counter() - began:.0f} s", file=sys.stderr, flush=True)  # noqa: T201
    print(table(rows))  # noqa: T201
    Path("bench.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
