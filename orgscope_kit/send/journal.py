"""The journal of a run: every exchange, committed before it is counted; what a killed run resumes from.

SQLite in WAL mode. One row an exchange, in the columns of the observations frame; beside them the step of the inquiry
that asked, and whether the row closes that step. What an inquiry started from (its background) is journaled too, so
that a resumed
run asks the same.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..ask.evidence import Background, Style
from ..errors import RunFolderError
from ..records import COLUMNS, Exchange

__all__ = ["Journal", "Step"]

_SCHEMA = 1
_TUPLES = {"scope_requested", "named_scopes", "scope_granted"}
_TIMES = {"planned_at", "sent_at"}
_FLAGS = {"connection_reused", "scope_stated"}


@dataclass(frozen=True, slots=True)
class Step:
    """The rows of one step of an inquiry; ``closed`` where it was carried out to its end."""

    rows: tuple[Exchange, ...]
    closed: bool


class Journal:
    """``journal.sqlite`` of a run folder; used from one thread at a time.

    Raises:
        RunFolderError: the file cannot be opened or written, or another process writes it.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path, self._read_only = path, read_only
        try:
            self._db = _connect(path, read_only)
            self._count = self._db.execute("SELECT coalesce(max(exchange_id), 0) FROM exchanges").fetchone()[0]
        except sqlite3.Error as error:
            raise RunFolderError(f"{path}: {error}. {_fix(error)}") from error

    def close(self) -> None:
        """Close the file; the lock on it ends, and a journal that was written lies in one file again."""
        if not self._read_only:
            self._db.execute("PRAGMA journal_mode=DELETE")
        self._db.close()

    def append(self, rows: Sequence[Exchange], step: int, *, closes: bool) -> tuple[Exchange, ...]:
        """Commit the rows of one step together; they come back with ids. The last closes the step if ``closes``."""
        from dataclasses import replace

        numbered = tuple(replace(row, exchange_id=self._count + n) for n, row in enumerate(rows, start=1))
        marks = ",".join("?" * (len(COLUMNS) + 2))
        values = [(*_to_row(row), step, closes and row is numbered[-1]) for row in numbered]
        self._write(f"INSERT INTO exchanges VALUES ({marks})", values)  # noqa: S608 - question marks only
        self._count += len(rows)
        return numbered

    def steps(self) -> dict[str, dict[int, Step]]:
        """What was carried out, by org and step."""
        found: dict[str, dict[int, list[tuple[Exchange, bool]]]] = {}
        for row in self._db.execute("SELECT * FROM exchanges ORDER BY exchange_id"):
            *columns, step, closes = row
            exchange = _from_row(columns)
            found.setdefault(exchange.org, {}).setdefault(step, []).append((exchange, bool(closes)))
        return {
            org: {
                step: Step(tuple(row for row, _ in rows), any(closes for _, closes in rows))
                for step, rows in steps.items()
            }
            for org, steps in found.items()
        }

    def exchanges(self) -> list[Exchange]:
        """Every exchange, in the order of ids."""
        return [
            _from_row(row[: len(COLUMNS)]) for row in self._db.execute("SELECT * FROM exchanges ORDER BY exchange_id")
        ]

    def open_org(self, org: str, background: Background) -> Background:
        """Note what ``org``'s inquiry starts from, once; a resumed run gets what was noted first."""
        row = self._db.execute("SELECT background FROM openings WHERE org = ?", (org,)).fetchone()
        if row is not None:
            return _background(json.loads(row[0]))
        self._write("INSERT INTO openings VALUES (?, ?)", [(org, json.dumps(_as_json(background)))])
        return background

    def end_org(self, org: str, reason: str) -> None:
        """Note how ``org``'s inquiry ended: ``settled`` or ``budget``."""
        self._write("INSERT OR REPLACE INTO endings VALUES (?, ?)", [(org, reason)])

    def endings(self) -> dict[str, str]:
        """How inquiries ended, by org; those still open are absent."""
        return dict(self._db.execute("SELECT org, reason FROM endings"))

    def _write(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        try:
            with self._db:
                self._db.executemany(statement, values)
        except sqlite3.Error as error:
            raise RunFolderError(f"{self.path}: {error}. {_fix(error)}") from error


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    if read_only:
        if not path.exists():
            raise RunFolderError(f"{path}: no journal here. Name a run folder, or a run's id with --out.")
        return sqlite3.connect(f"file:{path.as_posix()}?mode=ro", uri=True, check_same_thread=False)
    db = sqlite3.connect(path, timeout=2.0, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, _SCHEMA):
        raise RunFolderError(
            f"{path}: journal schema {version}, this version knows {_SCHEMA}. Open it with the version that wrote it."
        )
    columns = ", ".join("exchange_id INTEGER PRIMARY KEY" if name == "exchange_id" else name for name in COLUMNS)
    with db:
        db.execute(f"CREATE TABLE IF NOT EXISTS exchanges ({columns}, step INTEGER, closes INTEGER)")
        db.execute("CREATE TABLE IF NOT EXISTS openings (org PRIMARY KEY, background)")
        db.execute("CREATE TABLE IF NOT EXISTS endings (org PRIMARY KEY, reason)")
        db.execute(f"PRAGMA user_version = {_SCHEMA}")
    return db


def _fix(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return "Another process works on this run: wait for it, or stop it."
    if "full" in text or "readonly" in text or "unable to open" in text:
        return "Make room, or name another folder with --out; what was journaled is kept."
    return "If the file is damaged, start a new run; what can be read of it is kept."


def _to_row(row: Exchange) -> list[Any]:
    values: list[Any] = []
    for name, value in zip(COLUMNS, astuple(row), strict=True):
        if name in _TUPLES and value is not None:
            value = " ".join(value)
        elif name in _TIMES:
            value = value.isoformat()
        values.append(value)
    return values


def _from_row(values: Sequence[Any]) -> Exchange:
    row = dict(zip(COLUMNS, values, strict=True))
    for name in _TUPLES:
        row[name] = tuple(row[name].split()) if row[name] is not None else None
    for name in _TIMES:
        row[name] = datetime.fromisoformat(row[name]).astimezone(UTC)
    for name in _FLAGS:
        row[name] = bool(row[name]) if row[name] is not None else None
    return Exchange(**row)


def _as_json(background: Background) -> dict[str, Any]:
    style = background.style
    return {
        "known_scopes": dict(background.known_scopes),
        "controlled": background.controlled,
        "style": [style.states_granted, style.refuses_unknown, style.drops_unknown],
    }


def _background(kept: dict[str, Any]) -> Background:
    return Background(kept["known_scopes"], Style(*(tuple(ids) for ids in kept["style"])), kept["controlled"])
