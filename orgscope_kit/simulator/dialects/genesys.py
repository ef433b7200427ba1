"""The ``genesys`` dialect: Genesys Cloud as it really is (FACTS). Clients carry roles; scopes matter to users' tokens.

One sandbox is one region, with ``login.`` and ``api.`` at the same origin. Not simulated: SAML2 bearer, implicit and
password grants, divisions beyond Home, users beyond one, the 300 requests a minute of a token.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from starlette.responses import JSONResponse, Response

from orgscope_kit.simulator.calls import Authenticated, Call, authenticate, client_id_of
from orgscope_kit.simulator.dialect import Identity
from orgscope_kit.simulator.dialects.genesys_api import Api
from orgscope_kit.simulator.dialects.genesys_codes import USER, Bound, CodeGrants
from orgscope_kit.simulator.dialects.genesys_words import api_error, refuse, too_many
from orgscope_kit.simulator.dialects.token_words import NO_STORE, Refused, client_error, rate_limited
from orgscope_kit.simulator.state import State, Token

__all__ = ["Genesys"]

# What a grant type asks of the client; a client of authorization codes may refresh.
_GRANTS = {
    "client_credentials": "client_credentials",
    "authorization_code": "authorization_code",
    "refresh_token": "authorization_code",
    "urn:ietf:params:oauth:grant-type:saml2-bearer": "saml2_bearer",
    "password": "password",
}
_NOT_SIMULATED = ("saml2_bearer", "password")
_FAILURES = {
    500: "internal.server.error",
    502: "bad.gateway",
    503: "service.unavailable",
    504: "gateway.timeout",
}


class Genesys:
    """Answers calls at the token endpoint; the API and the codes have modules of their own."""

    token_path = "/oauth/token"
    correlation_header = "ININ-Correlation-Id"

    def __init__(self, state: State) -> None:
        self._state = state
        self._scenario = state.scenario
        self._style = state.scenario.server
        self._api = Api(state)
        self._codes = CodeGrants(state)

    def identify(self, call: Call) -> Identity:
        """Whom the call is about: the org of its token, the one to sign in to, or its client's; never by ``org_id``."""
        token = self._state.live(call.bearer) if call.bearer else None
        if token is not None:
            return Identity(token.client_id, token.org, None)
        client_id = client_id_of(call, self._scenario)
        known = self._scenario.client(client_id) if client_id else None
        entered = self._codes.org_entered(call) if call.path == "/oauth/authorize" else None
        return Identity(client_id, entered or (known and known[0]), call.params.get("scope"))

    def answer(self, call: Call) -> Response:
        """The answer when nothing goes wrong."""
        try:
            if call.path.startswith("/api/v2/"):
                return self._api.answer(call)
            if call.path == self.token_path:
                return self._token(call) if call.method == "POST" else _not_allowed(call, "POST")
            if call.path == "/oauth/authorize":
                authorizes = call.method in ("GET", "POST")
                return self._codes.authorize(call) if authorizes else _not_allowed(call, "GET, POST")
        except Refused as refused:
            return refused.answer
        return api_error(call, "not.found")

    def failed(self, call: Call, status: int) -> Response:
        """A 5xx in the shape of an API error."""
        return api_error(call, _FAILURES[status])

    def limited(self, status: Literal[429, 400] | None, call: Call, retry_after_s: int | None) -> Response:
        """The token endpoint's 400 ``invalid_request``, without Retry-After as far as is known; 429 only if told so."""
        return too_many(call, retry_after_s) if status == 429 else rate_limited({})

    def _token(self, call: Call) -> Response:
        if not call.is_form:
            refuse(400, "invalid_request", "the body must be application/x-www-form-urlencoded")
        if call.repeated:
            refuse(400, "invalid_request", "a parameter is repeated")
        sender = self._authenticated(call)
        grant_type = call.params.get("grant_type")
        if grant_type is None:
            refuse(400, "invalid_request", "grant_type is required")
        if grant_type not in _GRANTS:
            refuse(400, "unsupported_grant_type", "the grant type is not supported")
        if _GRANTS[grant_type] not in sender.client.grants:
            refuse(400, "unauthorized_client", "the client is not authorized to use this grant type")
        if not self._scenario.orgs[sender.org].ip_allowlisted:
            # Unconfirmed: no record of the real body. The vendor's help says only that the request is denied.
            refuse(403, "access_denied", "the request comes from an ip address that is not allowed")
        if _GRANTS[grant_type] in _NOT_SIMULATED:
            refuse(400, "unsupported_grant_type", "the sandbox does not simulate this grant type")
        if grant_type == "client_credentials":  # `scope` is ignored: what the client may do is what its roles permit
            return self._success(Token(sender.client.id, sender.org, sender.org, (), *self._expiry()))
        take = self._codes.redeem if grant_type == "authorization_code" else self._codes.refresh
        return self._for_user(call, sender, take(call, sender))

    def _authenticated(self, call: Call) -> Authenticated:
        public = self._codes.public_client(call)
        if public is not None:
            return public
        sender = authenticate(call, self._scenario, "any")
        if isinstance(sender, Authenticated):
            return sender
        if sender == "both":
            refuse(400, "invalid_request", "use one method of client authentication only")
        status = self._style.wrong_secret_status if sender == "wrong" else 400
        raise Refused(client_error(self._style.client_errors, sender, call, status))

    def _for_user(self, call: Call, sender: Authenticated, bound: Bound) -> Response:
        """A token of the user who signed in; a client that holds a secret may refresh it."""
        token = Token(bound.client_id, sender.org, bound.org, bound.scope, *self._expiry(), user=USER)
        confidential = "authorization" in call.headers or "client_secret" in call.params
        return self._success(token, refresh_token=self._codes.keep(bound) if confidential else None)

    def _success(self, token: Token, refresh_token: str | None = None) -> Response:
        body: dict[str, Any] = {
            "access_token": self._state.mint(token),
            "token_type": "bearer",
            "expires_in": self._style.expires_in_s,
        }
        return JSONResponse(body | ({"refresh_token": refresh_token} if refresh_token else {}), 200, NO_STORE)

    def _expiry(self) -> tuple[float, int]:
        lifetime_s = self._style.expires_in_s
        return self._state.clock() + lifetime_s, int(time.time()) + lifetime_s


def _not_allowed(call: Call, methods: str) -> Response:
    return api_error(call, "method.not.allowed", {"Allow": methods})
