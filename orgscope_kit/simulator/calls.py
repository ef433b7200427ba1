"""A request as the dialects see it, and who sent it: reading the form, and client authentication of RFC 6749 §2.3."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import Counter
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote_plus

from starlette.datastructures import Headers
from starlette.requests import Request

from orgscope_kit.simulator.scenario import AuthMethod, Client, Encoding, Scenario

__all__ = ["Authenticated", "Call", "ClientFailure", "authenticate", "client_id_of", "read_call"]

_FORM = "application/x-www-form-urlencoded"

ClientFailure = Literal["none", "both", "unknown", "wrong", "disabled"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read in full.

    Attributes:
        params: of the form for POST, of the query otherwise; the first of each. Empty values count as absent (§3.1).
        repeated: parameters sent more than once, which §3.2 forbids.
        is_form: whether the content type says that the body is a form.
        connection: number of the connection; 0 without a socket.
    """

    method: str
    path: str
    headers: Headers
    params: dict[str, str]
    repeated: tuple[str, ...]
    is_form: bool
    connection: int
    correlation_id: str

    @property
    def bearer(self) -> str | None:
        """The access token of the Authorization header."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        return value.strip() if scheme.lower() == "bearer" else None


async def read_call(request: Request, connection: int, correlation_id: str) -> Call:
    """Read the whole request."""
    is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
    body = (await request.body()).decode("utf-8", "replace")
    text = body if request.method == "POST" else request.url.query
    pairs = parse_qsl(text) if is_form or request.method != "POST" else []
    counts = Counter(name for name, _ in pairs)
    return Call(
        method=request.method,
        path=request.url.path,
        headers=request.headers,
        params=dict(reversed(pairs)),
        repeated=tuple(name for name, count in counts.items() if count > 1),
        is_form=is_form,
        connection=connection,
        correlation_id=correlation_id,
    )


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A client that proved who it is, and the org it belongs to."""

    org: str
    client: Client


@dataclass(frozen=True, slots=True)
class _Credentials:
    """What was presented: one pair for post, and for Basic each pair that it may be read as."""

    method: AuthMethod
    readings: dict[str, tuple[str, str]]


def authenticate(call: Call, scenario: Scenario, unless_said: Encoding = "percent") -> Authenticated | ClientFailure:
    """Who sent the call, or why that cannot be told; a client without ``encoding`` has that of ``unless_said``."""
    basic, posted = _basic(call), _posted(call)
    if basic is not None and (posted is not None or _other_client_posted(call, basic)):
        return "both"
    presented = basic or posted
    if presented is None:
        return "wrong" if "client_id" in call.params and scenario.client(call.params["client_id"]) else "none"
    if not presented.readings:
        return "wrong"
    found = None
    for encoding, (client_id, secret) in presented.readings.items():
        known = scenario.client(client_id)
        found = found or known
        if known is None or presented.method not in known[1].auth_methods:
            continue
        taken = known[1].encoding or unless_said
        if "any" not in (encoding, taken) and encoding != taken:
            continue
        if hmac.compare_digest(secret.encode(), known[1].secret.encode()):
            return "disabled" if known[1].disabled else Authenticated(*known)
    return "wrong" if found else "unknown"


def client_id_of(call: Call, scenario: Scenario) -> str | None:
    """The client that the call names, proven or not."""
    presented = _basic(call) or _posted(call)
    readings = [client_id for client_id, _ in presented.readings.values()] if presented else []
    known = next((client_id for client_id in readings if scenario.client(client_id)), None)
    return known or next(iter(readings), call.params.get("client_id"))


def _basic(call: Call) -> _Credentials | None:
    scheme, _, value = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return _Credentials("client_secret_basic", {})
    if not colon:
        return _Credentials("client_secret_basic", {})
    percent = (unquote_plus(client_id), unquote_plus(secret))
    return _Credentials("client_secret_basic", {"percent": percent, "raw": (client_id, secret)})


def _posted(call: Call) -> _Credentials | None:
    if "client_secret" not in call.params:
        return None
    pair = (call.params.get("client_id", ""), call.params["client_secret"])
    return _Credentials("client_secret_post", {"any": pair})


def _other_client_posted(call: Call, basic: _Credentials) -> bool:
    posted = call.params.get("client_id")
    return posted is not None and posted not in [client_id for client_id, _ in basic.readings.values()]
