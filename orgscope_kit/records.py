"""The frozen records that travel through the kit: Org, Probe, Exchange, Verdict.

An inquiry yields probes and is sent the exchanges that carried them out; a verdict is made of exchanges. None of
them can hold a token or a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

__all__ = [
    "AuthMethod",
    "COLUMNS",
    "OUTCOMES",
    "PURPOSES",
    "Change",
    "Evidence",
    "Exchange",
    "Fault",
    "Limits",
    "Org",
    "Outcome",
    "Probe",
    "Purpose",
    "RuledOut",
    "RunnerUp",
    "SecretEncoding",
    "Verdict",
]

Purpose = Literal["baseline", "isolate", "verify", "control", "context", "inspect", "watch"]
Outcome = Literal["granted", "narrowed", "refused", "limited", "failed", "unreachable", "unreadable"]
AuthMethod = Literal[
    "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth",
    "self_signed_tls_client_auth", "none",
]  # fmt: skip
SecretEncoding = Literal["percent", "raw"]
Endpoint = Literal["token", "authorization"]

PURPOSES: tuple[Purpose, ...] = ("baseline", "isolate", "verify", "control", "context", "inspect", "watch")
OUTCOMES: tuple[Outcome, ...] = ("granted", "narrowed", "refused", "limited", "failed", "unreachable", "unreadable")


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard the kit may ask (DESIGN §3 ``limits``).

    Attributes:
        rate_per_s: starts a second for one ``host:port``, spaced evenly.
        concurrency: exchanges under way at once at one ``host:port``, and inquiries open at once.
        timeout_s: seconds for one exchange, from its start to its last byte.
        attempts: tries of one probe that failed in transport or was rate limited.
        budget: requests an org in a run, inspection included.
        auth_tries: ways in which the same credential may be presented (1 to 3).
    """

    rate_per_s: float = 2.0
    concurrency: int = 2
    timeout_s: float = 10.0
    attempts: int = 3
    budget: int = 40
    auth_tries: int = 2


@dataclass(frozen=True, slots=True)
class Org:
    """One tenant under investigation, with everything filled in that the file and the provider say of it.

    Attributes:
        settings: what the file says to the provider alone (``realm``, ``tenant``, …), by key.
        certificate: paths of the client's certificate and of its key (RFC 8705).
        discovers_token_url: whether the token endpoint is what the issuer's metadata say; till then ``token_url`` is
            the issuer.
    """

    name: str
    provider: str
    token_url: str
    client_id: str
    scopes: tuple[str, ...]
    auth_method: AuthMethod = "client_secret_basic"
    grant_type: str = "client_credentials"
    verify: bool | str = True
    client_key_id: str | None = None
    client_key_alg: str | None = None
    client_assertion_audience: str | None = None
    certificate: tuple[str, str] | None = None
    issuer: str | None = None
    discovers_token_url: bool = False
    introspection_url: str | None = None
    revocation_url: str | None = None
    resource_url: str | None = None
    authorization_url: str | None = None
    redirect_uri: str | None = None
    org_id: str | None = None
    integration: str | None = None
    region: str | None = None
    permissions: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    label: str | None = None
    contact: str | None = None
    ticket: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def token_endpoint(self) -> str:
        """``token_url`` without its query, as exchanges name it."""
        return self.token_url.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Change:
    """When the grant of ``scope`` was changed in ``org``; ``at`` is aware, UTC."""

    org: str
    scope: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Probe:
    """A planned question.

    Attributes:
        scopes: asked for, in the order sent; ``None`` sends no ``scope`` parameter at all.
        org_id: the context parameter sent; ``None`` sends none.
        credentials_of: the org whose client id and secret are used.
        secret_encoding: ``percent`` as RFC 6749 §2.3.1 asks, or ``raw``; only Basic has a choice.
        inspect: whether a token that is granted is inspected (and then dropped).
        fresh: whether to ask on a new connection: a kept one may stick to one replica.
    """

    org: str
    purpose: Purpose
    scopes: tuple[str, ...] | None
    org_id: str | None
    credentials_of: str
    auth_method: AuthMethod
    secret_encoding: SecretEncoding = "percent"
    endpoint: Endpoint = "token"
    inspect: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """A probe carried out: one request and its answer. The fields are the columns of the observations frame.

    Scopes are tuples here and space-joined text in the frame. Times are aware, UTC; durations are milliseconds; what
    could not be measured or does not apply is ``None``.

    Attributes:
        probe_id: ``<org>/<n>``; attempts of one probe, and the inspection of its token, share it.
        endpoint: the URL asked, without query.
        planned_at: when the request was ready to be sent. sent_at: when it was.
        queue_ms: planned to sent: our own pacing, never the server's time.
        first_byte_ms: request written to first byte. total_ms: sent to last byte.
        connection_id: number of the connection within the run.
        loop_lag_ms: how late the event loop woke while the exchange was under way, at most.
        timing_clock: what took the stamps, e.g. ``monotonic``.
        error: the server's ``error`` code; for ``unreachable`` the kit's own word (``timeout``, ``dns_failure``, …).
        named_scopes: scopes of the request that the server's text singles out.
        scope_granted: what was granted as far as the answer says; ``None`` where it does not.
        scope_stated: whether the answer held ``scope``. ``None`` where no answer could.
        token_org: the org that the token is bound to, by inspection.
    """

    exchange_id: int
    probe_id: str
    org: str
    purpose: Purpose
    scope_requested: tuple[str, ...] | None
    org_id_sent: str | None
    credentials_of: str
    auth_method: str
    endpoint: str
    attempt: int
    planned_at: datetime
    sent_at: datetime
    queue_ms: float
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    total_ms: float | None
    connection_id: int | None
    connection_reused: bool | None
    loop_lag_ms: float | None
    timing_clock: str
    status: int | None
    outcome: Outcome
    error: str | None
    error_description: str | None
    named_scopes: tuple[str, ...]
    scope_granted: tuple[str, ...] | None
    scope_stated: bool | None
    token_org: str | None
    expires_in_s: float | None
    retry_after_s: float | None
    correlation_id: str | None


COLUMNS: tuple[str, ...] = tuple(column.name for column in fields(Exchange))


@dataclass(frozen=True, slots=True)
class Fault:
    """A cause found beside the first, with the scopes it concerns."""

    cause: str
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """A cause that the answers leave open."""

    cause: str
    probability: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence, and the exchanges (by ``exchange_id``) that anyone can check it against."""

    says: str
    exchanges: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RuledOut:
    """A cause that the answers exclude, and why."""

    cause: str
    because: str
    exchanges: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an org fails or works (DESIGN §7).

    Attributes:
        scopes: those proven missing; empty where the cause is none of access or timing.
        who: who must act: ``customer_admin``, ``us``, ``platform``, ``wait``, ``nobody`` or ``unknown``.
        probability: of the cause, given the answers; runners-up share the rest with "none of these".
    """

    cause: str
    who: str
    probability: float
    advice: str
    next_check: str
    scopes: tuple[str, ...] = ()
    also: tuple[Fault, ...] = ()
    runners_up: tuple[RunnerUp, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The org's entry in ``diagnosis.json``."""
        from dataclasses import asdict

        entry = asdict(self)
        return {key: entry[key] for key in _JSON_ORDER}


_JSON_ORDER = (
    "cause",
    "scopes",
    "also",
    "who",
    "probability",
    "runners_up",
    "evidence",
    "ruled_out",
    "advice",
    "next_check",
)
