"""The API of the genesys dialect, on the wire."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from genesys_asking import CLIENTS, AskGenesys, GenesysAsker, scenario

from orgscope_kit.simulator import Sandbox

QUEUES = "/api/v2/routing/queues"
KEYS = {"message", "code", "status", "messageParams", "contextId", "details", "errors"}


def error(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an API error, which must have the vendor's members and name its correlation id."""
    body = answer.json()
    assert set(body) == KEYS
    assert (answer.status_code, answer.headers["ININ-Correlation-Id"]) == (body["status"], body["contextId"])
    return body["status"], body["code"]


def test_token_info(genesys: AskGenesys) -> None:
    """``tokens/me`` names the org of the client, no scope, and the roles that the client carries."""
    asker = genesys()
    me = asker.get("/api/v2/tokens/me", asker.login(scope="routing:readonly")).json()
    primary = {"id": "org-1", "name": "primary"}
    assert (primary, primary, []) == (me["organization"], me["homeOrganization"], me["authorizedScope"])
    shown = me["OAuthClient"]
    assert (CLIENTS["primary"], [], "active", primary) == (
        *(shown[key] for key in ("id", "scope", "state")),
        shown["organization"],
    )
    assert 2 == len(shown["roleDivisions"])
    assert "CLIENT-CREDENTIALS" == shown["authorizedGrantType"]


def test_missing_permission(genesys: AskGenesys) -> None:
    """A read without its permission is a 403 that names the permission; with it, the queues come."""
    asker = genesys()
    assert 1 == asker.get(QUEUES, asker.login()).json()["total"]
    refused = asker.get(QUEUES, asker.login("secondary"))
    assert (403, "missing.any.permissions") == error(refused)
    assert {"permissions": "[routing:queue:view]"} == refused.json()["messageParams"]
    assert refused.json()["message"].endswith("permissions assigned: [routing:queue:view]")


def test_permission_is_mended(genesys: AskGenesys) -> None:
    """A permission granted while it runs opens the read to a token that lives already, and revoked closes it."""
    asker = genesys()
    token = asker.login("secondary")
    asker.box.grant("secondary", "routing:queue:view")
    assert 200 == asker.get(QUEUES, token).status_code
    asker.box.revoke("secondary", "routing:queue:view")
    assert 403 == asker.get(QUEUES, token).status_code


def test_permission_without_any_role(genesys: AskGenesys) -> None:
    """An org whose client carries no role can be given one."""
    asker = genesys(orgs={"secondary": {"roles": []}})
    token = asker.login("secondary")
    assert [] == asker.get("/api/v2/authorization/subjects/me", token).json()["grants"]
    asker.box.grant("secondary", "routing:queue:view")
    assert 200 == asker.get(QUEUES, token).status_code


def test_wildcard(genesys: AskGenesys) -> None:
    """A permission with ``*`` covers those it stands for."""
    asker = genesys(orgs={"secondary": {"roles": [{"name": "All", "permissions": ["routing:*:*"]}]}})
    assert 200 == asker.get(QUEUES, asker.login("secondary")).status_code


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "authentication.required"), ({"Authorization": "Bearer made-up"}, "bad.credentials")],
)
def test_bad_credentials(genesys: AskGenesys, headers: dict[str, str], code: str) -> None:
    """A call without a token, or with an unknown one, is a 401."""
    assert (401, code) == error(genesys().request("GET", "/api/v2/tokens/me", headers=headers))


def test_expired_token() -> None:
    """A token past its lifetime is credentials.expired."""
    now_s = [0.0]
    with Sandbox(scenario(), base_url="http://localhost", clock=lambda: now_s[0]) as box:
        asker = GenesysAsker(box, http=None)
        token = asker.login()
        now_s[0] = 86401.0
        assert (401, "credentials.expired") == error(asker.get("/api/v2/tokens/me", token))


def test_revoked_token(genesys: AskGenesys) -> None:
    """DELETE ends the token that it is called with, HEAD tells whether it lives."""
    asker = genesys()
    token = asker.login()
    calls = [asker.get("/api/v2/tokens/me", token, method=method) for method in ("HEAD", "DELETE", "HEAD")]
    assert [200, 204, 401] == [answer.status_code for answer in calls]


