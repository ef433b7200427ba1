"""What a pasted text tells of one answer: an error body, a log line, ``curl`` output, an SDK's trace.

Secrets are taken out first; nothing else sees the text as it was pasted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..providers.reading import MOST_TEXT, description, error_code, named_scopes
from ..scopes import split
from .masking import mask
from .traces_http import Http, http
from .traces_objects import Found, objects
from .traces_words import Said, correlation, listed_scopes, parameters, said, status_in_words, transport_word

__all__ = ["MOST_CHARACTERS", "Trace", "parse"]

#: More of a text is not read.
MOST_CHARACTERS = 1 << 20

_TERMINAL = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_ANSWERS = frozenset({"error_description", "errorSummary", "errorCode", "error_uri", "error_codes", "contextId"})
_HEADER_NAMES = frozenset({"content-type", "date", "server", "cache-control", "www-authenticate", "content-length"})
_URL = re.compile(r"https?://[^\s\"'<>\\)\]},]{3,2000}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trace:
    """What a text tells; what it does not is ``None`` or empty.

    Attributes:
        text: without secrets and control characters. cut: whether it was longer than is read.
        payload: members of the answer's body. token: whether the answer brought a token.
        broken: the kit's word for a failure of the network (``dns_failure``, ``timeout``, ``tls_untrusted``, …).
        html: whether a page came back. answers: how many answers the text holds; the last is read.
        requested: scopes that the request asked for. named: those that the answer singles out.
        listed: whether ``named`` is a list that may echo the whole request.
    """

    text: str
    cut: bool = False
    status: int | None = None
    error: str | None = None
    description: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    token: bool = False
    broken: str | None = None
    html: bool = False
    answers: int = 0
    ids: tuple[tuple[str, str], ...] = ()
    method: str | None = None
    host: str | None = None
    path: str | None = None
    grant_type: str | None = None
    client_id: str | None = None
    org_id: str | None = None
    requested: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    listed: bool = False

    @property
    def answered(self) -> bool:
        """Whether the text holds anything of an answer."""
        return bool(self.error or self.description or self.token or self.broken or (self.status or 0) >= 300)


def parse(text: str) -> Trace:
    """Read a pasted text.

    >>> trace = parse('HTTP/1.1 403 No\\n\\n{"error": "invalid_scope", "message": "scope \\'a:b\\' is not known"}')
    >>> trace.status, trace.error, trace.named
    (403, 'invalid_scope', ('a:b',))
    """
    kept = text[:MOST_CHARACTERS]
    clean = mask(_CONTROL.sub("", _TERMINAL.sub("", kept.replace("\r\n", "\n").replace("\r", "\n"))))
    seen, found = http(clean), objects(clean)
    body, count = _answer(found)
    payload = body.value if body else {}
    headers = {**_headers(found), **seen.response}
    token = isinstance(payload.get("access_token"), str) and error_code(payload) is None
    told = Said(error_code(payload), description(payload)) if body else Said()
    if token:
        told = Said()
    elif told.error is None or " " in told.error:
        told = _better(told, said(clean, headers.get("www-authenticate")))
    asked = parameters(_without(clean, body))
    requested = split(asked.get("scope", ""))
    if told.error == "insufficient_scope":  # RFC 6750 §3: the scope that the resource needs
        payload, requested = {"scope": " ".join(requested), **payload}, ()
    named, listed = _named(told, payload, requested)
    host, path = _where(seen, clean, payload)
    return Trace(
        text=clean, cut=len(text) > MOST_CHARACTERS,
        status=_status(seen, found, body, clean), error=told.error, description=told.description,
        payload=payload, headers=headers, token=token,
        broken=None if body or seen.status else transport_word(clean),
        html=body is None and re.search(r"<!doctype html|<html\b", clean, re.IGNORECASE) is not None,
        answers=max(count, seen.answers), ids=tuple(correlation(headers, [each.value for each in found], clean)),
        method=seen.method, host=host, path=path, grant_type=asked.get("grant_type"), client_id=asked.get("client_id"),
        org_id=asked.get("org_id"), requested=requested, named=named, listed=listed,
    )  # fmt: skip


def _answer(found: list[Found]) -> tuple[Found | None, int]:
    """The object that is most like an answer's body, the last of several alike; and how many there are."""
    scored = [(_score(each.value), n) for n, each in enumerate(found)]
    best = max(scored, default=(0, 0))
    if best[0] <= 0:
        return None, 0
    return found[best[1]], len({found[n].start for score, n in scored if score == best[0]})


