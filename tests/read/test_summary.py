"""Summaries of observations."""

from __future__ import annotations

import pandas as pd
import pytest
from exchange_rows import START, row

from orgscope_kit.read import summary
from orgscope_kit.read.observations import frame
from orgscope_kit.records import Org

GRANTS = {
    "one": {"b": ("granted", "asked"), "a": ("missing", "inferred")},
    "two": {"a": ("unknown", "asked")},
}


def _org(name: str, *scopes: str) -> Org:
    return Org(name, "oauth2", "https://login.example/token", f"{name}-client", scopes)


ORGS = (_org("two", "a", "c"), _org("one", "b", "a"))


def test_by_org_counts_outcomes_and_times_answers() -> None:
    """One row an org; an exchange that was never answered counts, and its time does not."""
    lost = row(3, status=None, outcome="unreachable", total_ms=10_000.0, first_byte_ms=None)
    found = summary.by_org(frame([row(1, total_ms=100.0), row(2, total_ms=200.0, outcome="refused"), lost])).loc[
        "primary"
    ]
    assert [3, 1, 1, 1] == [found[name] for name in ("exchanges", "granted", "refused", "unreachable")]
    assert [150.0, 190.0] == pytest.approx([found["p50_total_ms"], found["p90_total_ms"]])
    assert pd.Timestamp(START) + pd.Timedelta(seconds=1) == found["first_sent_at"]


def test_by_org_keeps_the_order_of_appearance() -> None:
    """Orgs stand in the order in which they were asked."""
    assert ["z", "a"] == list(summary.by_org(frame([row(1, org="z"), row(2, org="a"), row(3, org="z")])).index)


def test_phases_leave_reused_connections_out_of_the_handshake() -> None:
    """The median of a phase is that of the exchanges that had it, and our own queue is none of them."""
    new = row(1, dns_ms=2.0, connect_ms=4.0, tls_ms=10.0, first_byte_ms=40.0, total_ms=61.0)
    found = summary.phases(frame([new, row(2), row(3)])).loc["primary"]
    assert {"dns_ms": 2.0, "connect_ms": 4.0, "tls_ms": 10.0, "first_byte_ms": 40.0, "rest_ms": 10.0} == found.to_dict()


@pytest.mark.parametrize("summarise", [summary.by_org, summary.phases])
def test_summaries_of_nothing_are_empty(summarise: object) -> None:
    """An empty frame gives an empty summary with its columns."""
    found = summarise(frame([]))  # type: ignore[operator]
    assert found.empty
    assert len(found.columns) >= 5


def test_matrix_has_orgs_by_scopes_in_order_of_mention() -> None:
    """Rows are the orgs in their order, columns the scopes as they are first mentioned, blanks what nobody asks."""
    found = summary.matrix(ORGS, GRANTS)
    assert ("org", ["two", "one"], "scope", ["a", "c", "b"]) == (
        found.index.name,
        list(found.index),
        found.columns.name,
        list(found.columns),
    )
    assert [["unknown", "unknown", None], ["missing", None, "granted"]] == _plain(found)


def test_marks_say_how_each_state_is_known() -> None:
    """An unknown state has no mark."""
    assert [[None, None, None], ["inferred", None, "asked"]] == _plain(summary.marks(ORGS, GRANTS))


def test_alike_puts_equal_rows_together() -> None:
    """Orgs of one pattern share a row, the commonest first."""
    orgs = [_org(name, "a") for name in "xyz"]
    grants = {"x": {"a": ("missing", "asked")}} | {name: {"a": ("granted", "asked")} for name in "yz"}
    states, marks = summary.alike(summary.matrix(orgs, grants), summary.marks(orgs, grants))
    assert ["y  + 1 alike", "x"] == list(states.index)
    assert [["granted"], ["missing"]] == _plain(states)
    assert [["asked"], ["asked"]] == _plain(marks)


def _plain(found: pd.DataFrame) -> list[list[str | None]]:
    return [[None if cell is pd.NA else cell for cell in line] for line in found.to_numpy()]
