"""Answers at hand: what a fleet's exchanges look like, made by the kit's own inquiries and no network."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import count

from orgscope_kit.ask.evidence import Ledger
from orgscope_kit.ask.inquiry import inquire
from orgscope_kit.ask.spec import Spec, from_mapping
from orgscope_kit.records import Exchange, Org, Probe
from orgscope_kit.scopes import CONTROL_SCOPE

__all__ = ["answers", "fleet"]

_BEGAN = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
_URL = "https://login.example/api/v2/oauth/token"
_REFUSED = "One or more of the requested scopes are not granted to this client in this organization."


def fleet(orgs: int, scopes: int = 20, changes: int = 0) -> Spec:
    """An investigation of many orgs behind one endpoint, with so many ``changes`` noted."""
    names = [f"module{number:02d}:entity:view" for number in range(scopes)]
    entries = {
        f"org-{n:05d}": {
            "token_url": _URL,
            "client_id": f"client-{n:05d}",
            "client_secret": f"env:SECRET_{n}",
            "org_id": f"5a0c1f00-0000-4000-8000-{n:012}",
        }
        for n in range(orgs)
    }
    noted = [{"org": f"org-{n:05d}", "scope": names[n % scopes], "at": _BEGAN.isoformat()} for n in range(changes)]
    keys = {"title": "Benchmark", "provider": "appfoundry", "scopes": names, "orgs": entries, "changes": noted}
    spec = from_mapping(keys).spec
    assert spec is not None
    return spec


def answers(spec: Spec) -> dict[str, tuple[Exchange, ...]]:
    """What each org's inquiry would journal: a quarter each lacks none to three of its scopes, and none is named."""
    drawn, ids, ledger = random.Random(11), count(1), Ledger()
    held = {}
    for number, org in enumerate(spec.orgs):
        lacking = frozenset(drawn.sample(org.scopes, number % 4))
        held[org.name] = _asked(org, lacking, ledger, ids)
        ledger.settle(org, held[org.name])
    return held


def _asked(org: Org, lacking: frozenset[str], ledger: Ledger, ids: count[int]) -> tuple[Exchange, ...]:
    inquiry = inquire(org, background=ledger.background(org))
    rows: list[Exchange] = []
    try:
        probe, step = next(inquiry), 1
        while True:
            refused = not lacking.isdisjoint(probe.scopes or ()) or CONTROL_SCOPE in (probe.scopes or ())
            answered = [_row(org, probe, f"{org.name}/{step}", next(ids), refused)]
            if probe.inspect and not refused:
                answered.append(_row(org, probe, f"{org.name}/{step}", next(ids), refused, inspection=True))
            rows += answered
            probe, step = inquiry.send(tuple(answered)), step + 1
    except StopIteration:
        return tuple(rows)


def _row(org: Org, probe: Probe, probe_id: str, number: int, refused: bool, inspection: bool = False) -> Exchange:
    at = _BEGAN + timedelta(milliseconds=130 * number)
    return Exchange(
        exchange_id=number, probe_id=probe_id, org=org.name, purpose="inspect" if inspection else probe.purpose,
        scope_requested=None if inspection else probe.scopes, org_id_sent=probe.org_id,
        credentials_of=probe.credentials_of, auth_method=probe.auth_method,
        endpoint="https://login.example/api/v2/tokens/me" if inspection else org.token_url,
        attempt=1, planned_at=at, sent_at=at, queue_ms=0.1, dns_ms=None, connect_ms=None, tls_ms=None,
        first_byte_ms=40.0 + number % 17, total_ms=41.0 + number % 17, connection_id=1 + number % 2,
        connection_reused=True, loop_lag_ms=0.1, timing_clock="monotonic",
        status=403 if refused else 200, outcome="refused" if refused else "granted",
        error="invalid_scope" if refused else None, error_description=_REFUSED if refused else None,
        named_scopes=(), scope_granted=None if refused else probe.scopes, scope_stated=None if refused else True,
        token_org=org.org_id if inspection else None, expires_in_s=None if refused or inspection else 86400.0,
        retry_after_s=None, correlation_id=f"c0ffee00-0000-4000-8000-{number:012}",
    )  # fmt: skip
