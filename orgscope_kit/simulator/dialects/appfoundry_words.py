"""The words of the ``appfoundry`` dialect: the story's refusals, and Genesys Cloud's API errors (FACTS)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from starlette.responses import JSONResponse, Response

from orgscope_kit.simulator.calls import Call
from orgscope_kit.simulator.dialects.token_words import NO_STORE, Refused

__all__ = ["LOGIN_PAGE", "api_error", "refuse", "ungranted_text"]

LOGIN_PAGE = """<!doctype html><html lang="en"><title>Sandbox log in</title>
<h1>Sandbox log in</h1><p>A simulation: the redirect URI is registered; nobody can log in here.</p></html>"""
_CODES = {
    401: ("bad.credentials", "Invalid login credentials."),
    404: ("not.found", "The requested resource was not found."),
    405: ("method.not.allowed", "The method is not allowed for this resource."),
    429: ("too.many.requests", "Rate limit exceeded the maximum. Retry later."),
    500: ("internal.server.error", "The server encountered an unexpected condition."),
    502: ("bad.gateway", "The gateway got no valid answer."),
    503: ("service.unavailable", "The service is unavailable."),
    504: ("gateway.timeout", "The gateway got no answer in time."),
}


def refuse(status: int, error: str, text: str, key: str = "message") -> NoReturn:
    """Refuse the call in the story's form, ``{"error": …, "message": …}``."""
    raise Refused(JSONResponse({"error": error, key: text}, status, NO_STORE))


def ungranted_text(names: str, offenders: tuple[str, ...], asked: tuple[str, ...]) -> str:
    """The text of a refusal that singles out what ``names`` says.

    >>> ungranted_text("first", ("b", "c"), ("a", "b", "c"))
    "The requested scope 'b' is not authorized for this client."
    """
    named = {"first": offenders[:1], "all": offenders, "none": (), "echo": asked}[names]
    if not named:
        return "A requested scope is not authorized for this client."
    quoted = ", ".join(f"'{scope}'" for scope in named)
    subject = f"scope {quoted} is" if len(named) == 1 else f"scopes {quoted} are"
    return f"The requested {subject} not authorized for this client."


def api_error(call: Call, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An error in the shape of the platform's API."""
    code, message = _CODES[status]
    body = {"status": status, "code": code, "message": message, "contextId": call.correlation_id}
    return JSONResponse(body, status, headers)
