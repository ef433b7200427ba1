"""From the bytes of an answer to what a provider reads: decoded, redacted, the token apart."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..providers import Reply
from .redaction import Redactor

__all__ = ["Received", "TokenAnswer", "claims_of", "decode"]

#: Members that carry token material; they never leave this wing.
_TOKEN_MEMBERS = ("access_token", "refresh_token", "id_token", "token", "device_code", "assertion")
_MOST_TEXT = 2000
_MOST_MEMBERS = 200
_MOST_DEPTH = 8
_MOST_TOKEN = 65_536
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON allows half a pair, and no file can hold it


@dataclass(frozen=True, slots=True)
class Received:
    """An HTTP answer as it came: ``headers`` by lower-case name, ``body`` decompressed and capped."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """A reply without token material, and the token itself and its claims, which no repr shows."""

    reply: Reply
    token: str | None = field(repr=False)
    claims: Mapping[str, Any] | None = field(default=None, repr=False)


def decode(received: Received, redactor: Redactor, *tokens: str) -> TokenAnswer:
    """Decode an answer, whatever it is; ``payload`` is ``None`` for what is no JSON object. Redacts ``tokens`` too."""
    text = received.body.decode("utf-8", errors="replace")
    payload = _json_object(text)
    token = payload.get("access_token") if payload else None
    token = token if isinstance(token, str) and token else None
    material = [*tokens, *(value for name in _TOKEN_MEMBERS if payload and isinstance(value := payload.get(name), str))]

    clean = redactor.with_tokens(material, _MOST_TEXT)
    kept = _cleaned(payload, clean, 0) if payload is not None else None
    headers = {name: clean(value) for name, value in received.headers.items()}
    claims = _cleaned(claims_of(token), clean, 0) if token else None
    return TokenAnswer(Reply(received.status, headers, kept, clean(text), token is not None), token, claims)


def claims_of(token: str) -> dict[str, Any] | None:
    """The claims of a signed JWT (RFC 7519 §7.2), not verified: what the server put in. ``None`` for any other token.

    >>> claims_of("eyJhbGciOiJub25lIn0.eyJzY29wZSI6ImEgYiJ9."), claims_of("opaque")
    ({'scope': 'a b'}, None)
    """
    parts = token.split(".", 3)
    if len(token) > _MOST_TOKEN or len(parts) != 3:
        return None
    header = _part(parts[0])
    return _part(parts[1]) if header is not None and isinstance(header.get("alg"), str) else None


def _part(text: str) -> dict[str, Any] | None:
    if not _BASE64URL.fullmatch(text):
        return None
    try:
        return _json_object(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8"))
    except ValueError:  # no base64, or no UTF-8
        return None


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_number)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _number(text: str) -> int | float | None:
    """A number of JSON, ``None`` where it is beyond any use: NaN, infinite, or of hundreds of digits."""
    if len(text) < 16 and text.lstrip("-").isdigit():
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else None


def _cleaned(value: Any, clean: Callable[[str], str], depth: int) -> Any:
    """``value`` without token members, its texts cleaned; of a huge one only the beginning."""
    if isinstance(value, str):
        return clean(_LONE_SURROGATE.sub("\ufffd", value))
    if depth >= _MOST_DEPTH:
        return None
    if isinstance(value, dict):
        kept = [key for key in value if key not in _TOKEN_MEMBERS][:_MOST_MEMBERS]
        return {_cleaned(key, clean, 0): _cleaned(value[key], clean, depth + 1) for key in kept}
    if isinstance(value, list):
        return [_cleaned(each, clean, depth + 1) for each in value[:_MOST_MEMBERS]]
    return value
