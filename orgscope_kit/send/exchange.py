"""One probe carried out at one attempt: the request built, sent, read, and told as a row of the frame."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any

import httpx

from ..ask.evidence import host_of
from ..ask.metadata import Metadata, read_metadata
from ..ask.places import Unfit
from ..ask.spec import Spec
from ..providers import Inspection, OAuth2, Reading, Reply, Revocation, named
from ..records import Exchange, Org, Outcome, Probe
from .answers import Received, TokenAnswer, decode
from .client_auth import (
    authorization_request,
    carried,
    inspection_request,
    metadata_request,
    revocation_request,
    token_request,
    user_agent,
)
from .credentials import Credentials
from .redaction import Redactor
from .transport import Timings, Wire

__all__ = ["Asked", "Clock", "Sender", "read_authorization"]

#: What the sandbox calls itself in its ``Server`` header.
SANDBOX = "orgscope-sandbox"

_KEPT_LAGS = 4096
_LAG_EVERY_S = 0.02


@dataclass(slots=True)
class Clock:
    """One mapping from the monotonic clock to UTC for a whole run, and how late the event loop woke lately.

    Attributes:
        lags: when the loop woke, and by how many seconds too late. due: when it is to wake next.
    """

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=monotonic)
    lags: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_KEPT_LAGS))
    due: float | None = None

    def at(self, moment: float) -> datetime:
        """UTC of a monotonic moment."""
        return self.started_at + timedelta(seconds=moment - self.started)

    async def sample(self) -> None:
        """Note how late the loop wakes, until cancelled."""
        while True:
            self.due = monotonic() + _LAG_EVERY_S
            await asyncio.sleep(_LAG_EVERY_S)
            now = monotonic()
            self.lags.append((now, max(0.0, now - self.due)))

    def lag_ms(self, since: float) -> float | None:
        """The largest lateness since ``since``, the one that still lasts included; ``None`` where none is sampled."""
        if self.due is None:
            return None
        worst = max(0.0, monotonic() - self.due)
        for moment, lag in reversed(self.lags):
            if moment < since:
                break
            worst = max(worst, lag)
        return 1000.0 * worst


@dataclass(frozen=True, slots=True)
class Asked:
    """A row (its ``exchange_id`` still 0) and, in memory only, the token that came back."""

    row: Exchange
    token: str | None = field(repr=False)


class Sender:
    """Carries out single exchanges; knows the secrets, and lets none out.

    Attributes:
        skews: seconds that each host's ``Date`` is ahead of our clock, one value an answer.
        simulated: whether a sandbox answered: then every result says so.
    """

    def __init__(self, spec: Spec, credentials: Credentials, wire: Wire, clock: Clock, connections: int = 0) -> None:
        self._limits, self._credentials, self._wire, self.clock = spec.limits, credentials, wire, clock
        self._redactor = Redactor(credentials.forms())
        self._agent = user_agent(spec.contact)
        self._connections, self._by_address = connections, dict[object, int]()
        self._tokens: defaultdict[str, list[str]] = defaultdict(list)
        self.skews: dict[str, list[float]] = {}
        self.simulated = False

    async def ask(self, org: Org, probe: Probe, probe_id: str, attempt: int, planned: float) -> Asked:
        """Send the token request (or the redirect-URI question) of a probe."""
        provider = named(org.provider)
        if probe.endpoint == "authorization":
            request = authorization_request(org, self._agent)
        else:
            secret = self._credentials.secret(probe.credentials_of)
            request = token_request(org, probe, provider.form(org, probe), secret, self._agent)
        received, timings, status = await self._send(org, request, probe.fresh)
        token = None
        if isinstance(received, str):
            reading = _no_answer(received, status)
        else:
            answer = decode(received, self._redactor, *carried(request), *self._tokens[org.name])
            token = answer.token
            if token is not None:
                self._tokens[org.name].append(token)
            if probe.endpoint == "authorization":
                reading = _read(answer.reply, lambda reply: read_authorization(provider, reply))
            else:
                reading = _read(answer.reply, lambda reply: _read_token(provider, answer, probe.scopes))
        url = org.authorization_url if probe.endpoint == "authorization" else org.token_url
        return Asked(self._row(probe, probe_id, attempt, planned, str(url), timings, status, reading), token)

    async def inspect(
        self, org: Org, probe: Probe, probe_id: str, how: Inspection, token: str, planned: float
    ) -> Exchange:
        """Ask what ``token`` is bound to and may do."""
        secret = self._credentials.secret(probe.credentials_of)
        request = inspection_request(how, org, probe, token, secret, self._agent)
        received, timings, status = await self._send(org, request, fresh=False)
        if isinstance(received, str):
            reading = _no_answer(received, status)
        else:
            material = (token, *carried(request), *self._tokens[org.name])
            reply = decode(received, self._redactor, *material).reply
            reading = _read(reply, lambda reply: named(org.provider).read_inspection(reply, how))
        row = self._row(probe, probe_id, 1, planned, how.url, timings, status, reading)
        return replace(row, purpose="inspect", scope_requested=None)

    async def metadata(
        self, org: Org, url: str, probe_id: str, attempt: int, planned: float
    ) -> tuple[Exchange, Metadata | None]:
        """Ask for the metadata of the org's issuer; no credential is sent."""
        request = metadata_request(url, self._agent)
        received, timings, status = await self._send(replace(org, certificate=None), request, fresh=False)
        metadata = None
        if isinstance(received, str):
            reading = _no_answer(received, status)
        else:
            reply = decode(received, self._redactor, *self._tokens[org.name]).reply
            reading = _read(reply, lambda reply: named(org.provider).read(reply, None))
            if received.status == 200 and reply.payload is not None and reading.error is None:
                reading, metadata = _read_metadata(json.loads(received.body), org)
                kept = json.dumps(metadata.as_json()) if metadata else ""
                if self._redactor.clean(kept) != kept:  # it goes into run.json as it is
                    reading, metadata = Reading("unreadable", "holds_a_secret"), None
        probe = Probe(org.name, "inspect", None, None, org.name, "none")
        return self._row(probe, probe_id, attempt, planned, url, timings, status, reading), metadata

    async def revoke(self, org: Org, probe: Probe, how: Revocation, token: str) -> int | None:
        """End ``token``; the status of the answer, ``None`` where none came."""
        secret = self._credentials.secret(probe.credentials_of)
        _, _, status = await self._send(org, revocation_request(how, org, probe, token, secret, self._agent), False)
        return status

    def forget(self, org: str) -> None:
        """Drop the tokens of an org that is asked no more; till then a later answer may repeat one."""
        self._tokens.pop(org, None)

    async def _send(self, org: Org, request: httpx.Request, fresh: bool) -> tuple[Received | str, Timings, int | None]:
        received, timings, status = await self._wire.send(
            request, verify=org.verify, certificate=org.certificate, timeout_s=self._limits.timeout_s, fresh=fresh
        )
        if isinstance(received, Received):
            self._note_skew(str(request.url), received.headers, timings)
            self.simulated |= received.headers.get("server") == SANDBOX
        return received, timings, status

    def _note_skew(self, url: str, headers: Mapping[str, str], timings: Timings) -> None:
        try:
            theirs = parsedate_to_datetime(headers["date"])
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        if theirs.tzinfo is None:
            return
        middle = self.clock.at((timings.sent + timings.ended) / 2)
        # `Date` is cut to the second: on average the server's clock stood half a second later
        ahead = (theirs - middle).total_seconds() + 0.5
        self.skews.setdefault(host_of(url), []).append(ahead)

    def _connection(self, timings: Timings) -> int | None:
        """Its number in the run. An address comes back once its connection is closed, so a new one always counts up."""
        at = timings.connection
        if at is None:
            return None
        if not timings.reused or at not in self._by_address:
            self._connections += 1
            self._by_address[at] = self._connections
        return self._by_address[at]

    def _row(
        self,
        probe: Probe,
        probe_id: str,
        attempt: int,
        planned: float,
        url: str,
        timings: Timings,
        status: int | None,
        reading: Reading,
    ) -> Exchange:
        return Exchange(
            exchange_id=0,
            probe_id=probe_id,
            org=probe.org,
            purpose=probe.purpose,
            scope_requested=probe.scopes,
            org_id_sent=probe.org_id,
            credentials_of=probe.credentials_of,
            auth_method=probe.auth_method,
            endpoint=url.partition("?")[0],  # as the file has it: httpx would write it otherwise
            attempt=attempt,
            planned_at=self.clock.at(planned),
            sent_at=self.clock.at(timings.sent),
            queue_ms=1000.0 * (timings.sent - planned),
            dns_ms=None,
            connect_ms=timings.connect_ms,
            tls_ms=timings.tls_ms,
            first_byte_ms=timings.first_byte_ms,
            total_ms=timings.total_ms,
            connection_id=self._connection(timings),
            connection_reused=timings.reused,
            loop_lag_ms=self.clock.lag_ms(timings.sent),
            timing_clock="monotonic",
            status=status,
            outcome=reading.outcome,
            error=reading.error,
            error_description=reading.error_description,
            named_scopes=reading.named_scopes,
            scope_granted=reading.scope_granted,
            scope_stated=reading.scope_stated,
            token_org=reading.token_org,
            expires_in_s=reading.expires_in_s,
            retry_after_s=reading.retry_after_s,
            correlation_id=reading.correlation_id,
        )


