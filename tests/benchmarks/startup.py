"""How long the user waits before anything happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import perf_counter

from .rows import Row, at_most, percentile

__all__ = ["measure"]

_TIMES = 11


def measure() -> list[Row]:
    """Whole processes, interpreter included: stricter than the import alone."""
    bare, imported = (sys.executable, "-c", "pass"), (sys.executable, "-c", "import orgscope_kit")
    script = Path(sys.executable).with_name("orgscope")
    help_ = (str(script), "--help") if script.exists() else (sys.executable, "-m", "orgscope_kit.desk.cli", "--help")
    took: dict[tuple[str, ...], list[float]] = {words: [] for words in (bare, imported, help_)}
    for words in took:
        _ms(words)  # compiles what is not compiled yet
    for _ in range(_TIMES):
        for words, all_ms in took.items():
            all_ms.append(_ms(words))
    nothing, kit, cli = (percentile(all_ms, 0.5) for all_ms in took.values())
    return [
        at_most("`import orgscope_kit` in a new process, ms (peer: bare Python)", kit, 150, nothing),
        at_most("`orgscope --help`, ms (peer: bare Python)", cli, 300, nothing),
    ]


def _ms(words: tuple[str, ...]) -> float:
    began = perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (perf_counter() - began)
