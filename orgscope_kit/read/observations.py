"""Observations: exchanges as rows of a frame, and the frame as a file (DESIGN §6).

Columns, their order and their dtypes are fixed, and one value stands for what is missing in all of them: ``pd.NA``.
Scopes are space-joined text; an empty text is an empty list of scopes, which is not the same as ``NA``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pyarrow as pa

from orgscope_kit.errors import RunFolderError
from orgscope_kit.records import COLUMNS, OUTCOMES, PURPOSES, Exchange

__all__ = ["DTYPES", "exchanges", "frame", "read_csv", "read_parquet", "write_csv", "write_parquet"]

_INTEGER, _FLOAT, _FLAG = pd.Int64Dtype(), pd.Float64Dtype(), pd.BooleanDtype()
_TEXT = pd.StringDtype("pyarrow", na_value=pd.NA)
_TIME = pd.DatetimeTZDtype("us", "UTC")
_NAME = pd.CategoricalDtype()  # categories in order of first appearance

#: The dtype of every column. A categorical without categories takes those of its rows.
DTYPES: Mapping[str, Any] = MappingProxyType(
    {
        "exchange_id": _INTEGER,
        "probe_id": _TEXT,
        "org": _NAME,
        "purpose": pd.CategoricalDtype(list(PURPOSES), ordered=True),
        "scope_requested": _TEXT,
        "org_id_sent": _TEXT,
        "credentials_of": _NAME,
        "auth_method": _NAME,
        "endpoint": _NAME,
        "attempt": _INTEGER,
        "planned_at": _TIME,
        "sent_at": _TIME,
        "queue_ms": _FLOAT,
        "dns_ms": _FLOAT,
        "connect_ms": _FLOAT,
        "tls_ms": _FLOAT,
        "first_byte_ms": _FLOAT,
        "total_ms": _FLOAT,
        "connection_id": _INTEGER,
        "connection_reused": _FLAG,
        "loop_lag_ms": _FLOAT,
        "timing_clock": _NAME,
        "status": _INTEGER,
        "outcome": pd.CategoricalDtype(list(OUTCOMES), ordered=True),
        "error": _TEXT,
        "error_description": _TEXT,
        "named_scopes": _TEXT,
        "scope_granted": _TEXT,
        "scope_stated": _FLAG,
        "token_org": _TEXT,
        "expires_in_s": _FLOAT,
        "retry_after_s": _FLOAT,
        "correlation_id": _TEXT,
    }
)

_SCOPES = frozenset({"scope_requested", "named_scopes", "scope_granted"})
_FROM_SERVERS = ("error", "error_description", "named_scopes", "scope_granted", "token_org", "correlation_id")
_FORMULA = re.compile(r"[=+\-@\t\r']")  # the apostrophe too, so that reading can take it off again
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_ARROW = {_INTEGER: pa.int64(), _FLOAT: pa.float64(), _FLAG: pa.bool_(), _TIME: pa.timestamp("us", "UTC")}
_PANDAS = {pa.int64(): _INTEGER, pa.float64(): _FLOAT, pa.bool_(): _FLAG, pa.string(): _TEXT}
_SCHEMA = pa.schema([(name, _ARROW.get(DTYPES[name], pa.string())) for name in COLUMNS])


def frame(exchanges: Sequence[Exchange]) -> pd.DataFrame:
    """The observations frame of ``exchanges``, in their order.

    Half of a surrogate pair, which JSON allows and no file can hold, becomes U+FFFD.

    >>> frame([]).columns[0], len(frame([]).columns)
    ('exchange_id', 33)
    """
    columns = {name: [_cell(getattr(exchange, name)) for exchange in exchanges] for name in COLUMNS}
    return pd.DataFrame({name: _typed(name, values) for name, values in columns.items()})


def exchanges(frame: pd.DataFrame) -> tuple[Exchange, ...]:
    """The exchanges of an observations frame: the inverse of [`frame`][orgscope_kit.read.observations.frame]."""
    columns = (_plain(name, frame[name]) for name in COLUMNS)
    return tuple(Exchange(*row) for row in zip(*columns, strict=True))


def write_parquet(frame: pd.DataFrame, path: str | Path) -> None:
    """Write an observations frame to ``path``."""
    from pyarrow import parquet

    parquet.write_table(_table(frame), path)


def read_parquet(path: str | Path) -> pd.DataFrame:
    """The observations frame written to ``path``, dtypes included.

    Raises:
        RunFolderError: the file is missing, damaged, or of another kind.
    """
    from pyarrow import parquet

    try:
        return _from_table(parquet.read_table(path))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def write_csv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write an observations frame to ``path`` for people and spreadsheets.

    Text is quoted and ``NA`` is not, so that empty text stays apart from it. A server's text that a spreadsheet would
    run as a formula gets an apostrophe in front.
    """
    from pyarrow import csv

    safe = frame.assign(**{name: _map_text(frame[name], _defuse) for name in _FROM_SERVERS})
    csv.write_csv(_table(safe), path)


