"""The observations frame as a pandera schema, written from DESIGN §6 and not from the code."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

_PURPOSES = ["baseline", "isolate", "verify", "control", "context", "inspect", "watch"]
_OUTCOMES = ["granted", "narrowed", "refused", "limited", "failed", "unreachable", "unreadable"]


def _always(dtype: object, *checks: pa.Check) -> pa.Column:
    return pa.Column(dtype, list(checks), nullable=False)


def _maybe(dtype: object, *checks: pa.Check) -> pa.Column:
    return pa.Column(dtype, list(checks), nullable=True)


_LONG = pa.Check.ge(0)
_TIME, _TEXT = "datetime64[us, UTC]", pd.StringDtype("pyarrow", na_value=pd.NA)

OBSERVATIONS = pa.DataFrameSchema(
    {
        "exchange_id": pa.Column("Int64", unique=True),
        "probe_id": _always(_TEXT),
        "org": _always("category"),
        "purpose": _always(pd.CategoricalDtype(_PURPOSES, ordered=True)),
        "scope_requested": _maybe(_TEXT),
        "org_id_sent": _maybe(_TEXT),
        "credentials_of": _always("category"),
        "auth_method": _always("category"),
        "endpoint": _always("category"),
        "attempt": _always("Int64", pa.Check.ge(1)),
        "planned_at": _always(_TIME),
        "sent_at": _always(_TIME),
        "queue_ms": _always("Float64", _LONG),
        "dns_ms": _maybe("Float64", _LONG),
        "connect_ms": _maybe("Float64", _LONG),
        "tls_ms": _maybe("Float64", _LONG),
        "first_byte_ms": _maybe("Float64", _LONG),
        "total_ms": _maybe("Float64", _LONG),
        "connection_id": _maybe("Int64"),
        "connection_reused": _maybe("boolean"),
        "loop_lag_ms": _maybe("Float64", _LONG),
        "timing_clock": _always("category"),
        "status": _maybe("Int64", pa.Check.in_range(100, 599)),
        "outcome": _always(pd.CategoricalDtype(_OUTCOMES, ordered=True)),
        "error": _maybe(_TEXT),
        "error_description": _maybe(_TEXT),
        "named_scopes": _always(_TEXT),
        "scope_granted": _maybe(_TEXT),
        "scope_stated": _maybe("boolean"),
        "token_org": _maybe(_TEXT),
        "expires_in_s": _maybe("Float64"),
        "retry_after_s": _maybe("Float64"),
        "correlation_id": _maybe(_TEXT),
    },
    strict=True,
    ordered=True,
)
