"""Rows of the journal: they come back as they were written, and what repeats is held once."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orgscope_kit.records import Exchange
from orgscope_kit.send.journal import Journal, Step

AT = datetime(2026, 11, 24, 10, 15, 30, 125000, UTC)


def _row(number: int, **changes: object) -> Exchange:
    sent = AT + timedelta(seconds=number)
    row = Exchange(
        number, "primary/1", "primary", "baseline", ("a", "b"), None, "primary", "client_secret_basic",
        "https://login.example/token", 1, AT, sent, 1.5, None, None, None, 40.0 + number, 50.0, 1, True, 0.1,
        "monotonic", 403, "refused", "invalid_scope", "not granted", (), None, None, None, None, None, f"c-{number}",
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def test_rows_come_back(tmp_path: Path) -> None:
    """Rows, their ids and their steps are those that were appended; no scopes are not the same as an empty list."""
    rows = (_row(1), _row(2, scope_requested=None, scope_granted=(), scope_stated=False, expires_in_s=60.0))
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        journal.append(rows[:1], 1, closes=False)
        journal.append(rows[1:], 1, closes=True)
        assert list(rows) == journal.exchanges()
        assert {"primary": {1: Step(rows, True)}} == journal.steps()


def test_what_repeats_is_held_once(tmp_path: Path) -> None:
    """Equal texts and scopes of different rows are one object."""
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        journal.append([_row(1), _row(2)], 1, closes=True)
        first, second = journal.exchanges()
    for name in ("org", "endpoint", "error_description", "scope_requested", "named_scopes"):
        assert getattr(first, name) is getattr(second, name)