def read_csv(path: str | Path) -> pd.DataFrame:
    """The observations frame that ``write_csv`` wrote to ``path``, apostrophes taken off again.

    Raises:
        RunFolderError: the file is missing, damaged, or of another kind.
    """
    from pyarrow import csv

    convert = csv.ConvertOptions(
        column_types=_SCHEMA, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    parse = csv.ParseOptions(newlines_in_values=True)
    try:
        loaded = _from_table(csv.read_csv(path, parse_options=parse, convert_options=convert))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    return loaded.assign(**{name: _map_text(loaded[name], _restore) for name in _FROM_SERVERS})


def _cell(value: object) -> object:
    if isinstance(value, tuple):
        value = " ".join(value)
    return _LONE_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value


def _typed(name: str, values: Iterable[Any]) -> pd.Series[Any]:
    """A column of its dtype; categories of names come in order of first appearance."""
    kind = DTYPES[name]
    if kind is _NAME:
        values = list(values)
        kind = pd.CategoricalDtype(pd.Index(list(dict.fromkeys(values)), dtype="str"))
    if kind is _TIME:
        values = [value.astimezone(UTC) for value in values]
    column: pd.Series[Any] = pd.Series(list(values), dtype=kind)
    return column


def _plain(name: str, column: pd.Series[Any]) -> list[Any]:
    """A column's values as an exchange holds them."""
    if DTYPES[name] is _TIME:
        return [stamp.to_pydatetime() for stamp in column]
    values = zip(column.astype(object), column.isna(), strict=True)
    plain = [None if missing else value for value, missing in values]
    if name in _SCOPES:
        return [None if text is None else tuple(text.split(" ")) if text else () for text in plain]
    return plain


def _table(frame: pd.DataFrame) -> pa.Table:
    named = frame.astype({name: _TEXT for name, kind in DTYPES.items() if isinstance(kind, pd.CategoricalDtype)})
    return pa.Table.from_pandas(named[list(COLUMNS)], schema=_SCHEMA, preserve_index=False)


def _from_table(table: pa.Table) -> pd.DataFrame:
    loaded: pd.DataFrame = table.select(list(COLUMNS)).cast(_SCHEMA).to_pandas(types_mapper=_PANDAS.get)
    categories = [name for name, kind in DTYPES.items() if isinstance(kind, pd.CategoricalDtype)]
    return loaded.assign(**{name: _typed(name, loaded[name]) for name in categories})


def _map_text(column: pd.Series[Any], change: Callable[[str], str]) -> pd.Series[Any]:
    changed: pd.Series[Any] = column.map(change, na_action="ignore").astype(_TEXT)
    return changed


def _defuse(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _restore(text: str) -> str:
    return text.removeprefix("'")


def _unreadable(path: str | Path, error: Exception) -> RunFolderError:
    return RunFolderError(f"{path}: not an observations file ({error}). The journal beside it holds the same rows.")
