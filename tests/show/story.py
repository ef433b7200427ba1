"""The story as records: what the two orgs answer, and what the diagnosis says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from orgscope_kit.records import Exchange, Org
from orgscope_kit.scopes import CONTROL_SCOPE

MANAGE = "integration:appfoundry:manage"
SCOPES = ("admin:org:read", "user:chat:write", MANAGE)
START = datetime(2026, 11, 24, 10, 15, 30, 125000, UTC)
URL = "http://127.0.0.1:8731/{}/api/v2/oauth/token"
IDS = {"primary": "7d0c1e52-primary", "secondary": "b41f90aa-secondary"}


def exchange(number: int, org: str = "primary", **changes: Any) -> Exchange:
    """One exchange; granted, on a connection in use, unless told otherwise."""
    sent = START + timedelta(seconds=0.5 * (number - 1))
    fields: dict[str, Any] = {
        "exchange_id": number,
        "probe_id": f"{org}/{number}",
        "org": org,
        "purpose": "baseline",
        "scope_requested": SCOPES,
        "org_id_sent": IDS.get(org),
        "credentials_of": org,
        "auth_method": "client_secret_basic",
        "endpoint": URL.format(org),
        "attempt": 1,
        "planned_at": sent - timedelta(milliseconds=12),
        "sent_at": sent,
        "queue_ms": 12.0,
        "dns_ms": None,
        "connect_ms": None,
        "tls_ms": None,
        "first_byte_ms": 38.0 + 3 * (number % 4),
        "total_ms": 41.0 + 3 * (number % 4),
        "connection_id": 1 if org == "primary" else 2,
        "connection_reused": True,
        "loop_lag_ms": 0.4,
        "timing_clock": "monotonic",
        "status": 200,
        "outcome": "granted",
        "error": None,
        "error_description": None,
        "named_scopes": (),
        "scope_granted": SCOPES,
        "scope_stated": True,
        "token_org": None,
        "expires_in_s": 86400.0,
        "retry_after_s": None,
        "correlation_id": f"c0ffee{number:02d}-4f1e",
    }
    return Exchange(**{**fields, **changes})


def refused(number: int, org: str = "secondary", scope: str = MANAGE, **changes: Any) -> Exchange:
    """The refusal of the story."""
    text = f"The requested scope '{scope}' is not authorized for this client."
    fields: dict[str, Any] = {
        "status": 403,
        "outcome": "refused",
        "error": "invalid_scope",
        "error_description": text,
        "named_scopes": (scope,),
        "scope_granted": None,
        "scope_stated": False,
        "expires_in_s": None,
    }
    return exchange(number, org, **{**fields, **changes})


def new_connection() -> dict[str, Any]:
    """The timings of an exchange that opened its connection."""
    return {
        "connection_reused": False,
        "dns_ms": 3.1,
        "connect_ms": 6.4,
        "tls_ms": 18.2,
        "total_ms": 71.5,
        "first_byte_ms": 41.0,
    }


def exchanges() -> tuple[Exchange, ...]:
    """The story in eleven exchanges."""
    lost = {
        "status": None,
        "outcome": "unreachable",
        "error": "connection_reset",
        "first_byte_ms": None,
        "total_ms": 212.0,
    }
    lost |= {"scope_granted": None, "scope_stated": None, "expires_in_s": None, "correlation_id": None}
    both = ("admin:org:read", "user:chat:write")
    introspection = URL.format("secondary").replace("token", "introspect")
    control: dict[str, Any] = {"purpose": "control", "scope_requested": (CONTROL_SCOPE,)}
    return (
        exchange(1, **new_connection()),
        refused(2, **new_connection()),
        exchange(3, "secondary", purpose="isolate", scope_requested=both, scope_granted=both),
        refused(4, purpose="isolate", scope_requested=(MANAGE,)),
        exchange(5, "secondary", purpose="verify", scope_requested=(MANAGE,), probe_id="secondary/5", **lost),
        refused(6, purpose="verify", scope_requested=(MANAGE,), attempt=2, probe_id="secondary/5"),
        refused(7, scope=CONTROL_SCOPE, **control),
        exchange(
            8, "secondary", purpose="context", scope_requested=both, scope_granted=both, token_org=IDS["secondary"]
        ),
        exchange(
            9,
            "secondary",
            purpose="inspect",
            scope_requested=None,
            endpoint=introspection,
            scope_granted=both,
            expires_in_s=None,
        ),
        exchange(10, purpose="context", scope_requested=(MANAGE,), scope_granted=(MANAGE,), token_org=IDS["primary"]),
        refused(11, purpose="context", org_id_sent=None, scope_requested=(MANAGE,)),
    )


def orgs() -> tuple[Org, ...]:
    """Both orgs."""
    return tuple(Org(name, "appfoundry", URL.format(name), f"{name}-client", SCOPES, org_id=IDS[name]) for name in IDS)


GRANTS = {
    "primary": dict.fromkeys(SCOPES, ("granted", "asked")),
    "secondary": {SCOPES[0]: ("granted", "inferred"), SCOPES[1]: ("granted", "inferred"), MANAGE: ("missing", "asked")},
}


def secondary() -> dict[str, Any]:
    """What the diagnosis says of the org that fails."""
    return {
        "cause": "scope_not_granted",
        "scopes": [MANAGE],
        "also": [],
        "who": "customer_admin",
        "probability": 0.96,
        "runners_up": [{"cause": "propagating", "probability": 0.03}],
        "evidence": [
            {"says": f"Asked for alone, {MANAGE} is refused with 403 invalid_scope, twice.", "exchanges": [4, 6]},
            {"says": "The other two scopes are granted together.", "exchanges": [3]},
            {"says": "primary grants the same scope to its own client.", "exchanges": [1, 10]},
        ],
        "ruled_out": [
            {
                "cause": "wrong_org_context",
                "because": "the token is bound to secondary; without org_id the answer is the same",
                "exchanges": [8, 11],
            },
            {
                "cause": "credentials_of_another_org",
                "because": "secondary accepts the client and grants it two scopes",
                "exchanges": [3, 8],
            },
            {"cause": "wrong_region", "because": "the host knows the client", "exchanges": [3]},
        ],
        "advice": (
            f"Grant {MANAGE} to client secondary-client in secondary itself: a clone does not carry the toggle over, "
            "and a grant in another org does not count here."
        ),
        "next_check": f"After the grant, run again: the request for {MANAGE} alone must succeed.",
    }


def works(*ids: int) -> dict[str, Any]:
    """What the diagnosis says of an org that works."""
    return {
        "cause": "works",
        "scopes": [],
        "also": [],
        "who": "nobody",
        "probability": 0.99,
        "runners_up": [],
        "evidence": [{"says": "All scopes are granted together.", "exchanges": list(ids)}],
        "ruled_out": [],
        "advice": "Nothing to do.",
        "next_check": "Run the same investigation again when the integration changes.",
    }


def diagnosis() -> dict[str, Any]:
    """The story's diagnosis.json."""
    return {
        "schema": 1,
        "run": "20261124T101530Z-3f2a",
        "investigation": f"Secondary org refuses {MANAGE}",
        "orgs": {"primary": works(1), "secondary": secondary()},
    }
