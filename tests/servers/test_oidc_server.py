"""The orgs of the real test server answer as the tests that use them expect."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from . import oidc
from .oidc import ANALYTICS, MANAGE, ORGS, UNKNOWN, VIEW, OidcServer, credentials, serve

pytestmark = pytest.mark.server

ALL = f"{VIEW} {ANALYTICS} {MANAGE}"


@pytest.fixture(scope="module")
def server() -> Iterator[OidcServer]:
    oidc.require()
    with serve(ORGS) as running:
        yield running


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10, trust_env=False) as client:
        yield client


class Ask:
    """Asks an org for a token, as its own client unless another `auth` is given."""

    def __init__(self, server: OidcServer, http: httpx.Client) -> None:
        self.server, self.http = server, http

    def __call__(self, org: str, scope: str, auth: tuple[str, str] | None = None) -> httpx.Response:
        data = {"grant_type": "client_credentials", "scope": scope}
        return self.http.post(self.server.token_url(org), data=data, auth=auth or credentials(org))

    def introspect(self, org: str, token: str) -> dict[str, object]:
        response = self.http.post(self.server.introspection_url(org), data={"token": token}, auth=credentials(org))
        body: dict[str, object] = response.json()
        return body


@pytest.fixture
def ask(server: OidcServer, http: httpx.Client) -> Ask:
    return Ask(server, http)


@pytest.fixture(scope="module")
def tls() -> oidc.Tls:
    """A self-signed certificate for 127.0.0.1, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return {
        "key": key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode(),
        "cert": certificate.public_bytes(pem).decode(),
    }


@pytest.mark.parametrize("org", ["acme", "gamma"])
def test_granted_scopes_are_stated(ask: Ask, org: str) -> None:
    """A client that may ask everything gets a token whose `scope` states all of it."""
    answer = ask(org, ALL)

    assert answer.status_code == 200
    assert answer.json() == {
        "access_token": answer.json()["access_token"],
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": ALL,
    }


@pytest.mark.parametrize("scope", [MANAGE, ALL, f"{MANAGE} {VIEW}"])
def test_beta_refuses_the_whole_request(ask: Ask, scope: str) -> None:
    """One ungranted scope refuses all, and the answer names it wherever it stands."""
    answer = ask("beta", scope)

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_scope",
        "error_description": "requested scope is not allowed",
        "scope": MANAGE,
    }


def test_beta_grants_the_rest(ask: Ask) -> None:
    """Without the ungranted scope the same client is served."""
    assert ask("beta", f"{VIEW} {ANALYTICS}").json()["scope"] == f"{VIEW} {ANALYTICS}"


def test_delta_narrows(ask: Ask) -> None:
    """A narrowing org leaves the ungranted scope out and states what is left."""
    answer = ask("delta", ALL)

    assert (answer.status_code, answer.json()["scope"]) == (200, f"{VIEW} {ANALYTICS}")


@pytest.mark.parametrize(("org", "scope"), [("delta", MANAGE), ("zeta", ALL)])
def test_narrowed_to_nothing_states_no_scope(ask: Ask, org: str, scope: str) -> None:
    """A token from which every scope was dropped comes without the `scope` member."""
    answer = ask(org, scope)

    assert answer.status_code == 200
    assert sorted(answer.json()) == ["access_token", "expires_in", "token_type"]


@pytest.mark.parametrize("org", ["acme", "beta", "gamma", "delta", "epsilon", "zeta"])
def test_unknown_scope_is_dropped_without_a_word(ask: Ask, org: str) -> None:
    """No org refuses a scope that it has never heard of, nor states one."""
    client_id, secret = credentials(org)
    answer = ask(org, UNKNOWN, auth=(client_id, quote(secret, safe="")))

    assert answer.status_code == 200
    assert "scope" not in answer.json()


def test_epsilon_wants_the_secret_percent_encoded(ask: Ask) -> None:
    """In Basic the special characters of the secret must be encoded; as they are they make it a wrong secret."""
    client_id, secret = credentials("epsilon")

    assert ask("epsilon", VIEW, auth=(client_id, secret)).status_code == 401
    assert ask("epsilon", ALL, auth=(client_id, quote(secret, safe=""))).json()["scope"] == ALL


def test_epsilon_takes_the_secret_in_the_body(server: OidcServer, http: httpx.Client) -> None:
    """In the form the secret needs no encoding beyond the form's own."""
    client_id, secret = credentials("epsilon")
    data = {"grant_type": "client_credentials", "scope": VIEW, "client_id": client_id, "client_secret": secret}

    assert http.post(server.token_url("epsilon"), data=data).json()["scope"] == VIEW


def test_theta_may_not_use_the_grant(ask: Ask) -> None:
    """A client without client credentials is told so, with the code `invalid_request`."""
    answer = ask("theta", VIEW)

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_request",
        "error_description": "requested grant type is not allowed for this client",
    }


@pytest.mark.parametrize(
    "auth",
    [("gamma-client", "wrong"), ("nobody", "wrong"), credentials("acme")],
    ids=["wrong secret", "unknown client", "client of another org"],
)
def test_rejected_credentials_look_alike(ask: Ask, auth: tuple[str, str]) -> None:
    """A wrong secret, an unknown client and another org's client get the same 401."""
    answer = ask("gamma", VIEW, auth=auth)

    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client", "error_description": "client authentication failed"}


