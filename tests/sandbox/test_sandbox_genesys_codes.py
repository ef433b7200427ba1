"""Authorization codes of the genesys dialect: log-in page, PKCE, narrowed scopes, refresh."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from genesys_asking import CLIENTS, REDIRECT, SECRETS, TOKEN, AskGenesys, GenesysAsker

AUTHORIZE = "/oauth/authorize"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {"response_type": "code", "client_id": CLIENTS["primary"], "redirect_uri": REDIRECT}
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
CODES: dict[str, Any] = {"orgs": {"primary": {"client": {"grants": ["authorization_code"]}}}}


def sign_in(asker: GenesysAsker, **query: str) -> dict[str, str]:
    """What the redirect after the log-in page's button says."""
    answer = asker.request("POST", AUTHORIZE, data=ASKED | query)
    assert 302 == answer.status_code
    assert answer.headers["location"].startswith(REDIRECT + "?")
    return {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def redeem(asker: GenesysAsker, code: str, secret: bool = False, **form: str) -> httpx.Response:
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, **form}
    auth = (CLIENTS["primary"], SECRETS["primary"]) if secret else None
    return asker.request("POST", TOKEN, data=data if secret else {**data, "client_id": CLIENTS["primary"]}, auth=auth)


@pytest.mark.parametrize(("uri", "status"), [(REDIRECT, 200), (REDIRECT + "/", 400)])
def test_redirect_uri(genesys: AskGenesys, uri: str, status: int) -> None:
    """The log-in page comes for a registered redirect URI only, `org` and `provider` or not."""
    query = {**ASKED, "redirect_uri": uri, "org": "primary", "provider": "okta"}
    answer = genesys().request("GET", AUTHORIZE, params=query)
    assert status == answer.status_code
    if status == 400:
        assert "invalid_request" == answer.json()["error"]
        assert "redirect_uri does not match" in answer.json()["error_description"]


def test_page_escapes(genesys: AskGenesys) -> None:
    """What the query says stands escaped in the page, and its form carries it on."""
    text = genesys().request("GET", AUTHORIZE, params={**ASKED, "state": '"><script>'}).text
    assert "<script>" not in text
    assert {"state", *ASKED} == set(re.findall(r'name="(\w+)"', text))


def test_code_with_pkce(genesys: AskGenesys) -> None:
    """A code is redeemed once, with its verifier and without a secret; the token has the scopes that were granted."""
    asker = genesys(**CODES)
    answered = sign_in(asker, scope="users analytics", state="s1", **PKCE)
    assert "s1" == answered["state"]
    token = redeem(asker, answered["code"], code_verifier=VERIFIER)
    assert {"access_token", "token_type", "expires_in"} == set(token.json())
    me = asker.get("/api/v2/tokens/me", token).json()
    assert (["users"], "CODE") == (me["authorizedScope"], me["OAuthClient"]["authorizedGrantType"])
    assert (["routing:readonly", "users"], []) == (me["OAuthClient"]["scope"], me["OAuthClient"]["roleDivisions"])
    assert "invalid_grant" == redeem(asker, answered["code"], code_verifier=VERIFIER).json()["error"]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": VERIFIER, "redirect_uri": "x"}, "invalid_grant"),
        ({}, "invalid_client"),
    ],
)
def test_wrong_redemption(genesys: AskGenesys, wrong: dict[str, str], error: str) -> None:
    """A wrong verifier and another redirect URI are invalid_grant; neither verifier nor secret is invalid_client."""
    asker = genesys(**CODES)
    answer = redeem(asker, sign_in(asker, **PKCE)["code"], **wrong)
    assert (400, error) == (answer.status_code, answer.json()["error"])


def test_verifier_without_challenge(genesys: AskGenesys) -> None:
    """A code that was asked without a challenge is not redeemed by a verifier in place of a secret."""
    asker = genesys(**CODES)
    answer = redeem(asker, sign_in(asker)["code"], code_verifier=VERIFIER)
    assert (400, "invalid_grant") == (answer.status_code, answer.json()["error"])


def test_refresh(genesys: AskGenesys) -> None:
    """A client with its secret gets a refresh token, which works once."""
    asker = genesys(**CODES)
    first = redeem(asker, sign_in(asker, scope="users")["code"], secret=True).json()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    auth = (CLIENTS["primary"], SECRETS["primary"])
    answers = [asker.request("POST", TOKEN, data=form, auth=auth) for _ in range(2)]
    assert [200, 400] == [answer.status_code for answer in answers]
    assert ["users"] == asker.get("/api/v2/tokens/me", answers[0]).json()["authorizedScope"]


@pytest.mark.parametrize(
    ("changes", "query", "expected"),
    [
        ({}, {}, "unauthorized_client"),
        (CODES, {"response_type": "token"}, "unsupported_response_type"),
        (CODES, {"code_challenge": "x"}, "invalid_request"),
    ],
)
def test_redirected_errors(genesys: AskGenesys, changes: dict[str, Any], query: dict[str, str], expected: str) -> None:
    """Other errors go to the redirect URI (RFC 6749 §4.1.2.1)."""
    assert expected == sign_in(genesys(**changes), **query)["error"]


@pytest.mark.parametrize(
    ("enforced", "scope", "status"), [(False, "users", 200), (True, "users", 403), (True, "routing:readonly", 200)]
)
def test_enforced_scopes(genesys: AskGenesys, enforced: bool, scope: str, status: int) -> None:
    """Where the org enforces scopes a user's token needs one; else permissions alone count."""
    orgs = {"primary": {"enforce_scopes": enforced, **CODES["orgs"]["primary"]}}
    asker = genesys(orgs=orgs)
    token = redeem(asker, sign_in(asker, scope=scope)["code"], secret=True)
    answer = asker.get("/api/v2/routing/queues", token)
    assert status == answer.status_code
    if status == 403:
        assert "not.authorized" == answer.json()["code"]


def test_client_of_another_org(genesys: AskGenesys) -> None:
    """A user of an org that has authorized the client gets a token of that org, with the scopes it allows."""
    home = CODES["orgs"]["primary"]
    asker = genesys(orgs={"primary": home, "secondary": {"authorized": "Authorized", "granted": ["users"]}})
    token = redeem(asker, sign_in(asker, org="secondary", scope="users routing:readonly")["code"], secret=True)
    me = asker.get("/api/v2/tokens/me", token).json()
    assert ("org-2", ["users"], "org-1") == (
        me["organization"]["id"],
        me["authorizedScope"],
        me["OAuthClient"]["organization"]["id"],
    )


@pytest.mark.parametrize("state", ["Requested", "Revoked", "Unauthorized"])
def test_client_that_is_not_authorized(genesys: AskGenesys, state: str) -> None:
    """A user of an org that has not authorized the client is told so, and not redirected."""
    asker = genesys(orgs={**CODES["orgs"], "secondary": {"authorized": state}})
    answer = asker.request("POST", AUTHORIZE, data={**ASKED, "org": "secondary"})
    assert (403, True) == (answer.status_code, state in answer.text)
