"""Exchanges for tests: any that could be, and plain ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from orgscope_kit.records import OUTCOMES, PURPOSES, Exchange

START = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "=1+1", "'=x", "''", "+", "-2", "@a", "\tx", "\rx", 'a"b', "a,b", "a\nb", "a\r\nb", "NA", "null", "nan", "\0"]
)
_name = st.sampled_from(["primary", "secondary", "a b", "=evil", "", "日本", "NA"])
_scope = st.text(st.sampled_from("abz:/.=+-@'!#~\""), min_size=1, max_size=8)
_scopes = st.lists(_scope, max_size=3).map(tuple)
_ms = st.floats(0, 1e9, allow_nan=False)
_count = st.integers(1, 10**6)
_at = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


def _or_none(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


any_exchange = st.builds(
    Exchange,
    exchange_id=_count,
    probe_id=_text,
    org=_name,
    purpose=st.sampled_from(PURPOSES),
    scope_requested=_or_none(_scopes),
    org_id_sent=_or_none(_text),
    credentials_of=_name,
    auth_method=st.sampled_from(["client_secret_basic", "none"]),
    endpoint=_text,
    attempt=_count,
    planned_at=_at,
    sent_at=_at,
    queue_ms=_ms,
    dns_ms=_or_none(_ms),
    connect_ms=_or_none(_ms),
    tls_ms=_or_none(_ms),
    first_byte_ms=_or_none(_ms),
    total_ms=_or_none(_ms),
    connection_id=_or_none(_count),
    connection_reused=_or_none(st.booleans()),
    loop_lag_ms=_or_none(_ms),
    timing_clock=st.just("monotonic"),
    status=_or_none(st.integers(100, 599)),
    outcome=st.sampled_from(OUTCOMES),
    error=_or_none(_text),
    error_description=_or_none(_text),
    named_scopes=_scopes,
    scope_granted=_or_none(_scopes),
    scope_stated=_or_none(st.booleans()),
    token_org=_or_none(_text),
    expires_in_s=_or_none(_ms),
    retry_after_s=_or_none(_ms),
    correlation_id=_or_none(_text),
)

any_exchanges = st.lists(any_exchange, max_size=5, unique_by=lambda exchange: exchange.exchange_id).map(tuple)


def row(number: int = 1, **changes: Any) -> Exchange:
    """A granted exchange of 50 ms on a connection in use."""
    sent = START + timedelta(seconds=number)
    values: tuple[Any, ...] = (
        *(number, f"primary/{number}", "primary", "baseline", ("a", "b"), None, "primary", "client_secret_basic"),
        *("https://login.example/token", 1, sent, sent, 700.0, None, None, None, 40.0, 50.0, 1, True, 0.1, "monotonic"),
        *(200, "granted", None, None, (), ("a", "b"), True, None, 3600.0, None, "c-1"),
    )
    return replace(Exchange(*values), **changes)
