"""Asking issuers for their metadata, each once a run, before the inquiries of its orgs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from ..ask.metadata import Metadata, applied, well_known
from ..records import Exchange, Org
from .journal import Journal, Step

__all__ = ["DISCOVERY_STEP", "METADATA", "Discovery"]

#: The step of an org's inquiry under which its discovery is journaled.
DISCOVERY_STEP = 0
#: The kind of note that keeps what issuers said.
METADATA = "metadata"


class Asks(Protocol):
    """Asks one metadata URL, retries included; ``None`` where the run was stopped, or the budget ended."""

    async def __call__(self, org: Org, url: str, last: bool) -> tuple[Exchange, Metadata | None] | None: ...


class Discovery:
    """What the issuers of a run say; a resumed run asks none again that has answered."""

    def __init__(self, journal: Journal, steps: Mapping[str, Mapping[int, Step]], orgs: list[Org], ask: Asks) -> None:
        self._journal, self._ask = journal, ask
        self._found: dict[str, Metadata | None] = {
            key: Metadata.of_json(kept) for key, kept in journal.notes(METADATA).items()
        }
        for org in orgs:
            step = steps.get(org.name, {}).get(DISCOVERY_STEP)
            if org.issuer is not None and step is not None and step.closed:
                self._found.setdefault(_key(org), None)
        self._turns: dict[str, asyncio.Lock] = {}

    def of(self, org: Org) -> Metadata | None:
        """What is known of the org's issuer."""
        return self._found.get(_key(org)) if org.issuer else None

    async def discover(self, org: Org) -> tuple[Org | None, bool]:
        """The org with its endpoints, ``None`` where they are not known; and whether no stop came between."""
        if org.issuer is None:
            return org, True
        key = _key(org)
        async with self._turns.setdefault(key, asyncio.Lock()):
            if key not in self._found and not await self._look(org, key):
                return None, False
        metadata = self._found[key]
        if metadata is None and org.discovers_token_url:
            return None, True
        return applied(org, metadata), True

    async def _look(self, org: Org, key: str) -> bool:
        urls = well_known(str(org.issuer))
        for url in urls:
            answer = await self._ask(org, url, url == urls[-1])
            if answer is None:
                return False
            row, metadata = answer
            if metadata is not None:
                self._journal.note(METADATA, key, metadata.as_json())
            if metadata is not None or row.outcome in ("unreachable", "limited"):
                self._found[key] = metadata
                return True
        self._found[key] = None
        return True


def _key(org: Org) -> str:
    """Orgs that get the same answer, and may use the same of it."""
    return f"{org.issuer} {org.verify} {org.discovers_token_url}"
