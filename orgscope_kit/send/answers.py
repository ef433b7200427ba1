"""From the bytes of an answer to what a provider reads: decoded, redacted, the token apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..providers import Reply
from .redaction import Redactor

__all__ = ["Received", "TokenAnswer", "decode"]

#: Members that carry token material; they never leave this wing.
_TOKEN_MEMBERS = ("access_token", "refresh_token", "id_token", "token", "device_code", "assertion")
_MOST_TEXT = 2000
_MOST_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Received:
    """An HTTP answer as it came: ``headers`` by lower-case name, ``body`` decompressed and capped."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """A reply without token material, and the token itself, which no repr shows."""

    reply: Reply
    token: str | None = field(repr=False)


def decode(received: Received, redactor: Redactor, *tokens: str) -> TokenAnswer:
    """Decode an answer, whatever it is; ``payload`` is ``None`` for what is no JSON object. Redacts ``tokens`` too."""
    text = received.body.decode("utf-8", errors="replace")
    payload = _json_object(text)
    token = payload.get("access_token") if payload else None
    token = token if isinstance(token, str) and token else None
    material = [*tokens, *(value for name in _TOKEN_MEMBERS if payload and isinstance(value := payload.get(name), str))]

    def clean(value: str) -> str:
        return redactor.clean(value, *material)

    kept = None
    if payload is not None:
        kept = {clean(key): _cleaned(value, clean, 0) for key, value in payload.items() if key not in _TOKEN_MEMBERS}
    headers = {name: clean(value) for name, value in received.headers.items()}
    return TokenAnswer(Reply(received.status, headers, kept, clean(text)[:_MOST_TEXT], token is not None), token)


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _cleaned(value: Any, clean: Any, depth: int) -> Any:
    if isinstance(value, str):
        return clean(value)
    if depth >= _MOST_DEPTH:
        return None
    if isinstance(value, dict):
        return {clean(str(key)): _cleaned(each, clean, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_cleaned(each, clean, depth + 1) for each in value]
    return value
