"""How the appfoundry dialect answers."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from sandbox_asking import SECRETS, TOKEN, Ask

FORM = {"grant_type": "client_credentials", "scope": "a", "org_id": "org-2"}


def server(**style: Any) -> dict[str, Any]:
    return {"server": style}


def client(**knobs: Any) -> dict[str, Any]:
    return {"orgs": {"secondary": {"client": knobs}}}


def test_the_storys_refusal(ask: Ask) -> None:
    """An ungranted scope gets the body of the story, and a correlation id."""
    expected = {
        "error": "invalid_scope",
        "message": "The requested scope 'b' is not authorized for this client.",
    }
    answer = ask().token(scope="a b c")
    assert (403, expected) == (answer.status_code, answer.json())
    assert answer.headers["ININ-Correlation-Id"]


def test_success(ask: Ask) -> None:
    """A grant is a bearer token that must not be stored, with the scopes granted."""
    answer = ask().token(scope="a")
    assert {"token_type": "bearer", "expires_in": 86400, "scope": "a"} == {
        key: value for key, value in answer.json().items() if key != "access_token"
    }
    assert (200, "no-store") == (answer.status_code, answer.headers["cache-control"])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("first", "The requested scope 'b' is not authorized for this client."),
        ("all", "The requested scopes 'b', 'c' are not authorized for this client."),
        ("none", "A requested scope is not authorized for this client."),
        ("echo", "The requested scopes 'a', 'b', 'c' are not authorized for this client."),
    ],
)
def test_names(ask: Ask, names: str, expected: str) -> None:
    """The refusal singles out the first offender, all, none, or repeats the request."""
    assert expected == ask(**server(names=names)).token(scope="a b c").json()["message"]


@pytest.mark.parametrize(
    ("states_scope", "asked", "expected"),
    [
        ("always", "a", "a"),
        ("always", "a b", "a"),
        ("when_narrowed", "a", None),
        ("when_narrowed", "a b", "a"),
        ("never", "a b", None),
        ("always", "b", None),
    ],
)
def test_narrowing(ask: Ask, states_scope: str, asked: str, expected: str | None) -> None:
    """A narrowing server grants the rest, and states it or not; a grant of nothing has no scope to state."""
    asker = ask(**server(ungranted="narrow", states_scope=states_scope))
    answer = asker.token(scope=asked)
    assert (200, expected) == (answer.status_code, answer.json().get("scope"))
    assert (["a"] if "a" in asked else []) == asker.me(answer)["authorizedScope"]


@pytest.mark.parametrize(
    ("unknown", "status", "expected"),
    [
        ("like_ungranted", 403, "The requested scope 'z' is not authorized for this client."),
        ("say", 400, "Unknown scope 'z'"),
        ("drop", 200, None),
    ],
)
def test_unknown_scopes(ask: Ask, unknown: str, status: int, expected: str | None) -> None:
    """An unknown scope is refused like an ungranted one, said to be unknown, or dropped."""
    answer = ask(**server(unknown=unknown)).token(scope="z a")
    assert (status, expected) == (answer.status_code, answer.json().get("message"))


@pytest.mark.parametrize(("no_scope", "status"), [("all", 200), ("refuse", 400)])
def test_no_scope(ask: Ask, no_scope: str, status: int) -> None:
    """A request without scope gets all that is granted, or is refused."""
    answer = ask(**server(no_scope=no_scope)).token("primary", scope=None)
    assert status == answer.status_code
    assert ("a b c" if status == 200 else None) == answer.json().get("scope")


def test_malformed_scope(ask: Ask) -> None:
    """A scope outside RFC 6749 §3.3 is invalid_scope."""
    answer = ask().token(scope='a"b')
    assert (400, "invalid_scope") == (answer.status_code, answer.json()["error"])


@pytest.mark.parametrize(
    ("style", "unknown", "wrong"),
    [
        ("distinct", (401, "client not found"), (401, "authentication failed")),
        ("same", (401, "Client authentication failed."), (401, "Client authentication failed.")),
        ("empty", (403, None), (403, None)),
    ],
)
def test_client_errors(ask: Ask, style: str, unknown: tuple[int, str | None], wrong: tuple[int, str | None]) -> None:
    """Unknown client and wrong secret are told apart, get one text, or an empty 403."""
    asker = ask(**server(client_errors=style))

    def told(client_id: str) -> tuple[int, str | None]:
        answer = asker.request("POST", TOKEN, data=FORM, auth=(client_id, "wrong"))
        body = answer.json() if answer.content else {}
        assert body.get("description") == body.get("error_description")
        return answer.status_code, body.get("description")

    assert (unknown, wrong) == (told("nobody"), told("secondary-client"))


@pytest.mark.parametrize(("style", "expected"), [("distinct", "client is disabled"), ("same", "Client authentication")])
def test_disabled(ask: Ask, style: str, expected: str) -> None:
    """A disabled client is named so only by a server that tells client errors apart."""
    answer = ask(**server(client_errors=style), **client(disabled=True)).token()
    assert 401 == answer.status_code
    assert expected in answer.json()["description"]


def test_auth_methods(ask: Ask) -> None:
    """A client that takes post only rejects Basic as a wrong secret and accepts the body."""
    asker = ask(**client(auth_methods=["client_secret_post"]))
    posted = {**FORM, "client_id": "secondary-client", "client_secret": SECRETS["secondary"]}
    assert (401, 200) == (asker.token().status_code, asker.request("POST", TOKEN, data=posted).status_code)


@pytest.mark.parametrize(
    ("encoding", "sent", "status"),
    [
        ("raw", "s+%:/x", 200),
        ("raw", "s%2B%25%3A%2Fx", 401),
        ("percent", "s%2B%25%3A%2Fx", 200),
        ("percent", "s+%:/x", 401),
    ],
)
def test_secret_encoding(ask: Ask, encoding: str, sent: str, status: int) -> None:
    """Basic credentials are decoded as RFC 6749 §2.3.1 says, or taken as they come."""
    asker = ask(**client(secret="s+%:/x", encoding=encoding))
    basic = base64.b64encode(f"secondary-client:{sent}".encode()).decode()
    answer = asker.request("POST", TOKEN, data=FORM, headers={"Authorization": f"Basic {basic}"})
    assert status == answer.status_code


def test_two_authentications(ask: Ask) -> None:
    """Basic and post at once is an invalid request (RFC 6749 §2.3)."""
    answer = ask().token(client_id="secondary-client", client_secret=SECRETS["secondary"])
    assert (400, "invalid_request") == (answer.status_code, answer.json()["error"])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("scope=a", "invalid_request"),
        ("grant_type=client_credentials&scope=a&scope=b", "invalid_request"),
        ("grant_type=password", "unsupported_grant_type"),
        ("grant_type=client_credentials&org_id=nowhere", "invalid_request"),
    ],
)
def test_wrong_requests(ask: Ask, body: str, error: str) -> None:
    """Missing, repeated and unsupported parameters and an unknown org are errors of the request."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    auth = ("secondary-client", SECRETS["secondary"])
    answer = ask().request("POST", TOKEN, content=body, headers=form, auth=auth)
    assert (400, error) == (answer.status_code, answer.json()["error"])


