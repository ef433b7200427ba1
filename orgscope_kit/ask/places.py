"""Where something stands in an investigation file, and what was found wrong there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import Problem

__all__ = ["CSV_FILE", "Finding", "KeyPath", "Places", "Unfit", "dotted", "is_secretive", "literals", "shown_key"]

#: Keys from the top of the file to the place: ``("orgs", "primary", "scopes", 2)``.
KeyPath = tuple[str | int, ...]

#: First part of a path that stands in the CSV file itself: ``(CSV_FILE, line, column)``.
CSV_FILE = "\0csv"

_SECRETIVE = re.compile(r"secret|passw|passphrase|pwd|private.?key|api.?key|credential|token", re.IGNORECASE)
_PLAIN = re.compile(r"[\w-]+")
# `{client_secret:abc}`, its space forgotten, is a key in YAML that holds the secret.
_GLUED = re.compile(rf"((?:{_SECRETIVE.pattern})[\w-]*\s*[:=]).*", re.IGNORECASE | re.DOTALL)
_LONGEST_PART = 100


class Unfit(ValueError):
    """A value that does not do: ``what`` is wrong with it, without a secret, and the ``fix``."""

    def __init__(self, what: str, fix: str) -> None:
        self.what, self.fix = what, fix
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Finding:
    """A [`Problem`][orgscope_kit.errors.Problem] whose place is still a path."""

    path: KeyPath
    what: str
    fix: str
    severity: Literal["error", "warning"] = "error"


def dotted(path: KeyPath) -> str:
    """The path as text; parts that are no plain words are quoted.

    >>> dotted(("orgs", "acme.eu", "scopes", 2))
    'orgs."acme.eu".scopes[2]'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        word = shown_key(part)
        word = word if _PLAIN.fullmatch(word) else f'"{word}"'
        text += f".{word}" if text else word
    return text


def shown_key(key: str) -> str:
    """A key for a message: printable, not too long, without a secret glued to it.

    >>> shown_key("client_secret:hunter2")
    'client_secret:…'
    """
    cut = _GLUED.sub(r"\1…", key)
    cut = cut if len(cut) <= _LONGEST_PART else cut[:_LONGEST_PART] + "…"
    return "".join(c if c.isprintable() else "?" for c in cut)


@dataclass
class Places:
    """Turns paths into places that an analyst can go to.

    Attributes:
        file: name of the investigation file.
        lines: line of each path in it, from 1.
        csv: name of the fleet's CSV file; ``rows``: line of each org in it.

    >>> Places("acme.yaml", {("orgs", "a"): 4}).of(("orgs", "a", "token_url"))
    'acme.yaml: orgs.a.token_url (line 4)'
    >>> Places("acme.yaml", csv="orgs.csv", rows={"a": 7}).of(("orgs", "a", "token_url"))
    'orgs.csv line 7, column token_url'
    """

    file: str
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    csv: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)

    def of(self, path: KeyPath) -> str:
        """The place as text."""
        row = self._in_csv(path)
        if row is not None:
            line, column = row
            return f"{self.csv}{f' line {line}' if line else ''}" + (f", column {column}" if column else "")
        line = self._line(path)
        return self.file + (f": {dotted(path)}" if path else "") + (f" (line {line})" if line else "")

    def problems(self, findings: Iterable[Finding], data: Any = None, orgs: Any = None) -> tuple[Problem, ...]:
        """The findings with their places, in the order of the file.

        Messages are made without secrets; this is the second lock: nothing that stands where a secret could, in the
        ``data`` of the file and in the finding's own org, is left in them.
        """
        entries = orgs if isinstance(orgs, Mapping) else {}
        top = (
            literals({key: value for key, value in data.items() if key != "orgs"})
            if isinstance(data, Mapping)
            else set()
        )
        of_org = {name: top | literals(entry) for name, entry in entries.items()}
        found: dict[Problem, None] = {}
        for each in sorted(findings, key=lambda each: self._order(each.path)):
            name = each.path[1] if each.path[:1] == ("orgs",) and len(each.path) > 1 else None
            secrets = sorted(of_org.get(name, top), key=len, reverse=True)
            place, what, fix = (_without(secrets, text) for text in (self.of(each.path), each.what, each.fix))
            found[Problem(place, what, fix, each.severity)] = None
        return tuple(found)

    def _in_csv(self, path: KeyPath) -> tuple[int, str] | None:
        if path[:1] == (CSV_FILE,):
            return int(path[1]) if len(path) > 1 else 0, str(path[2]) if len(path) > 2 else ""
        if len(path) > 1 and path[0] == "orgs" and path[1] in self.rows:
            return self.rows[str(path[1])], str(path[2]) if len(path) > 2 else ""
        return None

    def _line(self, path: KeyPath) -> int:
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), 0)

    def _order(self, path: KeyPath) -> tuple[bool, int, tuple[str, ...]]:
        row = self._in_csv(path)
        text = tuple(f"{part:06}" if isinstance(part, int) else part for part in path)
        return row is not None, row[0] if row else self._line(path), text


def _without(secrets: Iterable[str], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, "…")
    return text


def is_secretive(key: str) -> bool:
    """Whether the value of ``key`` could be a secret, by the key's name.

    >>> is_secretive("Password"), is_secretive("ticket")
    (True, False)
    """
    return _SECRETIVE.search(key) is not None


def literals(data: Any, known: Iterable[str] = ("env", "file", "dotenv"), inside: bool = False) -> set[str]:
    """Texts in ``data`` that stand where a secret could: they are kept out of every message.

    >>> sorted(literals({"password": "hunter22", "client_secret": {"env": "NAME", "value": "s3cr3t"}}))
    ['hunter22', 's3cr3t']
    """
    found: set[str] = set()
    if isinstance(data, Mapping):
        for key, value in data.items():
            reference = inside and key in known and isinstance(value, str)
            if not reference:
                found |= literals(value, known, inside or (is_secretive(str(key)) and not str(key).endswith("_url")))
    elif isinstance(data, list):
        for value in data:
            found |= literals(value, known, inside)
    elif inside and isinstance(data, str) and len(data) >= 4 and not data.startswith(tuple(f"{k}:" for k in known)):
        found.add(data)
    return found
