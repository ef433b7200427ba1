"""Raw HTTP in a pasted text: ``curl -v``, ``curl -i``, a proxy's view, a message copied from a tool."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["Http", "http"]

_MARK = re.compile(r"^[ \t]{0,8}[<>*][ \t]?")
_REQUEST = re.compile(
    r"(?:^|\s)(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s{1,3}((?:https?://|/)[^\s\"']{0,2000})(?:\s+HTTP/[\d.]{1,4})?"
)
_STATUS = re.compile(r"^(?:HTTP/[\d.]{1,4})\s{1,3}([1-5]\d\d)\b")
_HEADER = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,60}):[ \t]{0,8}(.{0,2000})$")
_MOST_LINES = 20_000


@dataclass(slots=True)
class Http:
    """The last request and the last answer in a text; ``answers`` counts those that are final."""

    method: str | None = None
    host: str | None = None
    path: str | None = None
    request: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    response: dict[str, str] = field(default_factory=dict)
    answers: int = 0


def http(text: str) -> Http:
    """Read request lines, status lines and headers; an interim answer (1xx) and a proxy's CONNECT count for nothing.

    >>> seen = http("> POST /oauth/token HTTP/1.1\\n> Host: a.example\\n< HTTP/1.1 403 Forbidden\\n< X-Request-Id: 7")
    >>> seen.host, seen.path, seen.status, seen.response
    ('a.example', '/oauth/token', 403, {'x-request-id': '7'})
    """
    seen, part = Http(), ""
    connecting = False
    for raw in text.split("\n", _MOST_LINES)[:_MOST_LINES]:
        line = _MARK.sub("", raw).rstrip()
        status = _STATUS.match(line)
        if status:
            number = int(status[1])
            tunnel, connecting = connecting and number == 200, False
            part = ""
            if number >= 200 and not tunnel:
                seen.status, seen.response, part = number, {}, "answer"
                seen.answers += 1
        elif line.lstrip().startswith("CONNECT "):
            connecting = True
        elif (asked := _REQUEST.search(line[:2100])) and (asked[0].endswith(tuple("0123456789")) or "://" in asked[2]):
            _note_request(seen, asked)
            part = "request" if line.startswith(asked[1]) else ""
        elif part and (header := _HEADER.match(line)):
            _note_header(seen, part, header[1].lower(), header[2].strip())
        elif (not line and part == "request") or (part == "answer" and not line):
            part = ""
    return seen


def _note_request(seen: Http, asked: re.Match[str]) -> None:
    seen.method, target = asked[1], asked[2]
    if "://" in target:
        try:
            parts = urlsplit(target)
            seen.host, target = parts.hostname, parts.path
        except ValueError:
            return
    seen.path = target.partition("?")[0].rstrip('":,') or "/"
    seen.request = {}


def _note_header(seen: Http, part: str, name: str, value: str) -> None:
    if part == "answer":
        seen.response[name] = value
        return
    seen.request[name] = value
    if name == "host" and value:
        seen.host = value.partition(":")[0].lower()[:253]
