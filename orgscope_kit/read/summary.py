"""Summaries of observations: frames in, frames out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from orgscope_kit.records import OUTCOMES, Org

__all__ = ["PHASES", "alike", "by_org", "marks", "matrix", "phases"]

#: The phases of an exchange, in the order in which they happen. ``rest_ms``: writing the request and reading the body.
PHASES = ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "rest_ms")

Grants = Mapping[str, Mapping[str, tuple[str, str]]]


def by_org(observations: pd.DataFrame) -> pd.DataFrame:
    """One row an org: how many exchanges, how they came out, and how long the answers took.

    Durations are those of answered exchanges: one that ran into our own time-out says nothing of the server's time.
    """
    org = observations["org"].astype("str")
    answered = observations["status"].notna()
    columns: dict[str, Any] = {"exchanges": _grouped(observations["exchange_id"], org).count()}
    for outcome in OUTCOMES:
        columns[outcome] = _grouped((observations["outcome"] == outcome).astype("int64"), org).sum()
    for name in ("total_ms", "first_byte_ms"):
        taken = _grouped(observations[name].where(answered), org)
        columns |= {f"p50_{name}": taken.quantile(0.5), f"p90_{name}": taken.quantile(0.9)}
    sent = _grouped(observations["sent_at"], org)
    return pd.DataFrame(columns | {"first_sent_at": sent.min(), "last_sent_at": sent.max()})


def phases(observations: pd.DataFrame) -> pd.DataFrame:
    """Org by phase: the median in ms of the answered exchanges that had the phase.

    Name look-up, connection and TLS happen on new connections only, so their medians are of those alone. Waiting in our
    own queue is no phase.
    """
    answered = observations.loc[observations["status"].notna()]
    before = answered[list(PHASES[:3])].fillna(0.0).sum(axis=1)
    rest = (answered["total_ms"] - answered["first_byte_ms"] - before).clip(lower=0.0)
    timed = answered[list(PHASES[:4])].assign(rest_ms=rest)
    medians = timed.groupby(answered["org"].astype("str"), sort=False).median()
    return medians.rename_axis(columns="phase")


def matrix(orgs: Sequence[Org], grants: Grants) -> pd.DataFrame:
    """Org by scope: ``granted``, ``missing`` or ``unknown``; ``NA`` where the org does not ask for the scope.

    Args:
        grants: ``{org: {scope: (state, basis)}}``; a scope that is asked for and stands nowhere is ``unknown``.
    """
    return _crossed(orgs, {org.name: {s: _grant(grants, org, s)[0] for s in org.scopes} for org in orgs})


def marks(orgs: Sequence[Org], grants: Grants) -> pd.DataFrame:
    """The shape of [`matrix`][orgscope_kit.read.summary.matrix]: how each state is known, ``asked`` or ``inferred``.

    ``NA`` where the org does not ask for the scope, or where the state is unknown.
    """
    known: dict[str, dict[str, str]] = {}
    for org in orgs:
        found = {scope: _grant(grants, org, scope) for scope in org.scopes}
        known[org.name] = {scope: basis for scope, (state, basis) in found.items() if state != "unknown"}
    return _crossed(orgs, known)


def alike(states: pd.DataFrame, marks: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both frames with orgs of the same pattern in one row, named ``first org + 11 alike``; commonest pattern first."""
    patterns: dict[tuple[str, ...], list[int]] = {}
    pairs = zip(states.astype(object).fillna("").to_numpy(), marks.astype(object).fillna("").to_numpy(), strict=True)
    for row, (state, mark) in enumerate(pairs):
        patterns.setdefault((*state, *mark), []).append(row)
    groups = sorted(patterns.values(), key=len, reverse=True)
    first = [rows[0] for rows in groups]
    others = [f"  + {len(rows) - 1} alike" if len(rows) > 1 else "" for rows in groups]
    names = pd.Index([f"{states.index[rows[0]]}{more}" for rows, more in zip(groups, others, strict=True)], name="org")
    return states.iloc[first].set_axis(names), marks.iloc[first].set_axis(names)


def _grouped(column: pd.Series[Any], org: pd.Series[str]) -> Any:
    return column.groupby(org, sort=False)


def _grant(grants: Grants, org: Org, scope: str) -> tuple[str, str]:
    return grants.get(org.name, {}).get(scope, ("unknown", ""))


def _crossed(orgs: Sequence[Org], cells: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    scopes = pd.Index(list(dict.fromkeys(scope for org in orgs for scope in org.scopes)), dtype="str", name="scope")
    names = pd.Index([org.name for org in orgs], dtype="str", name="org")
    rows = [[cells[name].get(scope, pd.NA) for scope in scopes] for name in names]
    return pd.DataFrame(rows, index=names, columns=scopes, dtype="string")
