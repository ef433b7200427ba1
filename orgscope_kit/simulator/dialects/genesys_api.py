"""The resources of the ``genesys`` dialect under ``/api/v2``; bodies have the shapes of the vendor's Python SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from starlette.responses import JSONResponse, Response

from orgscope_kit.simulator.calls import Call
from orgscope_kit.simulator.dialects.genesys_roles import (
    HeldRole,
    allows,
    division,
    grant,
    identifier,
    is_permission,
    organization_role,
    role_divisions,
    roles_of,
)
from orgscope_kit.simulator.dialects.genesys_words import api_error, deny, not_permitted, scope_missing, too_many
from orgscope_kit.simulator.dialects.token_words import NO_STORE
from orgscope_kit.simulator.scenario import Client
from orgscope_kit.simulator.state import State, Token

__all__ = ["Api"]

_Handler = Callable[[Call, Token, str], Response]
_GRANT_TYPES = {
    "client_credentials": "CLIENT-CREDENTIALS",
    "authorization_code": "CODE",
    "saml2_bearer": "SAML2-BEARER",
}


class Api:
    """Answers calls that carry a token; what they may do comes from the roles in the token's org."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._scenario = state.scenario
        self._routes: dict[str, dict[str, _Handler]] = {
            "/api/v2/tokens/me": {"GET": self._tokens_me, "HEAD": _nothing, "DELETE": self._revoke},
            "/api/v2/organizations/me": {"GET": self._organization_me},
            "/api/v2/authorization/subjects/me": {"GET": self._subject},
            "/api/v2/authorization/roles/{id}": {"GET": self._role},
            "/api/v2/oauth/authorizations/{id}": {"GET": self._authorization},
            "/api/v2/oauth/clients/{id}": {"GET": self._client},
            "/api/v2/oauth/scopes": {"GET": self._scopes},
            "/api/v2/routing/queues": {"GET": self._queues},
        }

    def answer(self, call: Call) -> Response:
        """The answer to a call below ``/api/v2``."""
        parent, _, last = call.path.rpartition("/")
        methods = self._routes.get(call.path) or self._routes.get(f"{parent}/{{id}}")
        if methods is None:
            return api_error(call, "not.found")
        if call.method not in methods:
            return api_error(call, "method.not.allowed", {"Allow": ", ".join(methods)})
        token = self._authenticated(call)
        limited = self._scenario.orgs[token.org].faults.api_limited
        if limited is not None:
            self._state.api_limited[token.org] += 1
            if limited.first is None or self._state.api_limited[token.org] <= limited.first:
                return too_many(call, limited.retry_after_s)
        return methods[call.method](call, token, unquote(last))

    def _authenticated(self, call: Call) -> Token:
        if not call.bearer:
            deny(call, "authentication.required")
        token = self._state.live(call.bearer)
        if token is None:
            deny(call, "credentials.expired" if call.bearer in self._state.tokens else "bad.credentials")
        return token

    def _held(self, call: Call, org: str) -> tuple[HeldRole, ...]:
        return roles_of(self._state, org, self._state.grants.replica(org, call.connection))

    def _need(self, call: Call, token: Token, permission: str, accepted: tuple[str, ...]) -> None:
        """Refuse the call without ``permission``; in an org that enforces scopes, a user's token needs one as well."""
        if token.user and self._scenario.orgs[token.org].enforce_scopes and not set(accepted) & set(token.scope):
            scope_missing(call, accepted)
        if not allows((name for role in self._held(call, token.org) for name in role.permissions), permission):
            not_permitted(call, permission)

    def _tokens_me(self, call: Call, token: Token, _: str) -> Response:
        """``TokenInfo``; unconfirmed: no scope in a client's own token, a user's home is the org signed in to."""
        known = self._scenario.client(token.client_id)
        assert known is not None
        shown = self._shown_client(call, *known)
        shown = {key: shown[key] for key in ("id", "name", "authorizedGrantType", "scope", "roleDivisions", "state")}
        body = {
            "organization": self._organization(token.org),
            "homeOrganization": self._organization(token.org),
            "authorizedScope": list(token.scope),
            "OAuthClient": {**shown, "organization": self._organization(token.client_org)},
        }
        return JSONResponse(body, 200, NO_STORE)

    def _revoke(self, call: Call, _: Token, __: str) -> Response:
        del self._state.tokens[call.bearer or ""]
        return Response(status_code=204)

    def _organization_me(self, _: Call, token: Token, __: str) -> Response:
        body = {
            **self._organization(token.org),
            "domain": token.org,
            "thirdPartyOrgName": token.org,
            "state": "active",
            "selfUri": "/api/v2/organizations/me",
        }
        return JSONResponse(body)

    def _subject(self, call: Call, token: Token, _: str) -> Response:
        """``AuthzSubject``; unconfirmed: that a client gets one, and policies with ``includeFullRoles`` only."""
        subject_id, org_id = token.user or token.client_id, self._scenario.orgs[token.org].org_id
        full = call.params.get("includeFullRoles", "").lower() == "true"
        body = {
            "id": subject_id,
            "name": subject_id,
            "grants": [grant(role, org_id, subject_id, full) for role in self._held(call, token.org)],
            "version": 1,
            "selfUri": f"/api/v2/authorization/subjects/{subject_id}",
        }
        return JSONResponse(body)

    def _role(self, call: Call, token: Token, role_id: str) -> Response:
        self._need(call, token, "authorization:role:view", ("authorization", "authorization:readonly"))
        found = next((role for role in self._held(call, token.org) if role.id == role_id), None)
        return api_error(call, "not.found") if found is None else JSONResponse(organization_role(found))

    def _authorization(self, call: Call, token: Token, client_id: str) -> Response:
        """``OAuthAuthorization``: how the token's org stands to a client; its own count as authorized (a guess)."""
        self._need(call, token, "oauth:client:authorize", ("oauth", "oauth:readonly"))
        known = self._scenario.client(client_id)
        if known is None:
            return api_error(call, "not.found")
        setting = self._scenario.orgs[token.org]
        state = "Authorized" if known[0] == token.org else setting.authorized
        granted = self._granted(call, token.org, known[1]) if state in ("Authorized", "Requested") else []
        body = {
            "client": {"id": client_id, "name": client_id},
            "scope": granted,
            "roles": [],
            "resourceOwner": {"id": setting.org_id},
            "pending": state == "Requested",
            "state": state,
            "selfUri": f"/api/v2/oauth/authorizations/{client_id}",
        }
        return JSONResponse(body)

    def _client(self, call: Call, token: Token, client_id: str) -> Response:
        """``OAuthClient`` without its secret; an org sees its own clients only."""
        self._need(call, token, "oauth:client:view", ("oauth", "oauth:readonly"))
        known = self._scenario.client(client_id)
        if known is None or known[0] != token.org:
            return api_error(call, "not.found")
        return JSONResponse(self._shown_client(call, *known))

    def _scopes(self, _: Call, __: Token, ___: str) -> Response:
        """``OAuthScopeListing`` of the scopes that the scenario knows."""
        names = sorted(name for name in self._state.grants.known if not is_permission(name))
        entities = [{"id": name, "description": name, "selfUri": f"/api/v2/oauth/scopes/{name}"} for name in names]
        return JSONResponse({"total": len(names), "entities": entities, "selfUri": "/api/v2/oauth/scopes"})

    def _queues(self, call: Call, token: Token, _: str) -> Response:
        """``QueueEntityListing`` of one queue."""
        self._need(call, token, "routing:queue:view", ("routing", "routing:readonly"))
        org_id = self._scenario.orgs[token.org].org_id
        queue = {"id": identifier(org_id, "queue"), "name": "Sandbox queue", "division": division(org_id)}
        body = {
            "entities": [queue],
            "pageSize": 25,
            "pageNumber": 1,
            "total": 1,
            "pageCount": 1,
            "selfUri": "/api/v2/routing/queues?pageSize=25&pageNumber=1",
        }
        return JSONResponse(body)

    def _shown_client(self, call: Call, org: str, client: Client) -> dict[str, Any]:
        roles, org_id = self._held(call, org), self._scenario.orgs[org].org_id
        carries = (
            "client_credentials" in client.grants
        )  # only these clients carry roles (FACTS), and only others scopes
        return {
            "id": client.id,
            "name": client.id,
            "accessTokenValiditySeconds": self._scenario.server.expires_in_s,
            "registeredRedirectUri": list(client.redirect_uris),
            "authorizedGrantType": next((_GRANT_TYPES[each] for each in client.grants if each in _GRANT_TYPES), "CODE"),
            "scope": [] if carries else self._granted(call, org, client),
            "roleIds": [role.id for role in roles] if carries else [],
            "roleDivisions": role_divisions(roles, org_id) if carries else [],
            "state": "disabled" if client.disabled else "active",
            "selfUri": f"/api/v2/oauth/clients/{client.id}",
        }

    def _granted(self, call: Call, org: str, client: Client) -> list[str]:
        replica = self._state.grants.replica(org, call.connection)
        return [name for name in self._state.grants.granted(org, replica, client) if not is_permission(name)]

    def _organization(self, name: str) -> dict[str, str]:
        return {"id": self._scenario.orgs[name].org_id, "name": name}


def _nothing(_: Call, __: Token, ___: str) -> Response:
    return Response(status_code=200)