@pytest.mark.parametrize("path", ["acme/oauth/tokens", "acme/api/v2/oauth/token", "nowhere/oauth/token", "acme", ""])
def test_wrong_path(server: OidcServer, http: httpx.Client, path: str) -> None:
    """A path that does not exist, in an org or beside them, is a 404 in plain text."""
    answer = http.post(f"{server.url}/{path}", data={"grant_type": "client_credentials"}, auth=credentials("acme"))

    assert (answer.status_code, answer.text) == (404, "Not Found")


@pytest.mark.parametrize(("org", "scope"), [("acme", ALL), ("delta", f"{VIEW} {ANALYTICS}"), ("zeta", None)])
def test_introspection_tells_the_scope(ask: Ask, org: str, scope: str | None) -> None:
    """Introspection tells what a token carries, where the token's own answer may not have."""
    facts = ask.introspect(org, ask(org, ALL).json()["access_token"])

    assert facts["active"] is True
    assert (facts["client_id"], facts["iss"], facts.get("scope")) == (f"{org}-client", ask.server.issuer(org), scope)


def test_a_token_is_nothing_to_another_org(ask: Ask) -> None:
    """Orgs share no tokens: acme's is inactive at beta."""
    assert ask.introspect("beta", ask("acme", VIEW).json()["access_token"]) == {"active": False}


def test_revocation_ends_a_token(ask: Ask) -> None:
    """A token that its client revokes is inactive afterwards."""
    token = ask("acme", VIEW).json()["access_token"]
    revoked = ask.http.post(ask.server.revocation_url("acme"), data={"token": token}, auth=credentials("acme"))

    assert revoked.status_code == 200
    assert ask.introspect("acme", token) == {"active": False}


@pytest.mark.parametrize(
    "path",
    [
        "/delta/.well-known/openid-configuration",
        "/delta/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/delta",
    ],
)
def test_discovery(server: OidcServer, http: httpx.Client, path: str) -> None:
    """OpenID discovery and RFC 8414 metadata name the org's endpoints and scopes."""
    metadata = http.get(f"{server.url}{path}").json()

    assert metadata["issuer"] == server.issuer("delta")
    assert metadata["token_endpoint"] == server.token_url("delta")
    assert metadata["introspection_endpoint"] == server.introspection_url("delta")
    assert metadata["revocation_endpoint"] == server.revocation_url("delta")
    assert {VIEW, ANALYTICS, MANAGE} <= set(metadata["scopes_supported"])


def test_it_stops_with_the_block(http: httpx.Client) -> None:
    """When the block ends, nobody listens at the address any more."""
    oidc.require()
    with serve(ORGS) as short:
        assert http.get(f"{short.url}/acme/.well-known/openid-configuration").status_code == 200
    with pytest.raises(httpx.ConnectError):
        http.get(short.url)


def test_delay(http: httpx.Client) -> None:
    """An org with `delay_ms` answers no sooner."""
    oidc.require()
    slow = {**ORGS["orgs"]["acme"], "delay_ms": 300}
    with serve({"orgs": {"slow": slow}}) as running:
        answer = http.post(running.token_url("slow"), data={"grant_type": "client_credentials"})

    assert answer.elapsed.total_seconds() >= 0.3


def test_a_wrong_config_shows_what_the_server_said() -> None:
    """A client that may ask a scope which its org does not know ends the start, with org and client named."""
    oidc.require()
    client = {"client_id": "odd", "client_secret": "s", "scope": UNKNOWN, "grant_types": ["client_credentials"]}
    broken = serve({"orgs": {"broken": {"scopes": [VIEW], "clients": [client]}}})

    with pytest.raises(oidc.ServerError, match=r"orgs\.broken, client odd: scope must only contain"):
        broken.__enter__()


def test_https(tls: oidc.Tls) -> None:
    """With a key and a certificate the server speaks https, and a client that does not know it refuses to talk."""
    oidc.require()
    with serve({**ORGS, "tls": tls}) as running:
        with pytest.raises(httpx.ConnectError, match="self-signed"):
            httpx.get(running.url, trust_env=False)

        assert running.issuer("acme").startswith("https://127.0.0.1:")


def test_https_is_trusted_with_its_certificate(tls: oidc.Tls) -> None:
    """A client that trusts the certificate gets its token over https."""
    oidc.require()
    trust = ssl.create_default_context(cadata=tls["cert"])
    with serve({**ORGS, "tls": tls}) as running, httpx.Client(verify=trust, trust_env=False) as client:
        data = {"grant_type": "client_credentials", "scope": VIEW}
        answer = client.post(running.token_url("acme"), data=data, auth=credentials("acme"))

    assert answer.json()["scope"] == VIEW


@pytest.fixture
def no_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """A machine without Node."""
    oidc.available.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    yield monkeypatch
    oidc.available.cache_clear()


@pytest.mark.parametrize("ci", [None, "", "0", "false"])
def test_without_node_a_test_is_skipped(no_node: pytest.MonkeyPatch, ci: str | None) -> None:
    """On a desk without Node the tests that need the server are skipped, with the reason."""
    no_node.delenv("CI", raising=False) if ci is None else no_node.setenv("CI", ci)

    with pytest.raises(pytest.skip.Exception, match="no `node` on the PATH"):
        oidc.require()


def test_without_node_ci_fails(no_node: pytest.MonkeyPatch) -> None:
    """In CI the same is a failure, so that these tests are never left out unseen."""
    no_node.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="no `node` on the PATH"):
        oidc.require()
