"""How the genesys dialect answers at the token endpoint, on the wire."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from genesys_asking import CLIENTS, SECRETS, TOKEN, AskGenesys, scenario

from orgscope_kit.simulator import Sandbox


def client(**knobs: Any) -> dict[str, Any]:
    return {"orgs": {"primary": {"client": knobs}}}


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, ``error`` and text of a token error, whose two text members must agree."""
    body = answer.json()
    assert {"error", "description", "error_description"} == set(body)
    assert body["description"] == body["error_description"]
    return answer.status_code, body["error"], body["description"]


@pytest.mark.parametrize("scope", [{}, {"scope": "routing:readonly"}, {"scope": 'no"such'}])
def test_success(genesys: AskGenesys, scope: dict[str, str]) -> None:
    """A success holds token, type and lifetime and no scope, whatever is asked; it must not be stored."""
    answer = genesys().login(**scope)
    body = answer.json()
    assert (200, {"access_token", "token_type", "expires_in"}) == (answer.status_code, set(body))
    assert ("bearer", 86400, "no-store") == (body["token_type"], body["expires_in"], answer.headers["cache-control"])
    assert answer.headers["ININ-Correlation-Id"]


def test_client_errors(genesys: AskGenesys) -> None:
    """Unknown client and wrong secret are 400 invalid_client, each with its own text; no secret is a wrong one."""
    asker = genesys()
    form = {"grant_type": "client_credentials"}
    unknown = asker.request("POST", TOKEN, data=form, auth=("c11e4700-0000-4000-8000-0000000000ff", "x"))
    assert (400, "invalid_client", "client not found") == error(unknown)
    failed = (400, "invalid_client", "authentication failed")
    assert failed == error(asker.login(secret="wrong"))
    assert failed == error(asker.request("POST", TOKEN, data=form))


def test_wrong_secret_status(genesys: AskGenesys) -> None:
    """A wrong secret may be 401 instead, as another record has it; an unknown client stays 400."""
    asker = genesys(server={"wrong_secret_status": 401})
    answers = asker.login(secret="wrong"), asker.request("POST", TOKEN, data={}, auth=("nobody", "x"))
    assert [401, 400] == [answer.status_code for answer in answers]


def test_disabled_client(genesys: AskGenesys) -> None:
    """A disabled client is refused although its secret is right."""
    assert (400, "invalid_client", "client is disabled") == error(genesys(**client(disabled=True)).login())


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"grant_type": "authorization_code"}, "unauthorized_client"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer"}, "unauthorized_client"),
        ({"grant_type": "strange"}, "unsupported_grant_type"),
        ({}, "invalid_request"),
    ],
)
def test_grant_types(genesys: AskGenesys, form: dict[str, str], expected: str) -> None:
    """A grant type that the client does not have is unauthorized_client; unknown and missing ones are told apart."""
    answer = genesys().request("POST", TOKEN, data=form, auth=(CLIENTS["primary"], SECRETS["primary"]))
    assert (400, expected) == error(answer)[:2]


def test_saml2_is_not_simulated(genesys: AskGenesys) -> None:
    """A client that has the SAML2 grant hears that the sandbox does not simulate it."""
    asker = genesys(**client(grants=["saml2_bearer"]))
    answer = asker.login(grant_type="urn:ietf:params:oauth:grant-type:saml2-bearer")
    assert (400, "unsupported_grant_type") == error(answer)[:2]


def test_rate_limit(genesys: AskGenesys) -> None:
    """The limit at the token endpoint is a 400 invalid_request that says so, then passes; 429 only if told so."""
    asker = genesys(orgs={"primary": {"faults": {"limited": {"first": 1}}}})
    status, code, text = error(asker.login())
    assert (400, "invalid_request") == (status, code)
    assert text.startswith("rate limit exceeded")
    assert 200 == asker.login().status_code
    told = genesys(orgs={"primary": {"faults": {"limited": {"as": 429, "retry_after_s": 7}}}}).login()
    assert (429, "7", "too.many.requests") == (told.status_code, told.headers["retry-after"], told.json()["code"])


def test_server_error(genesys: AskGenesys) -> None:
    """A 5xx has the shape of an API error."""
    answer = genesys(orgs={"primary": {"faults": {"status": 503}}}).login()
    assert (503, "service.unavailable") == (answer.status_code, answer.json()["code"])


def test_ip_allowlist(genesys: AskGenesys) -> None:
    """A client whose allow-list lacks our address is denied, and no other."""
    asker = genesys(orgs={"primary": {"ip_allowlisted": False}})
    assert (403, "access_denied") == error(asker.login())[:2]
    assert 200 == asker.login("secondary").status_code


@pytest.mark.parametrize(("encoding", "expected"), [(None, [200, 200]), ("raw", [200, 400]), ("percent", [400, 200])])
def test_secret_encoding(genesys: AskGenesys, encoding: str | None, expected: list[int]) -> None:
    """Basic is taken raw, as the SDK sends it, and percent-encoded, unless the client says which."""
    asker = genesys(**client(secret="s+%:/x", encoding=encoding))
    statuses = []
    for sent in ("s+%:/x", quote_plus("s+%:/x")):
        basic = base64.b64encode(f"{CLIENTS['primary']}:{sent}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"}
        data = {"grant_type": "client_credentials"}
        statuses.append(asker.request("POST", TOKEN, data=data, headers=headers).status_code)
    assert expected == statuses


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", TOKEN, 405, "method.not.allowed"),
        ("POST", "/api/v2/oauth/token", 404, "not.found"),
        ("GET", "/", 404, "not.found"),
        ("PUT", "/api/v2/tokens/me", 405, "method.not.allowed"),
    ],
)
def test_wrong_endpoint(genesys: AskGenesys, method: str, path: str, status: int, code: str) -> None:
    """A wrong method or path, that of the story included, is an API error."""
    answer = genesys().request(method, path)
    assert (status, code) == (answer.status_code, answer.json()["code"])


def test_requests_know_their_org(genesys: AskGenesys) -> None:
    """A request is on record under its client's org at login, and under its token's org at the API."""
    asker = genesys()
    asker.get("/api/v2/tokens/me", asker.login("secondary", org_id="org-1"))
    expected = [(TOKEN, "secondary", 200), ("/api/v2/tokens/me", "secondary", 200)]
    assert expected == [(seen.path, seen.org, seen.status) for seen in asker.box.requests]


def test_permission_reaches_one_replica_after_the_other() -> None:
    """A permission granted while it runs spreads like a grant, and joins the org's first role."""
    now_s = [0.0]
    made = scenario(orgs={"secondary": {"replicas": 2, "delays_s": [0, 10], "balanced": "request"}})
    with Sandbox(made, base_url="http://localhost", clock=lambda: now_s[0]) as box:
        box.grant("secondary", "routing:queue:view")
        grants = box.app.state.grants
        seen = []
        for now_s[0] in (1.0, 11.0):
            seen.append([grants.applied("secondary", replica, ["directory:user:view"])[1:] for replica in (0, 1)])
    assert [[("routing:queue:view",), ()], [("routing:queue:view",), ("routing:queue:view",)]] == seen
