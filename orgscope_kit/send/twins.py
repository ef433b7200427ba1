"""Orgs that present the same client to the same server in the same way: after a rejection it is asked no more."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence

from ..ask.answers import about, presents_alike, token_rows
from ..records import Exchange, Org

__all__ = ["Twins"]


class Twins:
    """Who asks first of each group of twins; the others wait until the server has accepted the client, or has not.

    Args:
        groups: names of orgs that hold the same client id and secret.
        asked: orgs that the journal holds rows of; they ask on, and wait for no one.
    """

    def __init__(
        self, orgs: Sequence[Org], groups: Iterable[Sequence[str]], reference: str | None, asked: Collection[str]
    ) -> None:
        by_name = {org.name: org for org in orgs}
        self._first: dict[str, str] = {}
        for group in groups:
            order = sorted((by_name[name] for name in group if name in by_name), key=lambda org: (
                org.name != reference, org.name not in asked,
            ))  # fmt: skip
            for n, org in enumerate(order):
                first = next((each for each in order[:n] if presents_alike(each, org)), None)
                if first is not None and org.name not in asked:
                    self._first[org.name] = self._first.get(first.name, first.name)
        self._told = {name: asyncio.Event() for name in self._first.values()}
        self._refused: set[str] = set()

    async def refused_before(self, org: Org) -> bool:
        """Wait for the org that asks first; whether the server refuses the client there."""
        first = self._first.get(org.name)
        if first is None:
            return False
        await self._told[first].wait()
        return first in self._refused

    def heard(self, org: Org, rows: Sequence[Exchange]) -> None:
        """Let the others go on as soon as an answer shows that the client is accepted."""
        if org.name in self._told and not _refuses(org, rows):
            self._told[org.name].set()

    def told(self, org: Org, rows: Sequence[Exchange]) -> None:
        """The org's inquiry is over."""
        if org.name in self._told:
            if _refuses(org, rows):
                self._refused.add(org.name)
            self._told[org.name].set()


def _refuses(org: Org, rows: Sequence[Exchange]) -> bool:
    """Whether every answer of the token endpoint refuses the client."""
    answers = token_rows(org, rows)
    return bool(answers) and all(about(org, row) == "client" for row in answers)