def _no_answer(word: str, status: int | None) -> Reading:
    """``unreachable`` where nothing came; ``unreadable`` where an answer began and broke off."""
    outcome: Outcome = "unreachable" if status is None else "unreadable"
    return Reading(outcome, word)


def _read_token(provider: OAuth2, answer: TokenAnswer, requested: tuple[str, ...] | None) -> Reading:
    """What the answer says, and beside it what the token itself does, where it is a JWT."""
    reading = provider.read(answer.reply, requested)
    if answer.claims is None or reading.outcome not in ("granted", "narrowed"):
        return reading
    return provider.with_claims(reading, answer.claims, requested)


def _read(reply: Reply, reader: Callable[[Reply], Reading]) -> Reading:
    """Read an answer; one that its provider stumbles over is unreadable, and ends no run."""
    try:
        reading = reader(reply)
    except Exception as error:
        return Reading("unreadable", "undecodable", f"the provider cannot read it ({type(error).__name__})")
    if reading.scope_granted is None:
        return reading
    words = dict.fromkeys(word for each in reading.scope_granted for word in each.split())
    return replace(reading, scope_granted=tuple(words))


def _read_metadata(payload: Mapping[str, Any], org: Org) -> tuple[Reading, Metadata | None]:
    try:
        return Reading("granted"), read_metadata(payload, org)
    except Unfit as error:
        return Reading("refused", error.what, error.fix), None


def read_authorization(provider: OAuth2, reply: Reply) -> Reading:
    """Read the authorization endpoint's answer: only an explicit error says anything; a login page proves nothing.

    RFC 6749 §4.1.2.1: with a redirect URI that does not match, the server tells the user and does not redirect.
    """
    reading = provider.read(reply, None)
    if reply.status >= 400:
        return replace(reading, error_description=reading.error_description or reply.text[:200] or None)
    return Reading(
        "unreadable", error_description="a page or a redirect, no explicit error", correlation_id=reading.correlation_id
    )
