"""Objects in a text, however they were printed: JSON, JSON in a string of JSON, Python, JavaScript, Ruby, Java maps.

Tolerant and bounded: what is no object is passed over, and no text, however made, takes more than a set amount of work.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Found", "objects"]

_WINDOW = 1 << 16
_MOST_TRIES = 1500
_MOST_FOUND = 400
_MOST_DEPTH = 12
_MOST_STEPS = 3000  # of one tolerant reading
_ALL_STEPS = 300_000
_DECODER = json.JSONDecoder(parse_int=lambda text: int(text) if len(text) < 16 else None)
_SPACE = re.compile(r"\s{0,200}")
_BARE_KEY = re.compile(r"[A-Za-z_$][\w$.-]{0,100}")
_SEPARATOR = re.compile(r"\s{0,50}(?:=>|:|=)\s{0,50}")
_BARE_END = re.compile(r",\s{0,20}[\"']?[A-Za-z_$][\w$.-]{0,100}[\"']?\s{0,5}(?:=>|:|=)|[}\]\n]|,\s{0,5}[{\"'\[]")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Found:
    """An object, and where it stood; one inside another stands where its outermost does."""

    value: dict[str, Any]
    start: int
    end: int


def objects(text: str) -> list[Found]:
    """Every object in ``text``, those inside others included, in their order.

    >>> [each.value for each in objects("failed: {'error': 'invalid_scope', n: 1} {a=b, c=d e}")]
    [{'error': 'invalid_scope', 'n': 1}, {'a': 'b', 'c': 'd e'}]
    >>> [each.value for each in objects('{"body": "{\\\\"error\\\\": \\\\"x\\\\"}"}')]
    [{'body': '{"error": "x"}'}, {'error': 'x'}]
    """
    reader, found = _Reader(), list[Found]()
    for value, start, end in reader.top(text, 0):
        for each in reader.inner(value, 0):
            found.append(Found(each, start, end))
            if len(found) >= _MOST_FOUND:
                return found
    return found


class _Stuck(Exception):
    """No object, or too much work to tell."""


class _Reader:
    def __init__(self) -> None:
        self.tries, self.steps = _MOST_TRIES, _ALL_STEPS

    def top(self, text: str, depth: int) -> Iterator[tuple[dict[str, Any], int, int]]:
        at = text.find("{")
        while at >= 0 and self.tries > 0:
            self.tries -= 1
            read = self._at(text, at, depth)
            if read is not None:
                yield read[0], at, read[1]
            at = text.find("{", read[1] if read else at + 1)

    def inner(self, value: Any, depth: int) -> Iterator[dict[str, Any]]:
        """``value`` and every object inside it, texts that hold objects included."""
        if depth > _MOST_DEPTH:
            return
        if isinstance(value, dict):
            yield value
            for each in value.values():
                yield from self.inner(each, depth + 1)
        elif isinstance(value, list):
            for each in value[:200]:
                yield from self.inner(each, depth + 1)
        elif isinstance(value, str) and "{" in value:
            for inside, _, _ in self.top(value[:_WINDOW], depth + 1):
                yield from self.inner(inside, depth + 1)

    def _at(self, text: str, at: int, depth: int) -> tuple[dict[str, Any], int] | None:
        window = text[at : at + _WINDOW]
        try:
            value, end = _DECODER.raw_decode(window)
            return ({str(k): v for k, v in value.items()}, at + end) if value else None
        except (ValueError, RecursionError):
            pass
        if window[1:40].lstrip()[:2].startswith("\\") and depth < _MOST_DEPTH:
            return self._escaped(window, at, depth)
        relaxed = _Relaxed(window, min(_MOST_STEPS, self.steps))
        try:
            read, end = relaxed.read()
        except _Stuck:
            return None
        finally:
            self.steps -= relaxed.done
        return read, at + end

    def _escaped(self, window: str, at: int, depth: int) -> tuple[dict[str, Any], int] | None:
        """An object inside a quoted text: up to the quote that ends it, one level of escapes taken off."""
        end = re.search(r'(?<!\\)"', window)
        inside = window[: end.start() if end else len(window)].replace("\n", "\\n")
        for cut in (inside, inside[: inside.rfind("}") + 1]):
            try:
                plain = json.loads(f'"{cut}"')
            except (ValueError, RecursionError):
                continue
            read = next(self.top(plain, depth + 1), None) if isinstance(plain, str) else None
            return (read[0], at + len(cut)) if read else None
        return None


class _Relaxed:
    """Reads one object from the beginning of a text by a grammar that takes what many languages print."""

    def __init__(self, text: str, most: int) -> None:
        self.text, self.at, self.most, self.done = text, 0, most, 0

    def read(self) -> tuple[dict[str, Any], int]:
        value = self._object(0)
        if not value:
            raise _Stuck
        return value, self.at

    def _step(self) -> None:
        self.done += 1
        if self.done >= self.most:
            raise _Stuck

    def _skip(self) -> str:
        self._step()
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def _object(self, depth: int) -> dict[str, Any]:
        if depth > _MOST_DEPTH:
            raise _Stuck
        self.at += 1
        found: dict[str, Any] = {}
        while (sign := self._skip()) != "}":
            if sign == ",":
                self.at += 1
                continue
            key = self._key(sign)
            match = _SEPARATOR.match(self.text, self.at)
            if match is None:
                raise _Stuck
            self.at = match.end()
            found[key] = self._value(depth)
        self.at += 1
        return found

    def _key(self, sign: str) -> str:
        if sign and sign in "\"'`":
            return self._quoted()
        match = _BARE_KEY.match(self.text, self.at)
        if match is None:
            raise _Stuck
        self.at = match.end()
        return match[0]

    def _value(self, depth: int) -> Any:
        sign = self._skip()
        if sign == "{":
            return self._object(depth + 1)
        if sign == "[":
            return self._list(depth + 1)
        if sign and sign in "bur" and self.text[self.at + 1 : self.at + 2] in ("'", '"'):
            self.at += 1
            return self._quoted()
        return self._quoted() if sign and sign in "\"'`" else self._bare()

    def _list(self, depth: int) -> list[Any]:
        if depth > _MOST_DEPTH:
            raise _Stuck
        self.at += 1
        found: list[Any] = []
        while (sign := self._skip()) != "]":
            if not sign:
                raise _Stuck
            if sign == ",":
                self.at += 1
            else:
                before = self.at
                found.append(self._value(depth))
                if self.at == before:
                    raise _Stuck
        self.at += 1
        return found

    def _quoted(self) -> str:
        sign, kept = self.text[self.at], list[str]()
        at = self.at + 1
        while True:
            self._step()
            end, slash = self.text.find(sign, at), self.text.find("\\", at, at + 4000)
            if end < 0:
                raise _Stuck
            if 0 <= slash < end:
                following = self.text[slash + 1 : slash + 2]
                kept += [self.text[at:slash], _ESCAPES.get(following, following)]
                at = slash + 2
                continue
            kept.append(self.text[at:end])
            self.at = end + 1
            return "".join(kept)

    def _bare(self) -> Any:
        match = _BARE_END.search(self.text, self.at, self.at + 3000)
        if match is None:
            raise _Stuck
        word, self.at = self.text[self.at : match.start()].strip(), match.start()
        if re.fullmatch(r"\d{1,15}", word):
            return int(word)
        return {
            "null": None,
            "None": None,
            "nil": None,
            "true": True,
            "True": True,
            "false": False,
            "False": False,
        }.get(word, word)