def test_api_limit(genesys: AskGenesys) -> None:
    """The API's limit is a 429 with Retry-After; the token endpoint does not share it."""
    asker = genesys(orgs={"primary": {"faults": {"api_limited": {"first": 1, "retry_after_s": 7}}}})
    token = asker.login()
    limited = asker.get(QUEUES, token)
    assert (429, "too.many.requests") == error(limited)
    assert "7" == limited.headers["retry-after"]
    assert 200 == asker.get(QUEUES, token).status_code


@pytest.mark.parametrize("full", [True, False])
def test_subject(genesys: AskGenesys, full: bool) -> None:
    """The subject has a grant for each role; the policies come when full roles are asked for."""
    asker = genesys()
    query = {"includeFullRoles": "true"} if full else {}
    subject = asker.get("/api/v2/authorization/subjects/me", asker.login(), params=query).json()
    policies = {grant["role"]["name"]: grant["role"].get("policies") for grant in subject["grants"]}
    assert (CLIENTS["primary"], {"Queues", "Admin"}) == (subject["id"], set(policies))
    queues = [{"domain": "routing", "entityName": "queue", "actions": ["view", "edit"]}]
    assert (queues if full else None) == policies["Queues"]


def test_role(genesys: AskGenesys) -> None:
    """A role shows its permissions flat and as policies, to who may view roles."""
    asker = genesys()
    token = asker.login()
    (role_id, *_) = [
        each["roleId"] for each in asker.get("/api/v2/tokens/me", token).json()["OAuthClient"]["roleDivisions"]
    ]
    path = f"/api/v2/authorization/roles/{role_id}"
    role = asker.get(path, token).json()
    assert ["routing:queue:view", "routing:queue:edit"] == role["permissions"]
    assert [("routing", "queue", ["view", "edit"])] == [
        (policy["domain"], policy["entityName"], policy["actionSet"]) for policy in role["permissionPolicies"]
    ]
    assert (403, "missing.any.permissions") == error(asker.get(path, asker.login("secondary")))
    assert (404, "not.found") == error(asker.get("/api/v2/authorization/roles/none", token))


@pytest.mark.parametrize("state", ["Authorized", "Requested", "Revoked", "Unauthorized"])
def test_authorization_of_a_foreign_client(genesys: AskGenesys, state: str) -> None:
    """An org tells how it stands to a client of another org, and which scopes it gave."""
    asker = genesys(orgs={"primary": {"authorized": state}})
    found = asker.get(f"/api/v2/oauth/authorizations/{CLIENTS['secondary']}", asker.login()).json()
    assert (state, state == "Requested") == (found["state"], found["pending"])
    granted = ["routing:readonly", "users"] if state in ("Authorized", "Requested") else []
    assert granted == found["scope"]


def test_clients(genesys: AskGenesys) -> None:
    """An org's own client is shown without its secret; another org's is not found, and viewing needs its permission."""
    asker = genesys()
    token = asker.login()
    own, other = (asker.get(f"/api/v2/oauth/clients/{CLIENTS[org]}", token) for org in ("primary", "secondary"))
    assert (CLIENTS["primary"], "active", 86400) == tuple(
        own.json()[key] for key in ("id", "state", "accessTokenValiditySeconds")
    )
    assert "secret" not in own.json()
    assert (404, "not.found") == error(other)
    for path in (f"/api/v2/oauth/clients/{CLIENTS['secondary']}", f"/api/v2/oauth/authorizations/{CLIENTS['primary']}"):
        assert (403, "missing.any.permissions") == error(asker.get(path, asker.login("secondary")))


def test_scopes(genesys: AskGenesys) -> None:
    """The scopes that exist are listed to any token; a permission granted meanwhile is none of them."""
    asker = genesys()
    asker.box.grant("secondary", "routing:queue:view")
    listing: dict[str, Any] = asker.get("/api/v2/oauth/scopes", asker.login("secondary")).json()
    assert ["routing:readonly", "users"] == [each["id"] for each in listing["entities"]]
    assert 2 == listing["total"]


def test_organization(genesys: AskGenesys) -> None:
    """``organizations/me`` is the token's org."""
    asker = genesys()
    found = asker.get("/api/v2/organizations/me", asker.login("secondary")).json()
    assert ("org-2", "secondary", "secondary") == (found["id"], found["name"], found["domain"])