def _score(value: Mapping[str, Any]) -> int:
    if "grant_type" in value:
        return 0  # a request
    code, text = error_code(value), description(value)
    score = 0
    if code is not None and " " not in code:
        score += 4 if isinstance(value.get("error"), str) or isinstance(value.get("errorCode"), str) else 2
    if text is not None:
        score += 2 if code is not None else 1
    if isinstance(value.get("access_token"), str):
        score += 6 if {"token_type", "expires_in"} & value.keys() else 3
    if score and _ANSWERS & value.keys():
        score += 2
    if {"level", "levelname", "severity", "logger"} & value.keys():
        score -= 2  # a log record around the answer
    return score


def _better(first: Said, second: Said) -> Said:
    if first.error is not None and " " in first.error:  # a sentence where a code should be
        first = Said(None, first.description or first.error)
    if second.error is not None:
        return Said(second.error, second.description or first.description)
    return Said(first.error, first.description or second.description)


def _headers(found: list[Found]) -> dict[str, str]:
    """Headers that an SDK printed as an object."""
    kept: dict[str, str] = {}
    for each in found:
        lowered = {key.lower(): value for key, value in each.value.items()}
        if lowered.keys() & _HEADER_NAMES or any(key.endswith(("-request-id", "correlation-id")) for key in lowered):
            plain = {k: v[0] if isinstance(v, list) and v else v for k, v in lowered.items()}
            kept |= {key: str(value)[:MOST_TEXT] for key, value in plain.items() if isinstance(value, str | int)}
    return kept


def _status(seen: Http, found: list[Found], body: Found | None, text: str) -> int | None:
    if seen.status is not None:
        return seen.status
    inner = [body.value] if body else []
    for value in [*inner, *(each.value for each in reversed(found))]:
        for key in ("status", "statusCode", "status_code", "httpStatus", "http_status", "StatusCode"):
            number = value.get(key)
            number = int(number) if isinstance(number, str) and re.fullmatch(r"[1-5]\d\d", number) else number
            if isinstance(number, int) and not isinstance(number, bool) and 100 <= number < 600:
                return number
    return status_in_words(text)


def _without(text: str, body: Found | None) -> str:
    """The text beside the answer's body: a request's parameters are looked for there."""
    return text if body is None else f"{text[: body.start]}\n{text[body.end :]}"


def _named(told: Said, payload: Mapping[str, Any], requested: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    member = payload.get("scope") if told.error else None
    if isinstance(member, str) and member:
        return split(member), False
    if requested:
        return named_scopes(told.description, requested), False
    params = payload.get("messageParams")
    permissions = params.get("permissions") if isinstance(params, dict) else None
    beside = f" permissions: {permissions}" if isinstance(permissions, str | list) else ""
    return listed_scopes(f"{told.description or ''}{beside}"[: 2 * MOST_TEXT])


def _where(seen: Http, text: str, payload: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Host and path that were asked, as far as the text says."""
    if seen.host is not None or seen.path is not None:
        return seen.host, seen.path
    ranked = sorted(_urls(text, payload), key=lambda pair: "token" not in pair[1])
    return ranked[0] if ranked else (None, None)


def _urls(text: str, payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    links = " ".join(str(payload.get(key)) for key in ("error_uri", "errorLink", "documentation_url", "type"))
    for match in list(_URL.finditer(text))[:50]:
        try:
            parts = urlsplit(match[0].rstrip(".:;"))
        except ValueError:
            continue
        host = (parts.hostname or "").strip("[]")
        if host and match[0][:40] not in links and not re.match(r"(docs?|developer|help|learn|support|aka)\.", host):
            yield host, parts.path or "/"
