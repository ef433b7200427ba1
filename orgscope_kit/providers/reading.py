"""Reading what authorization servers say, whatever their dialect: pure functions of a decoded answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

__all__ = ["MOST_TEXT", "description", "error_code", "named_scopes", "retry_after_s"]

#: A server's text is kept up to this many characters.
MOST_TEXT = 500

_DESCRIPTIONS = ("error_description", "description", "message", "errorSummary", "error_message", "detail", "title")
_CODES = ("error", "errorCode", "code")


def error_code(payload: Mapping[str, Any]) -> str | None:
    """The ``error`` code (RFC 6749 §5.2), or what a vendor puts in its place; ``None`` where it is no string.

    >>> error_code({"error": "invalid_scope"}), error_code({"error": 9}), error_code({"code": "not.found"})
    ('invalid_scope', None, 'not.found')
    """
    for key in _CODES:
        value = payload.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()[:100]
    return None


def description(payload: Mapping[str, Any]) -> str | None:
    """The text for people: ``error_description``, or the ``description`` or ``message`` that other servers send.

    >>> description({"error": "x", "message": "The scope is not authorized"})
    'The scope is not authorized'
    """
    for key in _DESCRIPTIONS:
        value = payload.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()[:MOST_TEXT]
    return None


def named_scopes(text: str | None, requested: Sequence[str]) -> tuple[str, ...]:
    """The requested scopes that ``text`` singles out, in request order.

    A text that names every scope of a request of several singles out none: it only echoes the request (Keycloak
    does). A scope counts only where it stands whole: ``org:read`` is not named by ``admin:org:read``.

    >>> named_scopes("scope 'b:c' is not authorized", ["a", "b:c"])
    ('b:c',)
    >>> named_scopes("Invalid scopes: a b:c", ["a", "b:c"])
    ()
    """
    if not text:
        return ()
    found = tuple(scope for scope in requested if _stands_whole(scope, text))
    return () if len(found) == len(requested) > 1 else found


def _stands_whole(scope: str, text: str) -> bool:
    inside = r"[\w:./\-]"
    return re.search(rf"(?<!{inside}){re.escape(scope)}(?!{inside}*\w)(?!:)", text) is not None


def retry_after_s(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that ``Retry-After`` (RFC 9110 §10.2.3: seconds or a date) asks to wait; ``None`` where it is unreadable.

    >>> retry_after_s("7"), retry_after_s("soon"), retry_after_s(None)
    (7.0, None, None)
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
