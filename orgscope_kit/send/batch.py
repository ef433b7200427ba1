"""Many inquiries at once: the only concurrency of the kit.

Drives one inquiry an org, paced and limited for each ``host:port``; retries, inspects, journals; tells one observer.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Literal

import httpx

from ..ask.evidence import Ledger, host_of
from ..ask.inquiry import inquire
from ..ask.metadata import Metadata
from ..ask.spec import Spec
from ..providers import Revocation, named
from ..records import Exchange, Org, Probe
from ..scopes import CONTROL_SCOPE
from .client_auth import encoding_differs
from .credentials import Credentials
from .discovery import DISCOVERY_STEP, Discovery
from .exchange import Clock, Sender
from .journal import Journal
from .pacing import Gates, happens_within
from .progress import Observer, Progress
from .transport import Wire
from .twins import Twins

__all__ = ["REVOKED", "Batch", "Observer", "Progress"]

#: The kind of note that counts revoked tokens, by org.
REVOKED = "revoked"

_MOST_WAIT_S = 120.0
_RETRY_STATUS = frozenset({502, 503, 504})
_NO_SECOND_TRY = frozenset({"tls_untrusted", "tls_failure", "undecodable"})


class Batch:
    """One run of all inquiries of an investigation.

    Args:
        credentials: with the secret of every org that is asked.
        transport: in place of the network, e.g. ``httpx.ASGITransport(app)``.
    """

    def __init__(
        self,
        spec: Spec,
        credentials: Credentials,
        journal: Journal,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._spec, self._credentials, self._journal, self._observer = spec, credentials, journal, observer
        self._orgs = [org for org in spec.orgs if org.name not in credentials.missing]
        self._steps = journal.steps()
        before = [row for steps in self._steps.values() for step in steps.values() for row in step.rows]
        self._exchanges = len(before)
        self._wire, self._clock = Wire(transport), Clock()
        connections = max((row.connection_id or 0 for row in before), default=0)
        self.sender = Sender(spec, credentials, self._wire, self._clock, connections)
        self._gates, self._ledger = Gates(spec.limits), Ledger()
        self._places: dict[str, AsyncExitStack] = {}
        self._controls: dict[str, asyncio.Future[tuple[Exchange, ...]]] = {}
        self._discovery = Discovery(journal, self._steps, self._orgs, self._metadata)
        asked = {name for name, steps in self._steps.items() if steps.keys() - {DISCOVERY_STEP}}
        self._twins = Twins(self._orgs, credentials.twins(), spec.reference, asked)
        self._revoked: dict[str, int] = journal.notes(REVOKED)
        self._keeping: set[str] = set()  # URLs of revocation that refuse
        self._stopping = asyncio.Event()
        self._done = 0
        found = {name: steps[DISCOVERY_STEP].rows for name, steps in self._steps.items() if DISCOVERY_STEP in steps}
        self.spent = {org.name: len(found.get(org.name, ())) for org in self._orgs}

    def stop(self) -> None:
        """Start no further probe; what is under way, a token's inspection too, is awaited and kept.

        Call it on the batch's loop.
        """
        self._stopping.set()

    async def run(self) -> bool:
        """Settle every org, the reference first; returns whether all were, and not stopped before."""
        self._recall_controls()
        lag = asyncio.create_task(self._clock.sample())
        try:
            await self._wire.prepare((url, org.verify, org.certificate) for org in self._orgs for url in _urls(org))
            first = [org for org in self._orgs if org.name == self._spec.reference]
            rest = [org for org in self._orgs if org.name != self._spec.reference]
            open_at: dict[str, asyncio.Semaphore] = {}
            for wave in (first, rest):
                async with asyncio.TaskGroup() as group:
                    for org in wave:
                        few = open_at.setdefault(
                            host_of(org.token_url), asyncio.Semaphore(self._spec.limits.concurrency)
                        )
                        group.create_task(self._settle(org, few))
        finally:
            lag.cancel()
            await self._wire.aclose()
        return self._done == len(self._orgs)

    async def _settle(self, org: Org, few: asyncio.Semaphore) -> None:
        refused = await self._twins.refused_before(org)
        rows: list[Exchange] = []
        async with AsyncExitStack() as place:
            place.callback(lambda: self._twins.told(org, rows))  # whatever ends this, others wait for it
            few_left = await place.enter_async_context(AsyncExitStack())
            await few_left.enter_async_context(few)
            self._places[org.name] = few_left
            if self._stopping.is_set():
                return
            self._tell("opened", org)
            reason = "settled"
            found, whole = (None, True) if refused else await self._discovery.discover(org)
            if found is not None:
                org = found
                reason = await self._inquire(org, rows)
            elif not whole:
                reason = self._why_ended()
            self.sender.forget(org.name)
            self._ledger.settle(org, rows)
            if reason != "interrupted":
                self._journal.end_org(org.name, reason)
                self._done += 1
                self._tell("settled", org)

    async def _inquire(self, org: Org, rows: list[Exchange]) -> str:
        """Drive the org's inquiry, its exchanges put into ``rows``; how it ended."""
        background = self._ledger.background(org)
        if (metadata := self._discovery.of(org)) is not None:
            listed = {scope: metadata.exchange_id for scope in org.scopes if scope in (metadata.scopes or ())}
            background = replace(background, known_scopes={**listed, **background.known_scopes})
        background = self._journal.open_org(org.name, background)
        inquiry = inquire(
            org,
            auth_tries=self._spec.limits.auth_tries,
            encoding_differs=encoding_differs(org, self._credentials.secret(org.name)),
            background=background,
        )
        step = DISCOVERY_STEP
        try:
            probe = next(inquiry)
            while True:
                step += 1
                answered = await self._answer(org, probe, step)
                if not answered:
                    return self._why_ended()
                rows += [row for row in answered if row.org == org.name]
                self._twins.heard(org, rows)
                probe = inquiry.send(answered)
        except StopIteration:
            return "settled"

    def _why_ended(self) -> str:
        return "interrupted" if self._stopping.is_set() else "budget"

    async def _metadata(self, org: Org, url: str, last: bool) -> tuple[Exchange, Metadata | None] | None:
        """Ask one metadata URL until an attempt counts; ``None`` where the run was stopped, or the budget ended."""
        rows: tuple[Exchange, ...] = ()
        gate, wait = self._gates.at(host_of(url)), 0.0
        while self.spent[org.name] < self._spec.limits.budget and not await self._stopped_within(org, rows, wait):
            planned = monotonic()
            async with gate.slot():
                if not await gate.start(self._stopping):
                    return None
                row, metadata = await self.sender.metadata(
                    org, url, f"{org.name}/{DISCOVERY_STEP}", len(rows) + 1, planned
                )
                self.spent[org.name] += 1
                again = self._again_in_s(row)
                ends = last or metadata is not None or row.outcome in ("unreachable", "limited")
                (row,) = self._journal.append([row], DISCOVERY_STEP, closes=again is None and ends)
            self._exchanges += 1
            self._tell("exchange", org, row)
            if again is None:
                return row, None if metadata is None else replace(metadata, exchange_id=row.exchange_id)
            rows, wait = (*rows, row), again
        return None

    async def _answer(self, org: Org, probe: Probe, step: int) -> tuple[Exchange, ...]:
        """The rows of a step, none if not carried out; the control of a token endpoint is asked once, and shared."""
        if CONTROL_SCOPE not in (probe.scopes or ()):
            return await self._carry_out(org, probe, step)
        while (shared := self._controls.get(org.token_endpoint)) is not None:
            rows = await asyncio.shield(shared)  # else a task that is cancelled here would cancel what others await
            if rows or self._stopping.is_set():
                return rows
            if self._controls.get(org.token_endpoint) is shared:
                break  # whoever was to ask could not
        mine = self._controls[org.token_endpoint] = asyncio.get_running_loop().create_future()
        rows = ()
        try:
            rows = await self._carry_out(org, probe, step)
        finally:
            mine.set_result(rows)
        return rows

    def _recall_controls(self) -> None:
        """Controls that the journal holds are not asked again, whoever meets them first."""
        for steps in self._steps.values():
            for step in steps.values():
                if step.closed and CONTROL_SCOPE in (step.rows[0].scope_requested or ()):
                    known = asyncio.get_running_loop().create_future()
                    known.set_result(step.rows)
                    self._controls[step.rows[0].endpoint] = known

    async def _carry_out(self, org: Org, probe: Probe, step: int) -> tuple[Exchange, ...]:
        """Attempts until one counts; what the journal already holds is not asked again."""
        held = self._steps.get(org.name, {}).get(step)
        rows = held.rows if held else ()
        self.spent[org.name] += len(rows)
        if held and held.closed:
            return rows
        wait = (self._again_in_s(rows[-1]) if rows else None) or 0.0
        while True:
            if self.spent[org.name] >= self._spec.limits.budget or await self._stopped_within(org, rows, wait):
                return ()
            attempt = 1 + sum(1 for row in rows if row.purpose != "inspect")
            new, closed = await self._attempt(org, probe, step, attempt)
            rows += new
            if closed:
                return rows
            if not new:
                return ()
            wait = self._again_in_s(new[-1]) or 0.0

    async def _stopped_within(self, org: Org, rows: tuple[Exchange, ...], wait: float) -> bool:
        """Wait before the next attempt. Who was asked to wait gives up the place, so that other orgs go on."""
        if not rows or self._stopping.is_set():
            return self._stopping.is_set()
        if rows[-1].outcome == "limited":
            await self._places[org.name].aclose()
        ended = rows[-1].sent_at + timedelta(milliseconds=rows[-1].total_ms or 0.0)  # maybe before a run was resumed
        left = wait - (self._clock.at(monotonic()) - ended).total_seconds()
        return await happens_within(self._stopping, min(wait, left)) if left > 0 else False

    async def _attempt(self, org: Org, probe: Probe, step: int, attempt: int) -> tuple[tuple[Exchange, ...], bool]:
        """One request and the inspection of its token, journaled together within the host's slot; none if stopped.

        Also whether that settles the step.
        """
        url = org.authorization_url if probe.endpoint == "authorization" and org.authorization_url else org.token_url
        planned, probe_id = monotonic(), f"{org.name}/{step}"
        hosts = {host_of(url)} | (
            {host_of(how.url) for how in named(org.provider).inspections(org)} if probe.inspect else set()
        )
        revocation = named(org.provider).revocation(org)
        hosts |= {host_of(revocation.url)} if revocation else set()
        async with AsyncExitStack() as slots:
            for host in sorted(hosts):  # in one order everywhere, so that no two inquiries wait for each other
                await slots.enter_async_context(self._gates.at(host).slot())
            if not await self._gates.at(host_of(url)).start(self._stopping):
                return (), False
            asked = await self.sender.ask(org, probe, probe_id, attempt, planned)
            self.spent[org.name] += 1
            rows, closes = [asked.row], self._again_in_s(asked.row) is None
            if closes and probe.inspect and asked.token is not None:
                closes = await self._inspect(org, probe, asked.token, rows)
            kept = self._journal.append(rows, step, closes=closes)
            if revocation and asked.token is not None:
                await self._revoke(org, probe, revocation, asked.token)
        for row in kept:
            self._exchanges += 1
            self._tell("exchange", org, row)
        return kept, closes

    async def _inspect(self, org: Org, probe: Probe, token: str, rows: list[Exchange]) -> bool:
        """Ask the provider's ways of inspection, of each kind until one answers; whether no stop came between.

        A stop does not come between where the turn is near: asking again later would mint another token.
        """
        limits = self._spec.limits
        stopping = self._stopping_far_turns
        answered: set[str] = set()
        for how in named(org.provider).inspections(org):
            if how.about in answered or (how.about != "token" and probe.purpose == "context"):
                continue
            if self.spent[org.name] >= limits.budget:
                break
            planned = monotonic()
            if not await self._gates.at(host_of(how.url)).start(stopping):
                return False
            rows.append(await self.sender.inspect(org, probe, rows[0].probe_id, how, token, planned))
            self.spent[org.name] += 1
            if rows[-1].outcome == "granted":
                answered.add(how.about)
        return True

    async def _revoke(self, org: Org, probe: Probe, how: Revocation, token: str) -> None:
        """End a token that was looked at. Not counted as a request of the org; a failure harms nothing."""
        if how.url in self._keeping or not await self._gates.at(host_of(how.url)).start(self._stopping_far_turns):
            return
        status = await self.sender.revoke(org, probe, how, token)
        if status is not None and 200 <= status < 300:
            self._revoked[org.name] = self._revoked.get(org.name, 0) + 1
            self._journal.note(REVOKED, org.name, self._revoked[org.name])
        elif status is not None and status < 500 and status != 429:
            self._keeping.add(how.url)

    @property
    def _stopping_far_turns(self) -> asyncio.Event | None:
        """What ends the wait for a turn that belongs to a request already sent: nothing, where the turn is near."""
        return self._stopping if 1 / self._spec.limits.rate_per_s > self._spec.limits.timeout_s else None

    def _again_in_s(self, row: Exchange) -> float | None:
        """Seconds from the end of an attempt until the next, or ``None`` where this one counts."""
        broken = row.outcome == "unreachable" or (row.outcome == "unreadable" and row.error in ("truncated", "timeout"))
        worth = broken and row.error not in _NO_SECOND_TRY
        if (
            not (worth or row.outcome == "limited" or row.status in _RETRY_STATUS)
            or row.attempt >= self._spec.limits.attempts
        ):
            return None
        wait = row.retry_after_s if row.retry_after_s is not None else min(8.0, 0.5 * 2 ** min(row.attempt - 1, 9))
        return wait if wait <= _MOST_WAIT_S else None

    def _tell(self, kind: Literal["opened", "exchange", "settled"], org: Org, row: Exchange | None = None) -> None:
        if self._observer is not None:
            elapsed = monotonic() - self._clock.started
            self._observer(Progress(kind, org.name, row, self._exchanges, self._done, len(self._orgs), elapsed))


def _urls(org: Org) -> list[str]:
    also = [org.authorization_url] if org.redirect_uri and org.authorization_url else []
    revocation = named(org.provider).revocation(org)
    also += [revocation.url] if revocation else []
    return [org.token_url, *also, *(how.url for how in named(org.provider).inspections(org))]