def test_grant_not_allowed(ask: Ask) -> None:
    """A client without the grant is unauthorized_client."""
    answer = ask(**client(grants=["authorization_code"])).token()
    assert (400, "unauthorized_client") == (answer.status_code, answer.json()["error"])


@pytest.mark.parametrize(("method", "path", "status"), [("GET", TOKEN, 405), ("POST", "/oauth/token", 404)])
def test_wrong_endpoint(ask: Ask, method: str, path: str, status: int) -> None:
    """A wrong method or path, other platforms' token path included, is a JSON API error."""
    answer = ask().request(method, path)
    assert {"status", "code", "message", "contextId"} == set(answer.json())
    assert (status, status) == (answer.status_code, answer.json()["status"])
    assert answer.json()["contextId"] == answer.headers["ININ-Correlation-Id"]


@pytest.mark.parametrize(
    ("style", "kind", "context", "expected"),
    [
        ({}, "global", "secondary", "org-2"),
        ({}, "global", "primary", "org-1"),
        ({}, "global", None, "org-1"),
        ({}, "per-org", None, "org-2"),
        ({"ignores_org_id": True}, "global", "secondary", "org-1"),
    ],
)
def test_context(ask: Ask, style: dict[str, Any], kind: str, context: str | None, expected: str) -> None:
    """The token is bound to the org of org_id, or else to the integration's home or the client's org."""
    asker = ask(server=style, integration={"kind": kind})
    me = asker.me(asker.token("secondary", context=context))
    assert expected == me["organization"]["id"]
    assert {"id": "secondary-client", "organization": {"id": "org-2", "name": "secondary"}} == me["OAuthClient"]


