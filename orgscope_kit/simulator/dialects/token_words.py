"""What both dialects say at the token endpoint: Genesys Cloud's ``invalid_client`` and its rate limit (FACTS)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from orgscope_kit.simulator.calls import Call, ClientFailure

__all__ = ["NO_STORE", "Refused", "client_error", "rate_limited"]

# RFC 6749 §5.1: a response that holds a token must not be kept.
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_DISTINCT: Mapping[ClientFailure, str] = {
    "none": "authentication failed",
    "wrong": "authentication failed",
    "unknown": "client not found",
    "disabled": "client is disabled",  # unconfirmed: no record of the real text
}


class Refused(Exception):
    """Ends the handling of a call with ``answer``."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer


def client_error(style: str, failure: ClientFailure, call: Call, status: int = 401) -> Response:
    """``invalid_client`` with both of Genesys Cloud's text members, or an empty 403."""
    if style == "empty":
        return Response(status_code=403)
    text = _DISTINCT[failure] if style == "distinct" else "Client authentication failed."
    # RFC 6749 §5.2 asks for this header where the client used the Authorization header.
    challenged = status == 401 and "authorization" in call.headers
    headers = {"WWW-Authenticate": 'Basic realm="sandbox"'} if challenged else {}
    return JSONResponse({"error": "invalid_client", "description": text, "error_description": text}, status, headers)


def rate_limited(headers: Mapping[str, str]) -> Response:
    """The token endpoint's own form of a rate limit: a 400."""
    text = "rate limit exceeded for this client, retry later"
    return JSONResponse({"error": "invalid_request", "description": text, "error_description": text}, 400, headers)
