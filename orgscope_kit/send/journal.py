"""The journal of a run: every exchange, committed before it is counted; what a killed run resumes from.

SQLite in WAL mode. One row an exchange, in the columns of the observations frame; beside them the step of the inquiry
that asked, and whether the row closes that step. What an inquiry started from (its background) is journaled too, so
that a resumed run asks the same. Who writes holds the file alone: SQLite's exclusive lock, which ends with the process.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from ..ask.evidence import Background, Style
from ..errors import RunFolderError
from ..records import COLUMNS, Exchange

__all__ = ["Journal", "Step"]

_SCHEMA = 1
_TUPLES = ("scope_requested", "named_scopes", "scope_granted")
_TIMES = ("planned_at", "sent_at")
_FLAGS = ("connection_reused", "scope_stated")
#: Columns whose values repeat from row to row: each is held once.
_REPEATED = (
    "probe_id", "org", "purpose", "org_id_sent", "credentials_of", "auth_method", "endpoint", "timing_clock", "status",
    "outcome", "error", "error_description", "token_org", "expires_in_s",
)  # fmt: skip
_values = attrgetter(*COLUMNS)
_DAMAGED = "If the file is damaged, start a new run."


@dataclass(frozen=True, slots=True)
class Step:
    """The rows of one step of an inquiry; ``closed`` where it was carried out to its end."""

    rows: tuple[Exchange, ...]
    closed: bool


class Journal:
    """``journal.sqlite`` of a run folder; used from one thread at a time.

    Raises:
        RunFolderError: the file cannot be opened, read or written, or another process writes it.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path, self._read_only = path, read_only
        if read_only and not path.exists():
            raise RunFolderError(f"{path}: no journal here. Name a run folder, or a run's id with --out.")
        with self._explained():
            self._db = _open(path, read_only)
        try:
            with self._explained():
                _set_up(self._db, path, read_only)
                self._count = self._db.execute("SELECT coalesce(max(exchange_id), 0) FROM exchanges").fetchone()[0]
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file; the lock on it ends, and a journal that was written lies in one file again."""
        with suppress(sqlite3.Error):  # the disk may be full: then the write-ahead log stays, and is as good
            if not self._read_only:
                self._db.execute("PRAGMA journal_mode=DELETE")
        self._db.close()

    def append(self, rows: Sequence[Exchange], step: int, *, closes: bool) -> tuple[Exchange, ...]:
        """Commit the rows of one step together; they come back with ids. The last closes the step if ``closes``."""
        numbered = tuple(replace(row, exchange_id=self._count + n) for n, row in enumerate(rows, start=1))
        marks = ",".join("?" * (len(COLUMNS) + 2))
        values = [(*_to_row(row), step, closes and row is numbered[-1]) for row in numbered]
        self._write(f"INSERT INTO exchanges VALUES ({marks})", values)  # noqa: S608 - question marks only
        self._count += len(rows)
        return numbered

    def steps(self) -> dict[str, dict[int, Step]]:
        """What was carried out, by org and step."""
        found: dict[str, dict[int, list[Exchange]]] = {}
        closed: set[tuple[str, int]] = set()
        for exchange, step, closes in self._exchanges():
            found.setdefault(exchange.org, {}).setdefault(step, []).append(exchange)
            if closes:
                closed.add((exchange.org, step))
        return {
            org: {step: Step(tuple(rows), (org, step) in closed) for step, rows in steps.items()}
            for org, steps in found.items()
        }

    def exchanges(self) -> list[Exchange]:
        """Every exchange, in the order of ids."""
        return [exchange for exchange, *_ in self._exchanges()]

    def open_org(self, org: str, background: Background) -> Background:
        """Note what ``org``'s inquiry starts from, once; a resumed run gets what was noted first."""
        for (kept,) in self._read("SELECT background FROM openings WHERE org = ?", org):
            return _background(json.loads(kept))
        self._write("INSERT INTO openings VALUES (?, ?)", [(org, json.dumps(_as_json(background)))])
        return background

    def end_org(self, org: str, reason: str) -> None:
        """Note how ``org``'s inquiry ended: ``settled`` or ``budget``."""
        self._write("INSERT OR REPLACE INTO endings VALUES (?, ?)", [(org, reason)])

    def endings(self) -> dict[str, str]:
        """How inquiries ended, by org; those still open are absent."""
        return dict(self._read("SELECT org, reason FROM endings"))

    def note(self, kind: str, name: str, value: Any) -> None:
        """Keep what a run learned beside its exchanges, as JSON."""
        self._write("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", [(kind, name, json.dumps(value))])

    def notes(self, kind: str) -> dict[str, Any]:
        """What was noted, by name."""
        kept = self._read("SELECT name, value FROM notes WHERE kind = ?", kind)
        return {name: json.loads(value) for name, value in kept}

    def _exchanges(self) -> Iterator[tuple[Exchange, int, bool]]:
        """Every exchange with its step, and whether it closes that; equal values are one object."""
        held: dict[str, dict[Any, Any]] = {name: {} for name in (*_REPEATED, "scopes", "words")}
        with self._explained():
            for values in self._db.execute("SELECT * FROM exchanges ORDER BY exchange_id"):
                *columns, step, closes = values
                try:
                    exchange = _from_row(columns, held)
                except (TypeError, ValueError, AttributeError) as error:
                    what = f"{self.path}: exchange {values[0]!r} is damaged ({error}). {_DAMAGED}"
                    raise RunFolderError(what) from error
                yield exchange, step, bool(closes)

    def _read(self, statement: str, *values: Any) -> list[Any]:
        with self._explained():
            return self._db.execute(statement, values).fetchall()

    def _write(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        with self._explained(), self._db:
            self._db.executemany(statement, values)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise RunFolderError(f"{self.path}: {error}. {_fix(error)}") from error


def _open(path: Path, read_only: bool) -> sqlite3.Connection:
    if read_only:
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0, check_same_thread=False)
    return sqlite3.connect(path, timeout=0.5, check_same_thread=False)


