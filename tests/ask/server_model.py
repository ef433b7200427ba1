"""A pure authorization server with known truth, and a batch in one loop: no network, no clock, the real providers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from orgscope_kit.ask.evidence import Ledger
from orgscope_kit.ask.inquiry import inquire
from orgscope_kit.ask.verdict import Facts, judge
from orgscope_kit.providers import Inspection, Reading, Reply, named
from orgscope_kit.records import Exchange, Limits, Org, Probe, Verdict
from orgscope_kit.scopes import CONTROL_SCOPE

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
DISTINCT = {
    "unknown": "Client not found.",
    "wrong": "Authentication failed: invalid secret",
    "disabled": "client is disabled",
    "method": "Client authentication method not allowed",
    "encoding": "Authentication failed: invalid secret",
}
GRANT_WORDS: dict[str, tuple[int, dict[str, str]]] = {
    "rfc": (400, {"error": "unauthorized_client", "error_description": "Unauthorized client: `grant_type` is invalid"}),
    "request": (
        400,
        {"error": "invalid_request", "error_description": "requested grant type is not allowed for this client"},
    ),
    "unsupported": (400, {"error": "unsupported_grant_type"}),
    "keycloak": (
        401,
        {"error": "unauthorized_client", "error_description": "Client not enabled to retrieve service account"},
    ),
    "own": (400, {"error": "flow_disabled", "error_description": "This flow is switched off"}),
}


@dataclass(frozen=True)
class Style:
    """How the server answers (FACTS): the same for all its orgs."""

    ungranted: str = "refuse"  # or narrow
    names: str = "first"  # all, none, echo
    states: str = "always"  # when_narrowed, never
    unknown: str = "like_ungranted"  # say, drop
    no_scope: str = "all"  # refuse, empty_403
    clients: str = "distinct"  # same, empty
    status: int = 400
    code: str = "invalid_scope"
    text: str = "The requested scope {} is not authorized for this client."
    trace: bool = False  # an id that differs in each answer stands in the text
    limited_as: int = 429
    grant_words: str = "rfc"
    without_org_id: str = "home"  # or refuse
    kind: str = "global"  # or per-org
    tokens_me: bool = True
    ignores_org_id: bool = False


@dataclass
class Client:
    """A client as the server knows it."""

    home: str
    secret: str
    state: str = "ok"  # or disabled
    methods: tuple[str, ...] = ("client_secret_basic", "client_secret_post")
    encoding: str = "percent"
    grant_allowed: bool = True


@dataclass
class Server:
    """Orgs with their grants behind one style.

    Attributes:
        granted: by org. known: scopes that the server has heard of.
        paths: token URL → org that the path selects, ``None`` where the org parameter does.
        broken: the answer to the n-th request (from 1), in place of the server's own: ``html``, ``500``, …
        flap: by org, scopes that every second answer takes for not granted.
    """

    style: Style
    known: frozenset[str]
    granted: dict[str, frozenset[str]]
    clients: dict[str, Client]
    org_ids: dict[str, str] = field(default_factory=dict)
    broken: Callable[[int, Org], str | None] = lambda number, org: None
    flap: dict[str, frozenset[str]] = field(default_factory=dict)
    asked: list[tuple[Org, Probe]] = field(default_factory=list)

    def answer(self, org: Org, probe: Probe, secret: str) -> tuple[Reply | str, str | None]:
        """The reply, or a transport's word; and the org that the token is bound to."""
        self.asked.append((org, probe))
        broken = self.broken(len(self.asked), org)
        if broken is not None:
            return self._broken(broken), None
        if probe.endpoint == "authorization":
            return reply(400, {"error": "invalid_request", "error_description": "redirect_uri does not match"}), None
        if org.token_url.endswith("/nowhere"):
            return reply(404, None, "<html><body>Not Found</body></html>"), None
        client = self.clients.get(org.client_id)
        failure = _client_failure(client, probe, secret)
        if client is None or failure is not None:
            return self._client_refusal(failure or "unknown"), None
        if not client.grant_allowed:
            status, body = GRANT_WORDS[self.style.grant_words]
            return reply(status, body), None
        bound = self._context(org, probe, client)
        if isinstance(bound, Reply):
            return bound, None
        return self._scopes(bound, probe), bound

    def claims(self, org: Org, probe: Probe) -> Mapping[str, Any] | None:
        """The claims of the token just given; ``None`` for one that is no JWT."""
        return None

    def _context(self, org: Org, probe: Probe, client: Client) -> str | Reply:
        if org.provider != "appfoundry":
            return org.name if org.name in self.granted else client.home
        if probe.org_id is None and self.style.without_org_id == "refuse":
            return reply(400, {"error": "invalid_request", "message": "org_id is required"})
        if probe.org_id is None or self.style.ignores_org_id:
            return client.home
        bound = next((name for name, org_id in self.org_ids.items() if org_id == probe.org_id), None)
        if bound is None:
            return reply(400, {"error": "invalid_request", "message": "Unknown organization"})
        if self.style.kind == "per-org" and bound != client.home:
            text = "The client is not authorized for this organization."
            return reply(403, {"error": "unauthorized_client", "message": text})
        return bound

    def _scopes(self, bound: str, probe: Probe) -> Reply:
        style, granted = self.style, self.granted[bound]
        if len(self.asked) % 2:
            granted -= self.flap.get(bound, frozenset())
        if probe.scopes is None:
            if style.no_scope == "empty_403":
                return reply(403, None, "")
            if style.no_scope == "refuse":
                return reply(400, {"error": "invalid_scope", "error_description": "scope is required"})
            return self._token(None, tuple(sorted(granted)))
        strange = [scope for scope in probe.scopes if scope not in self.known]
        if strange and style.unknown == "say":
            return reply(400, {"error": style.code, "error_description": f"Unknown scope '{strange[0]}'{self._id()}"})
        wanted = [scope for scope in probe.scopes if style.unknown != "drop" or scope in self.known]
        offenders = [scope for scope in wanted if scope not in granted]
        if offenders and style.ungranted == "refuse":
            singled = {"first": offenders[:1], "all": offenders, "none": [], "echo": list(probe.scopes)}[style.names]
            text = style.text.format(" ".join(singled)) + self._id()
            return reply(style.status, {"error": style.code, "error_description": text})
        return self._token(probe.scopes, tuple(scope for scope in wanted if scope in granted))

    def _token(self, asked: tuple[str, ...] | None, granted: tuple[str, ...]) -> Reply:
        body: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600}
        differs = asked is None or set(asked) != set(granted)
        if granted and (self.style.states == "always" or (self.style.states == "when_narrowed" and differs)):
            body["scope"] = " ".join(granted)
        return Reply(200, {}, body, json.dumps(body), True)

    def _id(self) -> str:
        return f" Trace ID: 7f3a-{len(self.asked):04d}" if self.style.trace else ""

    def _client_refusal(self, failure: str) -> Reply:
        if self.style.clients == "empty":
            return reply(403, None, "")
        text = DISTINCT[failure] if self.style.clients == "distinct" else "Client authentication failed"
        return reply(401, {"error": "invalid_client", "error_description": text})

    def _broken(self, word: str) -> Reply | str:
        if word.isdigit():
            headers = {"retry-after": "1"} if word == "429" else {}
            return Reply(int(word), headers, {"error": "x"}, "", False)
        return reply(200, None, "<html><body>Sign in</body></html>") if word == "html" else word


