"""A fleet in a CSV file: one row an org, the keys of an org as columns (DESIGN §3)."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any

from .places import CSV_FILE, Finding, Unfit, is_secretive, shown_key
from .schema import LATER, OrgShape, unknown_key
from .yaml_file import read_text

__all__ = ["MOST_ROWS", "Fleet", "locate", "read_fleet"]

MOST_ROWS = 10_000
_MOST_COLUMNS = 200
_REFUSED = "\0refused"
_FILLED = ("client_secret", "client_key", "client_certificate", "client_certificate_key", "token_url", "issuer")


@dataclass
class Fleet:
    """The rows as the ``orgs`` mapping of a file, the line of each, and what was wrong."""

    name: str
    orgs: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def find(self, line: int, column: str, what: str, fix: str, *, warning: bool = False) -> None:
        """Note something about a cell, or a line."""
        path = (CSV_FILE, line, column) if column else (CSV_FILE, line)
        self.findings.append(Finding(path, what, fix, "warning" if warning else "error"))


def locate(name: str, folder: Path) -> Path:
    """The CSV file, which lies in the folder of the investigation or below.

    Raises:
        Unfit: it would lie elsewhere. An investigation from someone else must not read any file of this machine.
    """
    if not name.strip() or not name.isprintable():
        raise Unfit("`from` names no file", "Write `orgs: {from: orgs.csv}`")
    outside = Unfit(
        "`from` leads out of the investigation's folder",
        "Put the CSV file beside the investigation, and name it by a relative path",
    )
    if Path(name).is_absolute() or PureWindowsPath(name).anchor:
        raise outside
    try:
        root = folder.resolve()
        path = (root / name).resolve()  # follows links
    except (OSError, RuntimeError):
        raise Unfit("`from` cannot be followed", "Check the path and its links") from None
    if not path.is_relative_to(root):
        raise outside
    return path


def read_fleet(path: Path, provider: str, org_keys: Collection[str] = ()) -> Fleet:
    """Read a fleet; comma or semicolon, with or without a byte order mark. Empty cells are absent keys.

    Args:
        org_keys: columns that mean something to the provider beyond the keys of any org.
    """
    fleet = Fleet(path.name)
    try:
        text = read_text(path)
    except Unfit as error:
        fleet.findings.append(Finding((CSV_FILE,), error.what, error.fix))
        return fleet
    head = next((line for line in text.splitlines() if line.strip()), "")
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",", strict=True
    )
    columns: list[str] | None = None
    line = 1
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                pass
            elif columns is None:
                columns = _read_head(cells, line, fleet, provider, org_keys)
                if "org" not in columns:
                    break
            elif len(fleet.lines) >= MOST_ROWS:
                fleet.find(line, "", f"there are more than {MOST_ROWS} orgs", "Split the fleet")
                break
            else:
                nameless = [cell for column, cell in zip(columns, cells, strict=False) if not column]
                _read_row(
                    dict(zip(columns, cells, strict=False)), nameless + cells[len(columns) :], line, fleet, org_keys
                )
            line = rows.line_num + 1
    except csv.Error:
        fleet.find(
            line, "", "the row cannot be parsed (a quote not closed, a cell too long, or a NUL)", "Check its quotes"
        )
    if columns is None:
        fleet.find(
            1, "", "the file is empty", "Write a line of column names: org, token_url, client_id, client_secret, scopes"
        )
    return fleet


def _read_head(cells: list[str], line: int, fleet: Fleet, provider: str, org_keys: Collection[str]) -> list[str]:
    known = ["org", *OrgShape.model_fields, *org_keys]
    columns = [cell.lower() if cell.lower() in (*known, *LATER) else cell for cell in cells[:_MOST_COLUMNS]]
    if len(cells) > _MOST_COLUMNS:
        fleet.find(line, "", f"there are more than {_MOST_COLUMNS} columns", "Leave out what is not needed")
    for n, column in enumerate(columns):
        if column and column in columns[:n]:
            fleet.find(line, shown_key(column), "the column stands twice", "Remove or rename one")
    if "org" not in columns:
        fleet.find(
            line,
            "",
            "there is no column `org`",
            "Name the orgs in a column `org`; the first line holds the column names",
        )
        return []
    for n, column in enumerate(columns):
        if column and column not in known:
            columns[n] = _foreign(column, line, fleet, provider, known)
    return columns


def _foreign(column: str, line: int, fleet: Fleet, provider: str, known: Collection[str]) -> str:
    """A column that is no key of an org is carried as a tag, unless it would be lost in there or give a secret away."""
    name = shown_key(column)
    what, fix = unknown_key(column, (), provider)
    if column in LATER or f"`{column}` means nothing" in what:
        fleet.find(line, name, what, fix)
    elif is_secretive(column):
        fix = "Give secrets by reference in a column `client_secret` (env:NAME); rename the column if it holds none"
        fleet.find(line, name, "the column could hold secrets, and unknown columns are carried into reports", fix)
    else:
        close = difflib.get_close_matches(column.lower(), known, 1, 0.8)
        if close:
            fleet.find(
                line, name, "the unknown column is carried as a tag", f"Did you mean `{close[0]}`?", warning=True
            )
        return column
    return _REFUSED


def _read_row(row: dict[str, str], beyond: list[str], line: int, fleet: Fleet, org_keys: Collection[str]) -> None:
    name = row.pop("org", "")
    if any(beyond):
        fleet.find(
            line,
            "",
            "the row has cells that stand in no named column",
            "Name the column, or put cells that hold the separator in quotes",
        )
    if not name:
        fleet.find(line, "org", "the org has no name", "Name it")
        return
    if name in fleet.lines:
        fleet.find(
            line,
            "org",
            f"the org {name[:100]!r} stands twice, here and on line {fleet.lines[name]}",
            "Remove or rename one",
        )
        return
    filled = {column: cell for column, cell in row.items() if cell and column not in ("", _REFUSED)}
    for column in _FILLED:
        if column in filled:
            filled[column] = filled[column].replace("{org}", name)
    entry: dict[str, Any] = {
        column: cell for column, cell in filled.items() if column in OrgShape.model_fields or column in org_keys
    }
    tags = {column: cell for column, cell in filled.items() if column not in entry}
    if tags:
        own = [each.strip() for each in entry.get("tags", "").split(",") if each.strip()]
        entry["tags"] = {**dict.fromkeys(own, ""), **tags}
    fleet.orgs[name], fleet.lines[name] = entry, line
