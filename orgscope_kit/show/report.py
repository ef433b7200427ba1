"""The report: one HTML file that opens offline, asks nothing of the network and runs no script."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

import pandas as pd

from orgscope_kit.read import summary
from orgscope_kit.records import Evidence
from orgscope_kit.show import figures
from orgscope_kit.show.palette import OUTCOME_LOOKS, PHASE_LOOKS
from orgscope_kit.show.pieces import environment, grouped, singly
from orgscope_kit.show.words import duration

__all__ = ["ReportInputs", "render"]

_MOST_ROWS = 500  # beyond, only exchanges that evidence rests on
_MOST_CITED = 1000  # about 0.5 MB of the page
_MOST_CELLS = 4000
_COLUMNS = (
    "exchange_id", "attempt", "sent_at", "org", "purpose", "scope_requested", "org_id_sent", "credentials_of", "status",
    "outcome", "error", "error_description", "named_scopes", "scope_granted", "token_org", "total_ms", "correlation_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """What a report is made of.

    Attributes:
        investigation: ``title``, ``provider``, ``reference`` (or ``None``), and ``orgs``: a sequence of mappings with
            ``name`` and, where known, ``label``, ``token_url``, ``client_id``, ``org_id``, ``ticket``.
        run: ``id``, ``started_at``, ``ended_at`` (datetime, or ISO text), ``state``, ``versions`` (name to version),
            ``counts`` (``exchanges``, ``tokens_minted``, ``tokens_revoked``), ``simulation``,
            ``tokens_live_until`` (datetime).
        diagnosis: ``diagnosis.json`` (DESIGN §7).
        observations: the frame of DESIGN §6.
        states: org by scope, ``granted``, ``missing`` or ``unknown``. marks: the same shape, ``asked`` or ``inferred``.
        manners: ``host:port``, and how its server answers: sentences with the exchanges that show each.
        minted: org, tokens minted, and the longest ``expires_in`` in seconds.
    """

    investigation: Mapping[str, Any]
    run: Mapping[str, Any]
    diagnosis: Mapping[str, Any]
    observations: pd.DataFrame
    states: pd.DataFrame
    marks: pd.DataFrame
    minted: tuple[tuple[str, int, float | None], ...] = ()
    manners: tuple[tuple[str, Sequence[Evidence]], ...] = ()


def render(inputs: ReportInputs) -> str:
    """The report as HTML. Every value is escaped, its control characters are shown as signs, whoever wrote it."""
    orgs = {org["name"]: org for org in inputs.investigation["orgs"]}
    groups = grouped(inputs.diagnosis, {name: org.get("client_id") or "" for name, org in orgs.items()})
    cards = singly(groups)
    cited = list(dict.fromkeys(_cited([card.first for card in cards], inputs.diagnosis["orgs"].values())))
    shown = _shown(inputs.observations, cited[:_MOST_CITED])
    columns, latency = _latency(inputs.observations)
    minted = [(org, count, "" if life is None else duration(life)) for org, count, life in inputs.minted]
    return environment().get_template("report.html.j2").render(
        investigation=inputs.investigation, run=inputs.run, orgs=orgs, groups=groups, cards=cards,
        started=_when(inputs.run["started_at"]), ended=_when(inputs.run["ended_at"]), pictures=_pictures(inputs),
        scopes=list(inputs.states.columns), states=list(_states(inputs.states, inputs.marks)),
        latency_columns=columns, latency=latency, rows=list(_rows(shown)),
        total=len(inputs.observations), all_cited=len(cited) <= _MOST_CITED,
        linked=frozenset(shown["exchange_id"].tolist()), minted=minted, manners=inputs.manners,
        live_until=_when(inputs.run.get("tokens_live_until")),
    )  # fmt: skip


def _pictures(inputs: ReportInputs) -> dict[str, dict[str, Any]]:
    drawn = {
        "matrix": figures.matrix(inputs.states, inputs.marks),
        "latency": figures.latency(inputs.observations),
        "timeline": figures.timeline(inputs.observations),
    }
    return {kind: _embedded(figure) for kind, figure in drawn.items()}


def _embedded(figure: figures.Picture) -> dict[str, Any]:
    source = "data:image/png;base64," + base64.b64encode(figures.png(figure)).decode()
    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    return {"source": source, "alt": figure.alt, "width": width, "height": height}


def _shown(observations: pd.DataFrame, cited: Sequence[int]) -> pd.DataFrame:
    """Every exchange, or those that are cited where there are too many."""
    if len(observations) <= _MOST_ROWS:
        return observations
    return observations.loc[observations["exchange_id"].isin(cited)]


def _cited(told: Sequence[Mapping[str, Any]], entries: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """The exchanges that entries rest on: of those ``told`` every one, then the first of each entry, then the second.

    Evidence goes before what rules a cause out, orgs that fail before those that work.
    """
    for entry in told:
        yield from (*_numbers(entry["evidence"]), *_numbers(entry["ruled_out"]))
    held = list(entries)
    for works in (False, True):
        chosen = [entry for entry in held if (entry["cause"] == "works") is works]
        for part in ("evidence", "ruled_out"):
            for turn in zip_longest(*(_numbers(entry[part]) for entry in chosen)):
                yield from (number for number in turn if number is not None)


def _numbers(pieces: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    for piece in pieces:
        yield from piece["exchanges"]


def _rows(observations: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The exchanges as the table shows them, ``None`` for what is missing."""
    held = observations[list(_COLUMNS)].astype(object)
    plain = held.where(held.notna(), None)
    for row in ({str(name): value for name, value in each.items()} for each in plain.to_dict("records")):
        sent, total = row["sent_at"], row["total_ms"]
        yield {
            **row,
            "sent": f"{sent:%H:%M:%S}.{sent.microsecond // 1000:03d}",
            "ms": None if total is None else f"{total:.0f}",
            "sign": OUTCOME_LOOKS[row["outcome"]].sign,
        }


def _states(states: pd.DataFrame, marks: pd.DataFrame) -> Iterator[tuple[str, list[tuple[str, bool]]]]:
    """Rows of the matrix as words; orgs alike share a row where there would be too many cells."""
    if states.size > _MOST_CELLS:
        states, marks = summary.alike(states, marks)
    states, marks = states.fillna(""), marks.fillna("")
    for org, row, basis in zip(states.index, states.to_numpy(), marks.to_numpy(), strict=True):
        yield str(org), [(state, mark == "inferred") for state, mark in zip(row, basis, strict=True)]


def _latency(observations: pd.DataFrame) -> tuple[list[str], list[tuple[str, list[str | None]]]]:
    medians, totals = summary.phases(observations), summary.by_org(observations)
    table = medians[list(PHASE_LOOKS)].join(totals[["p50_total_ms", "p90_total_ms"]])
    names = [*(look.word for look in PHASE_LOOKS.values()), "whole", "90th percentile"]
    rows = zip(table.index, table.astype(object).to_numpy(), strict=True)
    return names, [(str(org), [None if pd.isna(value) else f"{value:.1f}" for value in row]) for org, row in rows]


def _when(value: datetime | str | None) -> str:
    """A time for people; text that is no time stays as it is."""
    if value is None:
        return "not ended"
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%B %Y %H:%M:%S} UTC"
