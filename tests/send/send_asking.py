"""Running a batch over orgs given as a mapping, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from orgscope_kit.ask.spec import Spec, from_mapping
from orgscope_kit.records import Exchange
from orgscope_kit.send.batch import Batch, Progress
from orgscope_kit.send.credentials import Credentials
from orgscope_kit.send.journal import Journal

SECRET = "secret-of-{org}-1f0c9a7e52"
FAST = {"rate_per_s": 1000, "concurrency": 8, "timeout_s": 5}


@dataclass(frozen=True)
class Settled:
    """A batch at its end: its rows by org, as the journal keeps them."""

    rows: Mapping[str, tuple[Exchange, ...]]
    batch: Batch
    complete: bool
    endings: Mapping[str, str]

    @property
    def every(self) -> list[Exchange]:
        """All rows, in the order of ids."""
        return sorted((row for rows in self.rows.values() for row in rows), key=lambda row: row.exchange_id)


def spec_of(folder: Path, orgs: Mapping[str, Mapping[str, Any]], **keys: Any) -> Spec:
    """A spec in which each org has a client and a secret of its own, kept in a file."""
    entries = {}
    for name, own in orgs.items():
        path = folder / f"{name}.secret"
        path.write_text(own.get("secret", SECRET.format(org=name)), "utf-8")
        path.chmod(0o600)
        plain = {"client_id": f"{name}-client", "client_secret": {"file": str(path)}}
        entries[name] = plain | {key: value for key, value in own.items() if key != "secret"}
    limits = FAST | keys.pop("limits", {})
    draft = from_mapping({"scopes": ["a"], "orgs": entries, "limits": limits, **keys}, folder=folder)
    assert draft.spec is not None, draft.problems
    return draft.spec


def settle(
    folder: Path,
    orgs: Mapping[str, Mapping[str, Any]],
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    watching: Callable[[Batch, Progress], None] | None = None,
    **keys: Any,
) -> Settled:
    """Settle the orgs, with the journal in ``folder``; ``watching`` is told of progress."""
    spec = spec_of(folder, orgs, **keys)
    journal = Journal(folder / "journal.sqlite")

    async def run() -> tuple[Batch, bool]:
        def observe(progress: Progress) -> None:
            if watching is not None:
                watching(batch, progress)

        batch = Batch(spec, Credentials.of(spec), journal, transport=transport, observer=observe)
        return batch, await batch.run()

    try:
        batch, complete = asyncio.run(run())
        rows = {org.name: tuple(row for row in journal.exchanges() if row.org == org.name) for org in spec.orgs}
        return Settled(rows, batch, complete, journal.endings())
    finally:
        journal.close()