def test_org_id_required(ask: Ask) -> None:
    """A server may refuse a request without org_id."""
    answer = ask(**server(without_org_id="refuse")).token(context=None)
    expected = {"error": "invalid_request", "message": "org_id is required"}
    assert (400, expected) == (answer.status_code, answer.json())


def test_per_org_refusal(ask: Ask) -> None:
    """A client of another org is refused in a per-org integration, and no org is named."""
    answer = ask(integration={"kind": "per-org"}).token("primary", context="secondary")
    expected = {
        "error": "unauthorized_client",
        "message": "The client is not authorized for this organization.",
    }
    assert (403, expected) == (answer.status_code, answer.json())


def test_clients_own_grants(ask: Ask) -> None:
    """A client's own grants replace its org's there, and only there."""
    asker = ask(orgs={"primary": {"client": {"granted": ["a"]}}, "secondary": {"granted": ["b"]}})
    statuses = [asker.token("primary", "b", context=org).status_code for org in ("primary", "secondary")]
    assert [403, 200] == statuses


def test_tokens_me_refuses(ask: Ask) -> None:
    """No token, no answer; and no endpoint where it is switched off."""
    answer = ask().request("GET", "/api/v2/tokens/me")
    assert (401, "bad.credentials") == (answer.status_code, answer.json()["code"])
    assert 404 == ask(**server(tokens_me=False)).request("GET", "/api/v2/tokens/me").status_code


def test_introspection_and_revocation(ask: Ask) -> None:
    """A token is active until its own client revokes it."""
    asker = ask()
    token = asker.token(scope="a").json()["access_token"]

    def post(path: str, org: str) -> Any:
        answer = asker.request("POST", path, data={"token": token}, auth=(f"{org}-client", SECRETS[org]))
        assert 200 == answer.status_code
        return answer.json() if answer.content else None

    active = post("/api/v2/oauth/introspect", "primary")
    assert (True, "a", "org-2", "secondary-client") == tuple(
        active[key] for key in ("active", "scope", "org_id", "client_id")
    )
    post("/api/v2/oauth/revoke", "primary")
    assert post("/api/v2/oauth/introspect", "secondary")["active"]
    post("/api/v2/oauth/revoke", "secondary")
    assert {"active": False} == post("/api/v2/oauth/introspect", "secondary")


@pytest.mark.parametrize(("uri", "status"), [("https://x.example/", 200), ("https://x.example", 400)])
def test_redirect_uri(ask: Ask, uri: str, status: int) -> None:
    """A redirect URI must be one of the client's, to the letter."""
    query = {"response_type": "code", "client_id": "primary-client", "redirect_uri": uri}
    answer = ask().request("GET", "/api/v2/oauth/authorize", params=query)
    assert status == answer.status_code
    if status == 400:
        expected = {"error": "invalid_request", "error_description": "redirect_uri does not match the manifest"}
        assert expected == answer.json()
