"""Reading what authorization servers say, whatever their dialect: pure functions of a decoded answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

__all__ = ["MOST_TEXT", "description", "error_code", "named_scopes", "retry_after_s", "whole"]

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
    does). A scope counts only where it stands whole: ``org:read`` is not named by ``admin:org:read``; and one that is a
    plain word, as the sentence itself may hold it, only in quotes or in a list of scopes.

    >>> named_scopes("scope 'b:c' is not authorized", ["a", "b:c"])
    ('b:c',)
    >>> named_scopes("Invalid scopes: a b:c", ["a", "b:c"])
    ()
    >>> named_scopes("This client lacks a scope", ["client", "admin"]), named_scopes("Bad scope: a", ["a", "b"])
    ((), ('a',))
    """
    if not text:
        return ()
    standing = tuple(scope for scope in requested if whole(scope).search(text))
    if len(standing) == len(requested) > 1:
        return ()
    listed = _listed(text, requested)
    return tuple(scope for scope in standing if not scope.isalpha() or scope in listed or _quoted(scope, text))


def whole(scope: str) -> re.Pattern[str]:
    """Finds ``scope`` where it stands whole, and not as a part of a longer one."""
    inside = r"[\w:./\-]"
    return re.compile(rf"(?<!{inside}){re.escape(scope)}(?!{inside}*\w)")


def _quoted(scope: str, text: str) -> bool:
    return re.search(rf"""['"`‘“\[]{re.escape(scope)}['"`’”\]]""", text) is not None


def _listed(text: str, requested: Sequence[str]) -> set[str]:
    """The members of lists such as ``scopes: a b``; a list holds scopes of the request and nothing else."""
    found: set[str] = set()
    for tail in re.findall(r"\bscopes?\s*[:=]\s*(.*?)\.?(?=$|\bscopes?\s*[:=])", text, re.IGNORECASE):
        members = {each.strip("'\"`[]{}()") for each in re.split(r"[\s,]+", tail)} - {""}
        if members <= set(requested):
            found |= members
    return found


def retry_after_s(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that ``Retry-After`` (RFC 9110 §10.2.3: seconds or a date) asks to wait; ``None`` where it is unreadable.

    >>> retry_after_s("7"), retry_after_s("soon"), retry_after_s(None)
    (7.0, None, None)
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", value):
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
