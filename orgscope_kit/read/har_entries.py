"""One entry of a HAR 1.2 file as it really is: every member may be missing, or of another type."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from .masking import mask

__all__ = ["Entry", "entries", "read_entry"]

MOST_BODY = 1 << 20
_MOST_TEXT = 1 << 16
_MOST_PAIRS = 300
_PHASES = ("blocked", "dns", "connect", "ssl", "send", "wait", "receive")
_LONGEST_MS = 1e8  # more than a day is no measurement

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A request and its answer. Holds secrets: nothing of it is shown.

    Attributes:
        url: without user information, query and fragment. form: parameters of body and query.
        at: when it began; ``None`` where the file does not say. ms: phases in milliseconds, absent where unknown;
            they follow one another, TLS after TCP. reused: whether a kept connection served.
        status: 0 where no answer came; ``failure`` may say why.
    """

    method: str
    url: str
    request_headers: Pairs = field(repr=False)
    form: Pairs = field(repr=False)
    status: int
    response_headers: Pairs = field(repr=False)
    body: bytes = field(repr=False)
    at: datetime | None
    ms: Mapping[str, float]
    reused: bool | None
    connection: str | None
    failure: str | None = field(repr=False)

    def header(self, name: str) -> str | None:
        """The request's header of that lower-case name."""
        return next((value for key, value in self.request_headers if key == name), None)

    def parameter(self, name: str) -> str | None:
        """The request's parameter of that name."""
        return next((value for key, value in self.form if key == name and value), None)

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON object of the answer's body; empty where it is none."""
        return _object(self.body.decode("utf-8", "replace"))

    @property
    def asks_for_token(self) -> bool:
        """Whether this is an exchange with a token endpoint."""
        if self.method == "OPTIONS":
            return False
        if self.method == "POST" and self.parameter("grant_type"):
            return True
        ends = self.url.rstrip("/").rpartition("/")[2].lower() in ("token", "access_token")
        return ends and bool({"access_token", "error"} & self.answer.keys())


def entries(document: Any) -> list[Any]:
    """The list of entries of a HAR document, whatever it is."""
    log = _mapping(_mapping(document).get("log"))
    found = log.get("entries")
    return found if isinstance(found, list) else []


def read_entry(raw: Any) -> Entry | None:
    """An entry; ``None`` where it holds no HTTP request."""
    entry = _mapping(raw)
    request, response = _mapping(entry.get("request")), _mapping(entry.get("response"))
    parts = _split(_text(request.get("url")))
    if parts is None:
        return None
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return Entry(
        method=_text(request.get("method")).upper()[:20],
        url=mask(f"{parts.scheme}://{host}{port}{parts.path}"),
        request_headers=_pairs(request.get("headers"), lower=True),
        form=(*_form(_mapping(request.get("postData"))), *_query(parts.query)),
        status=_status(response.get("status")),
        response_headers=_pairs(response.get("headers"), lower=True),
        body=_body(_mapping(response.get("content"))),
        at=_moment(entry.get("startedDateTime")),
        ms=_phases(_mapping(entry.get("timings")), entry.get("time")),
        reused=_reused(_mapping(entry.get("timings"))),
        connection=_text(entry.get("connection"))[:50] or None,
        failure=_text(response.get("_error")) or _text(entry.get("_error")) or None,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """A text of bounded length; half of a surrogate pair, which no file can hold, becomes a question mark."""
    return value[:_MOST_TEXT].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and url.isprintable()
    except ValueError:
        return None
    return parts if fine else None


def _pairs(value: Any, *, lower: bool = False) -> Pairs:
    """``[{"name": …, "value": …}, …]``."""
    found = []
    for each in value[:_MOST_PAIRS] if isinstance(value, list) else []:
        pair = _mapping(each)
        name = _text(pair.get("name"))
        if name:
            found.append((name.lower().lstrip(":") if lower else name, _text(pair.get("value"))))
    return tuple(found)


def _form(post: Mapping[str, Any]) -> Pairs:
    """The parameters of a body: as the tool listed them, else read from the text, JSON included."""
    text = _text(post.get("text"))
    if "json" in _text(post.get("mimeType")).lower() or text.lstrip()[:1] == "{":
        return tuple((str(key), value) for key, value in _object(text).items() if isinstance(value, str))
    read = _query(text) if "grant_type" in text else ()
    return read or _pairs(post.get("params"))


def _query(text: str) -> Pairs:
    try:
        return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PAIRS))
    except ValueError:
        return ()


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _body(content: Mapping[str, Any]) -> bytes:
    text = content.get("text")
    if not isinstance(text, str):
        return b""
    if content.get("encoding") == "base64":
        try:
            return base64.b64decode(text[: 2 * MOST_BODY])[:MOST_BODY]
        except (binascii.Error, ValueError):
            return b""
    return text[:MOST_BODY].encode("utf-8", "replace")


def _status(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"[1-5]\d\d", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599 else 0


def _moment(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(_text(value).strip())
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if 1990 <= at.year <= 2200 else None


def _phases(timings: Mapping[str, Any], whole: Any) -> dict[str, float]:
    """Phases that were measured: HAR says -1 for one that did not happen.

    By the standard ``connect`` includes ``ssl``; where the sum tells that a tool counts them apart, they are apart.
    """
    found = {name: number for name in _PHASES if (number := _milliseconds(timings.get(name))) is not None}
    tls, total = found.get("ssl", 0.0), _milliseconds(whole)
    if "connect" in found and tls:
        apart = found["connect"] < tls
        if total is not None:
            summed = sum(found.values())
            apart = apart or abs(total - summed) < abs(total - (summed - tls))
        found["connect"] -= 0.0 if apart else tls
    return found


def _reused(timings: Mapping[str, Any]) -> bool | None:
    if "connect" not in timings:
        return None
    return not any((_milliseconds(timings.get(name)) or 0.0) > 0 for name in ("dns", "connect", "ssl"))


def _milliseconds(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and 0 <= number <= _LONGEST_MS else None
