"""The ``appfoundry`` dialect: the story as it was told, and Genesys Cloud's shapes (FACTS) where it is silent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote

from starlette.responses import HTMLResponse, JSONResponse, Response

from orgscope_kit import scopes
from orgscope_kit.simulator.calls import Authenticated, Call, authenticate, client_id_of
from orgscope_kit.simulator.dialect import Identity
from orgscope_kit.simulator.dialects.appfoundry_words import (
    LOGIN_PAGE,
    api_error,
    refuse,
    ungranted_text,
)
from orgscope_kit.simulator.dialects.token_words import NO_STORE, Refused, client_error, rate_limited
from orgscope_kit.simulator.granting import Decision, context_of, decide
from orgscope_kit.simulator.state import State, Token

__all__ = ["AppFoundry"]


class AppFoundry:
    """Answers calls; every grant, token and client it knows is in the state."""

    token_path = "/api/v2/oauth/token"
    correlation_header = "ININ-Correlation-Id"

    def __init__(self, state: State) -> None:
        self._state = state
        self._scenario = state.scenario
        self._style = state.scenario.server
        self._routes: dict[str, tuple[str, Callable[[Call], Response]]] = {
            self.token_path: ("POST", self._token),
            "/api/v2/oauth/introspect": ("POST", self._introspect),
            "/api/v2/oauth/revoke": ("POST", self._revoke),
            "/api/v2/oauth/authorize": ("GET", self._authorize),
        }
        if self._style.tokens_me:
            self._routes["/api/v2/tokens/me"] = ("GET", self._tokens_me)

    def identify(self, call: Call) -> Identity:
        """Whom the call is about: by ``org_id`` if it names one, else by its client or its token."""
        token = self._state.live(call.bearer) if call.bearer else None
        if token is not None:
            return Identity(token.client_id, token.org, None)
        client_id = client_id_of(call, self._scenario)
        known = self._scenario.client(client_id) if client_id else None
        named = self._scenario.org_named(call.params["org_id"]) if "org_id" in call.params else None
        return Identity(client_id, named or (known and known[0]), call.params.get("scope"))

    def answer(self, call: Call) -> Response:
        """The answer when nothing goes wrong."""
        if call.path not in self._routes:
            return api_error(call, 404)
        method, handler = self._routes[call.path]
        if call.method != method:
            return api_error(call, 405, {"Allow": method})
        try:
            return handler(call)
        except Refused as refused:
            return refused.answer

    def failed(self, call: Call, status: int) -> Response:
        """A 5xx in the shape of an API error."""
        return api_error(call, status)

    def limited(self, status: Literal[429, 400] | None, call: Call, retry_after_s: int | None) -> Response:
        """429 as the API sends it, or the token endpoint's 400 ``invalid_request`` (FACTS)."""
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        return rate_limited(headers) if status == 400 else api_error(call, 429, headers)

    def _token(self, call: Call) -> Response:
        sender = self._authenticated(call)
        grant_type = call.params.get("grant_type")
        if grant_type is None:
            refuse(400, "invalid_request", "grant_type is required")
        if grant_type != "client_credentials":
            refuse(400, "unsupported_grant_type", "The grant type is not supported.")
        if grant_type not in sender.client.grants:
            refuse(400, "unauthorized_client", "The client is not authorized to use this grant type.")
        org = self._context(call, sender)
        asked = _asked(call)
        replica = self._state.grants.replica(org, call.connection)
        granted = self._state.grants.granted(org, replica, sender.client)
        decision = decide(asked, granted, self._state.grants.known, self._style)
        if decision is None:
            refuse(400, "invalid_scope", "scope is required")
        if decision.unknown is not None:
            refuse(400, "invalid_scope", f"Unknown scope '{decision.unknown}'")
        if decision.offenders:
            refuse(403, "invalid_scope", ungranted_text(self._style.names, decision.offenders, asked or ()))
        return self._success(sender, org, asked, decision)

    def _context(self, call: Call, sender: Authenticated) -> str:
        org_id = call.params.get("org_id")
        if org_id is None and self._style.without_org_id == "refuse":
            refuse(400, "invalid_request", "org_id is required")
        org = context_of(self._scenario, sender.org, org_id)
        if org is None:
            refuse(400, "invalid_request", "Unknown organization")
        if self._scenario.integration.kind == "per-org" and org != sender.org:
            refuse(403, "unauthorized_client", "The client is not authorized for this organization.")
        return org

    def _success(self, sender: Authenticated, org: str, asked: tuple[str, ...] | None, decision: Decision) -> Response:
        lifetime_s = self._style.expires_in_s
        token = Token(
            client_id=sender.client.id,
            client_org=sender.org,
            org=org,
            scope=decision.granted,
            expires_s=self._state.clock() + lifetime_s,
            expires_at=int(time.time()) + lifetime_s,
        )
        body: dict[str, Any] = {
            "access_token": self._state.mint(token),
            "token_type": "bearer",
            "expires_in": lifetime_s,
        }
        narrowed = asked is None or set(asked) != set(decision.granted)
        states = self._style.states_scope == "always" or (self._style.states_scope == "when_narrowed" and narrowed)
        if states and decision.granted:
            body["scope"] = scopes.join(decision.granted)
        return JSONResponse(body, 200, NO_STORE)

    def _introspect(self, call: Call) -> Response:
        """RFC 7662 §2.2; a token that is not live has ``active`` and nothing else."""
        self._authenticated(call)
        token = self._state.live(self._token_parameter(call))
        if token is None:
            return JSONResponse({"active": False}, 200, NO_STORE)
        body = {
            "active": True,
            "scope": scopes.join(token.scope),
            "client_id": token.client_id,
            "org_id": self._scenario.orgs[token.org].org_id,
            "token_type": "bearer",
            "exp": token.expires_at,
        }
        return JSONResponse(body, 200, NO_STORE)

    def _revoke(self, call: Call) -> Response:
        """RFC 7009 §2.2: 200 for an unknown token too. Another client's token is left alone."""
        sender = self._authenticated(call)
        text = self._token_parameter(call)
        token = self._state.live(text)
        if token is not None and token.client_id == sender.client.id:
            del self._state.tokens[text]
        return Response(status_code=200)

    def _tokens_me(self, call: Call) -> Response:
        token = self._state.live(call.bearer) if call.bearer else None
        if token is None:
            return api_error(call, 401, {"WWW-Authenticate": "Bearer"})
        home = self._organization(token.client_org)
        body = {
            "organization": self._organization(token.org),
            "homeOrganization": home,
            "authorizedScope": list(token.scope),
            "OAuthClient": {"id": token.client_id, "organization": home},
        }
        return JSONResponse(body, 200, NO_STORE)

    def _authorize(self, call: Call) -> Response:
        """RFC 6749 §4.1.2.1: an unknown client or redirect URI is told to the user, never redirected to."""
        known = self._scenario.client(call.params.get("client_id", ""))
        if known is None:
            refuse(400, "invalid_request", "client_id is missing or not known", "error_description")
        if call.params.get("redirect_uri") not in known[1].redirect_uris:
            refuse(400, "invalid_request", "redirect_uri does not match the manifest", "error_description")
        return HTMLResponse(LOGIN_PAGE)

    def _authenticated(self, call: Call) -> Authenticated:
        if not call.is_form:
            refuse(400, "invalid_request", "The body must be application/x-www-form-urlencoded.")
        if call.repeated:
            refuse(400, "invalid_request", f"A parameter is repeated: {quote(call.repeated[0])[:40]}")
        sender = authenticate(call, self._scenario)
        if isinstance(sender, Authenticated):
            return sender
        if sender == "both":
            refuse(400, "invalid_request", "Use one method of client authentication only.")
        raise Refused(client_error(self._style.client_errors, sender, call))

    def _token_parameter(self, call: Call) -> str:
        if "token" not in call.params:
            refuse(400, "invalid_request", "token is required")
        return call.params["token"]

    def _organization(self, name: str) -> dict[str, str]:
        return {"id": self._scenario.orgs[name].org_id, "name": name}


def _asked(call: Call) -> tuple[str, ...] | None:
    if "scope" not in call.params:
        return None
    asked = scopes.split(call.params["scope"])
    if not asked or not all(map(scopes.is_scope, asked)):
        refuse(400, "invalid_scope", "The scope parameter is malformed.")
    return asked