def _client_failure(client: Client | None, probe: Probe, secret: str) -> str | None:
    if client is None:
        return "unknown"
    if client.state == "disabled":
        return "disabled"
    if client.secret != secret:
        return "wrong"
    if probe.auth_method not in client.methods:
        return "method"
    if probe.auth_method == "client_secret_basic" and probe.secret_encoding != client.encoding and "+" in secret:
        return "encoding"
    return None


def reply(status: int, body: Mapping[str, Any] | None, text: str | None = None) -> Reply:
    """A reply as `send` would hand it over."""
    return Reply(status, {}, body, json.dumps(body) if text is None else text, False)


@dataclass
class Result:
    """What a run gave: verdicts, exchanges by org, and what the server was asked."""

    verdicts: dict[str, Verdict]
    exchanges: dict[str, list[Exchange]]
    probes: dict[str, list[Probe]]
    ended_early: dict[str, str]


def run(
    orgs: Sequence[Org],
    server: Server,
    secrets: Mapping[str, str],
    limits: Limits | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Result:
    """Settle one org after the other, sharing the made-up scope as the batch does; then judge all."""
    limits = limits or Limits()
    exchanges: dict[str, list[Exchange]] = {org.name: [] for org in orgs}
    probes: dict[str, list[Probe]] = {org.name: [] for org in orgs}
    shared: dict[str, tuple[Exchange, ...]] = {}
    ledger, ended, count = Ledger(), {}, 0
    for org in orgs:
        secret = secrets[org.name]
        inquiry = inquire(
            org, auth_tries=limits.auth_tries, encoding_differs="+" in secret, background=ledger.background(org)
        )
        mine = exchanges[org.name]
        try:
            probe = next(inquiry)
            while True:
                assert len(probes[org.name]) < 500, "the inquiry does not end"
                control = CONTROL_SCOPE in (probe.scopes or ())
                if control and org.token_url in shared:
                    rows = shared[org.token_url]
                else:
                    probes[org.name].append(probe)
                    rows = _carry_out(org, probe, server, secret, limits, count, len(mine))
                    if not rows:
                        ended[org.name] = "budget"
                        break
                    count += len(rows)
                    mine += rows
                    if control:
                        shared[org.token_url] = rows
                probe = inquiry.send(rows)
        except StopIteration:
            pass
        ledger.settle(org, mine)
    twins = _twins(orgs, secrets)
    verdicts = judge(orgs, exchanges, Facts(twins=twins, ended_early=ended, **(facts or {})))
    return Result(verdicts, exchanges, probes, ended)


def _carry_out(
    org: Org, probe: Probe, server: Server, secret: str, limits: Limits, count: int, spent: int
) -> tuple[Exchange, ...]:
    provider = named(org.provider)
    rows: list[Exchange] = []
    probe_id = f"{org.name}/{spent + 1}"
    for attempt in range(1, limits.attempts + 1):
        if spent + len(rows) >= limits.budget:
            return ()
        heard, bound = server.answer(org, probe, secret)
        reading = Reading("unreachable", heard) if isinstance(heard, str) else provider.read(heard, probe.scopes)
        claims = server.claims(org, probe) if reading.outcome in ("granted", "narrowed") else None
        reading = reading if claims is None else provider.with_claims(reading, claims, probe.scopes)
        status = None if isinstance(heard, str) else heard.status
        rows.append(_row(org, probe, probe_id, attempt, count + len(rows) + 1, status, reading))
        if reading.outcome not in ("unreachable", "limited") and status not in (502, 503, 504):
            break
    token = rows[-1].outcome in ("granted", "narrowed")
    if token and probe.inspect and bound and server.style.tokens_me and org.provider == "appfoundry":
        assert isinstance(heard, Reply)
        scopes = sorted(server.granted[bound] & set(probe.scopes or server.known))
        body = {"organization": {"id": server.org_ids[bound]}, "authorizedScope": scopes}
        seen = provider.read_inspection(
            reply(200, body), Inspection("bearer", "https://login.example/api/v2/tokens/me")
        )
        row = _row(org, probe, probe_id, 1, count + len(rows) + 1, 200, seen, inspect=True)
        rows.append(row)
    return tuple(rows)


def _row(
    org: Org,
    probe: Probe,
    probe_id: str,
    attempt: int,
    number: int,
    status: int | None,
    reading: Reading,
    inspect: bool = False,
) -> Exchange:
    sent = START + timedelta(seconds=number)
    endpoint = org.authorization_url or "" if probe.endpoint == "authorization" else org.token_url
    return Exchange(
        exchange_id=number,
        probe_id=probe_id,
        org=org.name,
        purpose="inspect" if inspect else probe.purpose,
        scope_requested=None if inspect else probe.scopes,
        org_id_sent=probe.org_id,
        credentials_of=probe.credentials_of,
        auth_method=probe.auth_method,
        endpoint="https://login.example/api/v2/tokens/me" if inspect else endpoint,
        attempt=attempt,
        planned_at=sent,
        sent_at=sent,
        queue_ms=0.0,
        dns_ms=None,
        connect_ms=None,
        tls_ms=None,
        first_byte_ms=1.0,
        total_ms=1.0,
        connection_id=1,
        connection_reused=False,
        loop_lag_ms=None,
        timing_clock="monotonic",
        status=status,
        **{name: getattr(reading, name) for name in Reading.__slots__},
    )


def _twins(orgs: Sequence[Org], secrets: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    groups: dict[tuple[str, str], list[str]] = {}
    for org in orgs:
        groups.setdefault((org.client_id, secrets[org.name]), []).append(org.name)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
