"""The words of the ``appfoundry`` dialect: the story's refusals, and Genesys Cloud's API errors (FACTS)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from starlette.responses import JSONResponse, Response

from orgscope_kit.sandbox.calls import Call, ClientFailure

__all__ = [
    "LOGIN_PAGE",
    "NO_STORE",
    "Refused",
    "api_error",
    "client_error",
    "rate_limited",
    "refuse",
    "ungranted_text",
]

# RFC 6749 §5.1: a response that holds a token must not be kept.
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
LOGIN_PAGE = """<!doctype html><html lang="en"><title>Sandbox log in</title>
<h1>Sandbox log in</h1><p>A simulation: the redirect URI is registered; nobody can log in here.</p></html>"""
_DISTINCT: Mapping[ClientFailure, str] = {
    "none": "authentication failed",
    "wrong": "authentication failed",
    "unknown": "client not found",
    "disabled": "client is disabled",
}
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


class Refused(Exception):
    """Ends the handling of a call with ``answer``."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer


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


def client_error(style: str, failure: ClientFailure, call: Call) -> Response:
    """``invalid_client`` with both of Genesys Cloud's text members, or an empty 403."""
    if style == "empty":
        return Response(status_code=403)
    text = _DISTINCT[failure] if style == "distinct" else "Client authentication failed."
    # RFC 6749 §5.2 asks for this header where the client used the Authorization header.
    headers = {"WWW-Authenticate": 'Basic realm="sandbox"'} if "authorization" in call.headers else {}
    return JSONResponse({"error": "invalid_client", "description": text, "error_description": text}, 401, headers)


def rate_limited(headers: Mapping[str, str]) -> Response:
    """The token endpoint's own form of a rate limit: a 400."""
    text = "rate limit exceeded for this client, retry later"
    return JSONResponse({"error": "invalid_request", "description": text, "error_description": text}, 400, headers)


def api_error(call: Call, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An error in the shape of the platform's API."""
    code, message = _CODES[status]
    body = {"status": status, "code": code, "message": message, "contextId": call.correlation_id}
    return JSONResponse(body, status, headers)
