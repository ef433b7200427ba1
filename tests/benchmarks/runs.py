"""A run folder of a fleet, journaled and not yet read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from orgscope_kit.desk.folder import Folder, versions
from orgscope_kit.send.journal import Journal

from .answers import answers, fleet

__all__ = ["folder"]


@contextmanager
def folder(orgs: int, scopes: int = 20) -> Iterator[Folder]:
    """What a run of ``orgs`` leaves behind when it is killed just before its end."""
    spec = fleet(orgs, scopes)
    held = answers(spec)
    with TemporaryDirectory() as name:
        made = Folder.make(Path(name))
        journal = Journal(made.journal)
        journal.append(list(chain.from_iterable(held.values())), 1, closes=True)
        journal.close()
        made.write_info(
            {
                "investigation": dict(spec.frozen), "source": None, "digest": spec.digest(), "state": "done",
                "started_at": "2026-11-24T10:15:30+00:00", "ended_at": "2026-11-24T10:35:30+00:00",
                "versions": versions(), "facts": {}, "clock_skew_s": {}, "simulation": True,
                "counts": {"exchanges": sum(map(len, held.values()))},
            }
        )  # fmt: skip
        yield made
