"""The copy of a recording that may be shown: the token requests, rebuilt from what is known to be harmless.

Nothing is carried over because it looked harmless: members are taken by name, and the values of unknown headers and
parameters are left out. Of requests to anything else only method, host, status and time remain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ..send.redaction import REDACTED
from .har_entries import Entry, read_entry
from .har_secrets import PUBLIC_PARAMETERS
from .masking import is_opaque, is_secret_name, mask, remover

__all__ = ["copied"]

_HARMLESS = re.compile(
    r"accept(-encoding|-language)?|age|allow|cache-control|connection|content-(type|length|encoding|language)|date|expires"
    r"|host|location|origin|pragma|referer|retry-after|server|transfer-encoding|user-agent|vary|via|www-authenticate"
    r"|x-ratelimit-[a-z-]{1,30}|ratelimit-[a-z]{1,20}|[a-z-]{0,40}(request|correlation|trace)-?id|access-control-[a-z-]{1,40}"
)
_MOST_DEPTH = 8
_MOST_TEXT = 2000
_MOST_OTHERS = 2000
_COMMENT = (
    "A redacted copy, made by orgscope_kit: it holds no secret, and other requests only as method, host and status."
)


def copied(raws: Iterable[Any], asked: Collection[tuple[Any, Entry]], secrets: Collection[str], creator: str) -> str:
    """The text of a HAR file with the exchanges ``asked``, without ``secrets`` and anything that may be one."""
    ours = {id(raw): entry for raw, entry in asked}
    kept, others = list[dict[str, Any]](), 0
    for raw in raws:
        if id(raw) in ours:
            kept.append(_exchange(ours[id(raw)]))
        elif others < _MOST_OTHERS and (entry := read_entry(raw)) is not None:
            others += 1
            kept.append(_other(entry))
    name, _, version = creator.partition(" ")
    log = {
        "version": "1.2",
        "creator": {"name": "orgscope_kit", "version": ""},
        "browser": {"name": mask(name), "version": mask(version)},
        "comment": _COMMENT,
        "entries": kept,
    }
    return json.dumps({"log": _without(log, remover(secrets))}, indent=1, ensure_ascii=False)


def _without(value: Any, clean: Callable[[str], str]) -> Any:
    """Every text once more without what is known to be secret: a server may have written it anywhere."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _without(each, clean) for key, each in value.items()}
    return [_without(each, clean) for each in value] if isinstance(value, list) else value


def _exchange(entry: Entry) -> dict[str, Any]:
    form = [{"name": name[:100], "value": _parameter(name, value)} for name, value in entry.form]
    text = entry.body.decode("utf-8", "replace")
    answer = json.dumps(_cleaned("", entry.answer, 0)) if entry.answer else mask(text)[:_MOST_TEXT]
    return {
        **_timing(entry),
        "request": {
            "method": entry.method,
            "url": entry.url,
            "httpVersion": "",
            "headers": _headers(entry.request_headers),
            "queryString": [],
            "cookies": [],
            "postData": {"mimeType": "application/x-www-form-urlencoded", "params": form},
            "headersSize": -1,
            "bodySize": -1,
        },
        "response": _response(entry, answer),
    }


def _other(entry: Entry) -> dict[str, Any]:
    parts = urlsplit(entry.url)
    request = {"method": entry.method, "url": f"{parts.scheme}://{parts.netloc}/", "httpVersion": "", "headers": []}
    return {
        **_timing(entry),
        "request": {**request, "queryString": [], "cookies": [], "headersSize": -1, "bodySize": -1},
        "response": {**_response(entry, ""), "headers": []},
        "comment": "not a token request; its content is left out",
    }


def _response(entry: Entry, text: str) -> dict[str, Any]:
    kind = next((value for name, value in entry.response_headers if name == "content-type"), "")
    return {
        "status": entry.status,
        "statusText": "",
        "httpVersion": "",
        "headers": _headers(entry.response_headers),
        "cookies": [],
        "content": {"size": len(entry.body), "mimeType": mask(kind[:100]), "text": text},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    }


def _timing(entry: Entry) -> dict[str, Any]:
    at: datetime | None = entry.at
    waited: Mapping[str, float] = dict.fromkeys(("blocked", "dns", "connect", "ssl", "send", "wait", "receive"), -1.0)
    connect = {"connect": entry.ms["connect"] + entry.ms.get("ssl", 0.0)} if "connect" in entry.ms else {}
    return {
        "startedDateTime": at.isoformat() if at else "",
        "time": round(sum(entry.ms.values()), 3),
        "cache": {},
        "timings": {**waited, **entry.ms, **connect},
    }


def _headers(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"name": name[:100], "value": mask(value)[:_MOST_TEXT] if _HARMLESS.fullmatch(name) else REDACTED}
        for name, value in pairs
    ]


def _parameter(name: str, value: str) -> str:
    return mask(value)[:_MOST_TEXT] if name in PUBLIC_PARAMETERS else REDACTED


def _cleaned(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, str):
        secret = is_secret_name(name) and (name != "code" or is_opaque(value))
        return REDACTED if secret else mask(value)[:_MOST_TEXT]
    if depth >= _MOST_DEPTH:
        return None
    if isinstance(value, dict):
        return {mask(str(key))[:100]: _cleaned(str(key), each, depth + 1) for key, each in list(value.items())[:200]}
    if isinstance(value, list):
        return [_cleaned(name, each, depth + 1) for each in value[:200]]
    return value if isinstance(value, bool | int | float) and not is_secret_name(name) else None
