"""One probe carried out at one attempt: the request built, sent, read, and told as a row of the frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic

import httpx

from ..ask.evidence import host_of
from ..ask.spec import Spec
from ..providers import Inspection, OAuth2, Reading, Reply, named
from ..records import Exchange, Org, Outcome, Probe
from .answers import Received, decode
from .client_auth import authorization_request, inspection_request, token_request, user_agent
from .credentials import Credentials
from .redaction import Redactor
from .transport import Timings, Wire

__all__ = ["Asked", "Clock", "Sender", "read_authorization"]

#: What the sandbox calls itself in its ``Server`` header.
SANDBOX = "orgscope-sandbox"

_KEPT_LAGS = 4096


@dataclass(slots=True)
class Clock:
    """One mapping from the monotonic clock to UTC for a whole run, and how late the event loop woke lately."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=monotonic)
    lags: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_KEPT_LAGS))

    def at(self, moment: float) -> datetime:
        """UTC of a monotonic moment."""
        return self.started_at + timedelta(seconds=moment - self.started)

    def lag_ms(self, since: float) -> float | None:
        """The largest lateness seen since ``since``, in ms; ``None`` where none was sampled."""
        seen = [lag for moment, lag in self.lags if moment >= since]
        return 1000.0 * max(seen) if seen else None


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

    def __init__(self, spec: Spec, credentials: Credentials, wire: Wire, clock: Clock) -> None:
        self._limits, self._credentials, self._wire, self.clock = spec.limits, credentials, wire, clock
        self._redactor = Redactor(credentials.forms())
        self._agent = user_agent(spec.contact)
        self._connections: dict[object, int] = {}
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
            answer = decode(received, self._redactor)
            token = answer.token
            if probe.endpoint == "authorization":
                reading = read_authorization(provider, answer.reply)
            else:
                reading = provider.read(answer.reply, probe.scopes)
        return Asked(self._row(probe, probe_id, attempt, planned, request, timings, status, reading), token)

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
            reading = named(org.provider).read_inspection(decode(received, self._redactor, token).reply, how.kind)
        row = self._row(probe, probe_id, 1, planned, request, timings, status, reading)
        return replace(row, purpose="inspect", scope_requested=None)

    async def _send(self, org: Org, request: httpx.Request, fresh: bool) -> tuple[Received | str, Timings, int | None]:
        received, timings, status = await self._wire.send(
            request, verify=org.verify, timeout_s=self._limits.timeout_s, fresh=fresh
        )
        if isinstance(received, Received):
            self._note_skew(str(request.url), received.headers, timings)
            self.simulated |= received.headers.get("server") == SANDBOX
        return received, timings, status

    def _note_skew(self, url: str, headers: Mapping[str, str], timings: Timings) -> None:
        try:
            theirs = parsedate_to_datetime(headers["date"])
        except (KeyError, TypeError, ValueError):
            return
        if theirs.tzinfo is None:
            return
        middle = self.clock.at((timings.sent + timings.ended) / 2)
        # `Date` is cut to the second: on average the server's clock stood half a second later
        ahead = (theirs + timedelta(milliseconds=500) - middle).total_seconds()
        self.skews.setdefault(host_of(url), []).append(ahead)

    def _connection(self, timings: Timings) -> int | None:
        if timings.connection is None:
            return None
        key = timings.connection if not isinstance(timings.connection, list) else tuple(timings.connection)
        return self._connections.setdefault(key, len(self._connections) + 1)

    def _row(
        self,
        probe: Probe,
        probe_id: str,
        attempt: int,
        planned: float,
        request: httpx.Request,
        timings: Timings,
        status: int | None,
        reading: Reading,
    ) -> Exchange:
        url = request.url
        return Exchange(
            exchange_id=0,
            probe_id=probe_id,
            org=probe.org,
            purpose=probe.purpose,
            scope_requested=probe.scopes,
            org_id_sent=probe.org_id,
            credentials_of=probe.credentials_of,
            auth_method=probe.auth_method,
            endpoint=str(url.copy_with(query=None)),
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
