"""The vendor's own Python SDK as a client of the genesys dialect."""

from __future__ import annotations

import json
import time
from types import ModuleType
from typing import Any

import pytest
from genesys_asking import CLIENTS, REDIRECT, SECRETS, AskGenesys, GenesysAsker, sdk
from test_sandbox_genesys_codes import CODES, sign_in

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def pc() -> ModuleType:
    """The SDK."""
    return sdk()


def client(pc: ModuleType, asker: GenesysAsker) -> Any:
    return pc.ApiClient(host=asker.box.url)


def logged_in(pc: ModuleType, asker: GenesysAsker, org: str = "primary") -> Any:
    return client(pc, asker).get_client_credentials_token(CLIENTS[org], SECRETS[org])


def test_login(pc: ModuleType, genesys_socket: AskGenesys) -> None:
    """The SDK logs in and reads which org its token is bound to, and through which client."""
    info = pc.TokensApi(logged_in(pc, genesys_socket())).get_tokens_me()
    assert ("org-1", "primary", "org-1") == (info.organization.id, info.organization.name, info.home_organization.id)
    assert ([], "active") == (info.authorized_scope, info.o_auth_client.state)
    assert (CLIENTS["primary"], "org-1") == (info.o_auth_client.id, info.o_auth_client.organization.id)
    assert 2 == len(info.o_auth_client.role_divisions)


@pytest.mark.parametrize(
    ("org", "secret", "text"), [("primary", "wrong", "authentication failed"), ("nobody", "x", "client not found")]
)
def test_refused_login(pc: ModuleType, genesys_socket: AskGenesys, org: str, secret: str, text: str) -> None:
    """The SDK raises with the body of invalid_client."""
    with pytest.raises(pc.rest.ApiException) as caught:
        client(pc, genesys_socket()).get_client_credentials_token(CLIENTS.get(org, org), secret)
    body = json.loads(caught.value.body)
    assert (400, "invalid_client", text) == (caught.value.status, body["error"], body["description"])


def test_organization(pc: ModuleType, genesys_socket: AskGenesys) -> None:
    """The SDK reads the token's organization."""
    found = pc.OrganizationApi(logged_in(pc, genesys_socket(), "secondary")).get_organizations_me()
    assert ("org-2", "secondary", "active") == (found.id, found.name, found.state)


def test_subject_and_role(pc: ModuleType, genesys_socket: AskGenesys) -> None:
    """The SDK reads grants, their policies and the role behind one."""
    api = pc.AuthorizationApi(logged_in(pc, genesys_socket()))
    subject = api.get_authorization_subjects_me(include_full_roles=True)
    role = subject.grants[0].role
    assert [("routing", "queue", ["view", "edit"])] == [
        (policy.domain, policy.entity_name, policy.actions) for policy in role.policies
    ]
    assert subject.grants[0].division.home_division
    assert ["routing:queue:view", "routing:queue:edit"] == api.get_authorization_role(role.id).permissions


def test_oauth(pc: ModuleType, genesys_socket: AskGenesys) -> None:
    """The SDK reads a client, the state of another org's client, and the scopes."""
    asker = genesys_socket(orgs={"primary": {"authorized": "Revoked"}})
    api = pc.OAuthApi(logged_in(pc, asker))
    assert "CLIENT-CREDENTIALS" == api.get_oauth_client(CLIENTS["primary"]).authorized_grant_type
    assert "Revoked" == api.get_oauth_authorization(CLIENTS["secondary"]).state
    assert ["routing:readonly", "users"] == [scope.id for scope in api.get_oauth_scopes().entities]


def test_queues(pc: ModuleType, genesys_socket: AskGenesys) -> None:
    """The SDK lists queues with the permission; without it, it raises with the body that names the permission."""
    asker = genesys_socket()
    assert ["Sandbox queue"] == [
        queue.name for queue in pc.RoutingApi(logged_in(pc, asker)).get_routing_queues().entities
    ]
    with pytest.raises(pc.rest.ApiException) as caught:
        pc.RoutingApi(logged_in(pc, asker, "secondary")).get_routing_queues()
    body = json.loads(caught.value.body)
    assert (403, "missing.any.permissions") == (caught.value.status, body["code"])
    assert caught.value.headers["ININ-Correlation-Id"] == body["contextId"]


def test_limit_is_retried_in_silence(pc: ModuleType, genesys_socket: AskGenesys) -> None:
    """The SDK waits out a 429 as Retry-After says, and tells nobody."""
    asker = genesys_socket(orgs={"primary": {"faults": {"api_limited": {"first": 1, "retry_after_s": 1}}}})
    api = pc.RoutingApi(logged_in(pc, asker))
    start_s = time.monotonic()
    assert 1 == api.get_routing_queues().total
    assert 1 <= time.monotonic() - start_s
    assert [200, 429, 200] == [seen.status for seen in asker.box.requests]


def test_revoke(pc: ModuleType, genesys_socket: AskGenesys) -> None:
    """The SDK deletes its token, which is bad.credentials from then on."""
    api = pc.TokensApi(logged_in(pc, genesys_socket()))
    api.delete_tokens_me()
    with pytest.raises(pc.rest.ApiException) as caught:
        api.get_tokens_me()
    assert (401, "bad.credentials") == (caught.value.status, json.loads(caught.value.body)["code"])


@pytest.mark.parametrize("pkce", [True, False])
def test_codes(pc: ModuleType, genesys_socket: AskGenesys, pkce: bool) -> None:
    """The SDK redeems codes: with the verifier that it made, or with the client's secret and then by refresh."""
    asker = genesys_socket(**CODES)
    api = client(pc, asker)
    if pkce:
        verifier = api.generate_pkce_code_verifier(64)
        challenge = {"code_challenge": api.compute_pkce_code_challenge(verifier), "code_challenge_method": "S256"}
        api.get_pkce_token(CLIENTS["primary"], verifier, sign_in(asker, scope="users", **challenge)["code"], REDIRECT)
    else:
        held = CLIENTS["primary"], SECRETS["primary"]
        api.get_code_authorization_token(*held, sign_in(asker, scope="users")["code"], REDIRECT)
        api.refresh_code_authorization_token(*held, api.refresh_token)
    assert ["users"] == pc.TokensApi(api).get_tokens_me().authorized_scope
