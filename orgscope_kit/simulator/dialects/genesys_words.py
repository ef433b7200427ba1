"""The words of the ``genesys`` dialect: token errors with both text members, and the API's errors (FACTS)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from starlette.responses import JSONResponse, Response

from orgscope_kit.simulator.calls import Call
from orgscope_kit.simulator.dialects.token_words import NO_STORE, Refused

__all__ = ["api_error", "deny", "not_permitted", "refuse", "scope_missing", "too_many"]

# Codes and texts are those of the vendor's API documentation, where it has them.
_ERRORS = {
    "authentication.required": (401, "No authentication bearer token specified in authorization header."),
    "bad.credentials": (401, "Invalid login credentials."),
    "credentials.expired": (401, "The supplied credentials are expired and cannot be used."),
    "not.authorized": (403, "You are not authorized to perform the requested action."),
    "not.found": (404, "The requested resource was not found."),
    "method.not.allowed": (405, "The method is not allowed for this resource."),
    "internal.server.error": (
        500,
        "The server encountered an unexpected condition which prevented it from fulfilling the request.",
    ),
    "bad.gateway": (502, "The gateway got no valid answer."),
    "service.unavailable": (
        503,
        "Service Unavailable - The server is currently unavailable (because it is overloaded or down for maintenance).",
    ),
    "gateway.timeout": (504, "The request timed out."),
}


def refuse(status: int, error: str, text: str) -> NoReturn:
    """Refuse a token request with ``error``; the text stands in ``description`` and in ``error_description``."""
    raise Refused(JSONResponse({"error": error, "description": text, "error_description": text}, status, NO_STORE))


def api_error(call: Call, code: str, headers: Mapping[str, str] | None = None) -> Response:
    """The API's error ``code``, with the status and the text that belong to it."""
    status, message = _ERRORS[code]
    return _error(call, status, code, message, {}, headers)


def deny(call: Call, code: str) -> NoReturn:
    """Refuse an API call with the error ``code``."""
    raise Refused(api_error(call, code, {"WWW-Authenticate": "Bearer"} if _ERRORS[code][0] == 401 else None))


def not_permitted(call: Call, permission: str) -> NoReturn:
    """Refuse an API call that needs ``permission``."""
    listed = f"[{permission}]"
    text = "Unable to perform the requested action. You must have at least one of the following permissions assigned: "
    raise Refused(_error(call, 403, "missing.any.permissions", text + listed, {"permissions": listed}))


def scope_missing(call: Call, accepted: tuple[str, ...]) -> NoReturn:
    """Refuse an API call whose token has none of the ``accepted`` scopes; the body is unconfirmed."""
    text = f"{_ERRORS['not.authorized'][1]} The token lacks a scope: [{', '.join(accepted)}]"
    raise Refused(_error(call, 403, "not.authorized", text, {"scopes": f"[{', '.join(accepted)}]"}))


def too_many(call: Call, retry_after_s: int | None) -> Response:
    """The API's rate limit."""
    wait = "" if retry_after_s is None else f" Retry the request in [{retry_after_s}] seconds"
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return _error(call, 429, "too.many.requests", f"Rate limit exceeded the maximum.{wait}", {}, headers)


def _error(
    call: Call,
    status: int,
    code: str,
    message: str,
    params: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = {
        "message": message,
        "code": code,
        "status": status,
        "messageParams": dict(params),
        "contextId": call.correlation_id,
        "details": [],
        "errors": [],
    }
    return JSONResponse(body, status, headers)