def _set_up(db: sqlite3.Connection, path: Path, read_only: bool) -> None:
    if not read_only:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, _SCHEMA):
        raise RunFolderError(
            f"{path}: journal schema {version}, this version knows {_SCHEMA}. Open it with the version that wrote it."
        )
    if read_only:
        return
    columns = ", ".join("exchange_id INTEGER PRIMARY KEY" if name == "exchange_id" else name for name in COLUMNS)
    with db:
        db.execute(f"CREATE TABLE IF NOT EXISTS exchanges ({columns}, step INTEGER, closes INTEGER)")
        db.execute("CREATE TABLE IF NOT EXISTS openings (org PRIMARY KEY, background)")
        db.execute("CREATE TABLE IF NOT EXISTS notes (kind, name, value, PRIMARY KEY (kind, name))")
        db.execute("CREATE TABLE IF NOT EXISTS endings (org PRIMARY KEY, reason)")
        db.execute(f"PRAGMA user_version = {_SCHEMA}")  # a write, which takes the lock until the file is closed


def _fix(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return "Another process works on this run: wait for it, or stop it."
    if any(word in text for word in ("full", "readonly", "unable to open", "disk I/O")):
        return "Make room, or name another folder with --out; what was journaled is kept."
    return _DAMAGED


def _to_row(row: Exchange) -> list[Any]:
    values = dict(zip(COLUMNS, _values(row), strict=True))
    for name in _TUPLES:
        if values[name] is not None:
            values[name] = " ".join(values[name])
    for name in _TIMES:
        values[name] = values[name].isoformat()
    return list(values.values())


def _from_row(values: Sequence[Any], held: dict[str, dict[Any, Any]]) -> Exchange:
    row = dict(zip(COLUMNS, values, strict=True))
    for name in _REPEATED:
        row[name] = held[name].setdefault(row[name], row[name])
    for name in _TUPLES:
        row[name] = _scopes(row[name], held)
    for name in _TIMES:
        row[name] = datetime.fromisoformat(row[name]).astimezone(UTC)
    for name in _FLAGS:
        row[name] = bool(row[name]) if row[name] is not None else None
    return Exchange(**row)


def _scopes(text: str | None, held: dict[str, dict[Any, Any]]) -> tuple[str, ...] | None:
    if text is None:
        return None
    known, words = held["scopes"], held["words"]
    if text not in known:
        known[text] = tuple(words.setdefault(word, word) for word in text.split())
    scopes: tuple[str, ...] = known[text]
    return scopes


def _as_json(background: Background) -> dict[str, Any]:
    style = background.style
    return {
        "known_scopes": dict(background.known_scopes),
        "controlled": background.controlled,
        "style": [style.states_granted, style.refuses_unknown, style.drops_unknown],
        "scope_refusals": style.scope_refusals,
    }


def _background(kept: dict[str, Any]) -> Background:
    looks = tuple((status, error, text) for status, error, text in kept["scope_refusals"])
    states, refuses, drops = (tuple(ids) for ids in kept["style"])
    style = Style(states, refuses, drops, scope_refusals=looks)
    return Background(kept["known_scopes"], style, kept["controlled"])
