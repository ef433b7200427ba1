"""How clients show who they are, on a real server over TLS: each method, certificates, discovery, revocation."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from servers.keys import certified, private_pem, public_jwk
from servers.oidc import ANALYTICS, MANAGE, UNKNOWN, VIEW, OidcServer, require, serve

from orgscope_kit.desk.investigation import Investigation
from orgscope_kit.desk.run import Run
from orgscope_kit.errors import InvestigationError

pytestmark = pytest.mark.server
ALL = [VIEW, ANALYTICS, MANAGE]
SECRET = "shared-secret-of-thirty-two-bytes-or-more-4Kd"
RSA, EC, ED = RSAKey.generate_key(2048), ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
HOST, MINE, OTHER = certified("127.0.0.1"), certified("mutual-client"), certified("somebody-else")


def client(client_id: str, method: str, **more: Any) -> dict[str, Any]:
    """A client that may ask for everything, by one method."""
    return {
        "client_id": client_id, "grant_types": ["client_credentials"], "token_endpoint_auth_method": method, **more,
    }  # fmt: skip


def jwks(*keys: Mapping[str, Any]) -> dict[str, Any]:
    """The public keys of a client."""
    return {"jwks": {"keys": list(keys)}}


CLIENTS = [
    client("basic", "client_secret_basic", client_secret=SECRET),
    client("post", "client_secret_post", client_secret=SECRET),
    client("hmac", "client_secret_jwt", client_secret=SECRET),
    client("rsa", "private_key_jwt", **jwks(public_jwk(RSA, kid="one"))),
    client("ec", "private_key_jwt", **jwks(public_jwk(EC))),
    client("ed", "private_key_jwt", token_endpoint_auth_signing_alg="EdDSA", **jwks(public_jwk(ED))),
    client("mutual", "tls_client_auth", tls_client_auth_subject_dn="CN=mutual-client"),
    client("selfsigned", "self_signed_tls_client_auth", **jwks(MINE.jwk)),
    client("limited", "client_secret_basic", client_secret=SECRET, scope=VIEW),
    client("odd", "client_secret_basic", client_secret="s+cr%41t:/of odd signs"),
]
METHODS = [
    "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth",
    "self_signed_tls_client_auth", "none",
]  # fmt: skip
POST_ONLY = [client("post", "client_secret_post", client_secret=SECRET)]
CONFIG: dict[str, Any] = {
    "orgs": {
        "acme": {"scopes": ALL, "clients": CLIENTS, "methods": METHODS},
        "posting": {"scopes": ALL, "clients": POST_ONLY, "methods": ["client_secret_post"]},
    },
    "tls": {"key": HOST.key, "cert": HOST.cert},
}


@pytest.fixture(scope="module")
def server() -> Iterator[OidcServer]:
    """One server for the module, its certificate signed by itself."""
    require()
    with serve(CONFIG) as running:
        yield running


@pytest.fixture
def ask(server: OidcServer, tmp_path: Path) -> Any:
    """Run an investigation of orgs given by their keys; URLs of acme are filled in."""
    HOST.written(tmp_path, "host")
    (tmp_path / "secret").write_text(SECRET, "utf-8")

    def run(orgs: Mapping[str, Mapping[str, Any]], scopes: list[str] = ALL, **keys: Any) -> Run:
        entries = {}
        for name, own in orgs.items():
            at = {} if "issuer" in own else {"token_url": server.token_url("acme")}
            known = {"client_id": name, "verify": "host.crt", **at}
            entries[name] = {key: value for key, value in {**known, **own}.items() if value is not None}
        investigation = Investigation(
            title="clients", scopes=scopes, orgs=entries, folder=tmp_path,
            limits={"rate_per_s": 200, "concurrency": 4, **keys.pop("limits", {})}, **keys,
        )  # fmt: skip
        return investigation.run_here(out=tmp_path / "runs")

    return run


def by_secret(**keys: Any) -> dict[str, Any]:
    """An org whose client has the shared secret."""
    return {"client_secret": {"file": "secret"}, **keys}


def by_key(folder: Path, key: RSAKey | ECKey | OKPKey, **keys: Any) -> dict[str, Any]:
    """An org whose client has a private key, in a file as PEM."""
    path = folder / f"key-{len(list(folder.iterdir()))}.pem"
    path.write_text(private_pem(key), "utf-8")
    return {"auth_method": "private_key_jwt", "client_key": {"file": path.name}, **keys}


def cause(run: Run, org: str) -> tuple[str, tuple[str, ...]]:
    """What the diagnosis says of an org."""
    return run.diagnosis[org].cause, run.diagnosis[org].scopes


def texts(run: Run) -> str:
    """Everything that the run folder holds."""
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in run.path.iterdir())


def test_secret_methods(ask: Any) -> None:
    """Basic, post and an assertion signed with the secret: each client works by its own."""
    orgs = {
        "basic": by_secret(),
        "post": by_secret(auth_method="client_secret_post"),
        "hmac": by_secret(auth_method="client_secret_jwt"),
    }
    run = ask(orgs)
    assert dict.fromkeys(orgs, ("works", ())) == {name: cause(run, name) for name in orgs}
    assert "client_secret_jwt" in set(run.observations["auth_method"])


def test_private_keys(ask: Any, tmp_path: Path) -> None:
    """RSA, EC and Ed25519 keys sign by the algorithm of their type, and nothing of them is written down."""
    orgs = {
        "rsa": by_key(tmp_path, RSA, client_key_id="one"),
        "ec": by_key(tmp_path, EC),
        "ed": by_key(tmp_path, ED),
    }
    run = ask(orgs)
    assert dict.fromkeys(orgs, ("works", ())) == {name: cause(run, name) for name in orgs}
    assert not re.search(r"PRIVATE KEY|\beyJ[\w-]{20,}\.[\w-]+\.", texts(run))


def test_jwk_and_algorithm(ask: Any, tmp_path: Path) -> None:
    """A key may stand as JWK, and sign by another algorithm of its type."""
    (tmp_path / "key.jwk").write_text(json.dumps(RSA.as_dict(private=True)), "utf-8")
    org = {"auth_method": "private_key_jwt", "client_key": {"file": "key.jwk"}, "client_key_alg": "PS256"}
    assert ("works", ()) == cause(ask({"rsa": org}), "rsa")


def test_key_of_another_client(ask: Any, tmp_path: Path) -> None:
    """A key that the server does not know is rejected, and the server does not say why."""
    assert ("client_rejected", ()) == cause(ask({"ec": by_key(tmp_path, ECKey.generate_key("P-256"))}), "ec")


def test_client_certificates(ask: Any, tmp_path: Path) -> None:
    """A client is known by its certificate, by its subject or by its very key; another's is rejected."""
    for name, pair in (("mine", MINE), ("other", OTHER)):
        pair.written(tmp_path, name)
    both = (tmp_path / "both.pem", MINE.cert + MINE.key)
    both[0].write_text(both[1], "utf-8")
    mine = {"client_certificate": "mine.crt", "client_certificate_key": {"file": "mine.key"}}
    other = {"client_certificate": "other.crt", "client_certificate_key": {"file": "other.key"}}
    orgs = {
        "mutual": {"auth_method": "tls_client_auth", **mine},
        "selfsigned": {"auth_method": "self_signed_tls_client_auth", "client_certificate": "both.pem"},
        "stranger": {"auth_method": "tls_client_auth", "client_id": "mutual", **other},
    }
    run = ask(orgs)
    expected = {"mutual": "works", "selfsigned": "works", "stranger": "client_rejected"}
    assert expected == {name: verdict.cause for name, verdict in run.diagnosis.items()}


def test_untrusted_certificate(ask: Any) -> None:
    """A server whose certificate no one vouches for is told so, with `verify` set it works."""
    run = ask({"post": by_secret(verify=None), "basic": by_secret()})
    assert (("tls_untrusted", ()), ("works", ())) == (cause(run, "post"), cause(run, "basic"))


def test_another_method_works(ask: Any, server: OidcServer) -> None:
    """A client registered for post and presented by Basic is accepted at the third way."""
    run = ask({"post": by_secret(token_url=server.token_url("posting"))}, limits={"auth_tries": 3})
    assert ("auth_method_mismatch", ()) == cause(run, "post")


def test_metadata_tell_the_method(ask: Any, server: OidcServer) -> None:
    """Where only the metadata show that the server does not take the file's method, they are the evidence."""
    run = ask({"post": by_secret(issuer=server.issuer("posting"))})
    verdict = run.diagnosis["post"]
    assert "auth_method_mismatch" == verdict.cause
    assert "client_secret_post" in verdict.evidence[-1].says
    assert "inspect" == run.by_org["post"][verdict.evidence[-1].exchanges[0] - 1].purpose


def test_secret_with_odd_signs(ask: Any, tmp_path: Path) -> None:
    """A secret is percent-encoded in Basic, as this server asks for: no other presentation is tried."""
    (tmp_path / "odd").write_text("s+cr%41t:/of odd signs", "utf-8")
    run = ask({"odd": {"client_secret": {"file": "odd"}}})
    assert ("works", ()) == cause(run, "odd")


def test_secret_that_is_encoded_already(ask: Any, tmp_path: Path) -> None:
    """A secret that was copied in its percent-encoded form is accepted as it stands, and only so."""
    (tmp_path / "odd").write_text("s%2Bcr%2541t%3A%2Fof%20odd%20signs", "utf-8")
    run = ask({"odd": {"client_secret": {"file": "odd"}}})
    assert ("secret_encoding", ()) == cause(run, "odd")


def test_revocation(ask: Any, server: OidcServer) -> None:
    """Every token is revoked after it was looked at: the run counts them, and the report says so."""
    urls = {"introspection_url": server.introspection_url("acme"), "revocation_url": server.revocation_url("acme")}
    run = ask({"basic": by_secret(**urls)})
    assert ("works", ()) == cause(run, "basic")
    counts = run.info["counts"]
    assert counts["tokens_minted"] == counts["tokens_revoked"] == 1
    assert "1 minted, 1 revoked" in (run.path / "report.html").read_text("utf-8")


def test_revoked_is_inactive(server: OidcServer, tmp_path: Path) -> None:
    """The server itself says that a token is inactive once it was revoked as the kit does it."""
    context = ssl.create_default_context(cafile=HOST.written(tmp_path, "host")[0])
    auth = ("basic", SECRET)
    with httpx.Client(verify=context, auth=auth) as http:
        form = {"grant_type": "client_credentials", "scope": VIEW}
        token = http.post(server.token_url("acme"), data=form).json()["access_token"]
        ask_server = {"token": token, "token_type_hint": "access_token"}
        before = http.post(server.introspection_url("acme"), data=ask_server).json()
        http.post(server.revocation_url("acme"), data=ask_server)
        after = http.post(server.introspection_url("acme"), data=ask_server).json()
    assert (True, False) == (before["active"], after["active"])


def test_discovery(ask: Any, server: OidcServer) -> None:
    """An issuer is enough: its metadata name the endpoints, which orgs of one issuer ask for once."""
    run = ask({name: by_secret(issuer=server.issuer("acme"), client_id="basic") for name in ("one", "two")})
    assert (("works", ()), ("works", ())) == (cause(run, "one"), cause(run, "two"))
    asked = [row.endpoint for row in run.exchanges if ".well-known" in row.endpoint]
    assert [f"{server.url}/.well-known/oauth-authorization-server/acme"] == asked
    assert run.info["counts"]["tokens_minted"] == run.info["counts"]["tokens_revoked"] > 0
    again = Run.open(run.path)
    assert run.diagnosis.text() == again.diagnosis.text()
    assert server.token_url("acme") == again.spec.orgs[0].token_url


def test_discovered_server_takes_assertions(ask: Any, server: OidcServer, tmp_path: Path) -> None:
    """Where the issuer was discovered, an assertion is meant for it."""
    run = ask({"ec": by_key(tmp_path, EC, issuer=server.issuer("acme"))})
    assert ("works", ()) == cause(run, "ec")
    assert run.info["counts"]["tokens_revoked"] == run.info["counts"]["tokens_minted"]


def test_metadata_know_the_scopes(ask: Any, server: OidcServer) -> None:
    """A refused scope that the metadata list is not granted; a scope that they leave out is unknown, if refused."""
    run = ask({"limited": by_secret(issuer=server.issuer("acme"))})
    assert ("scope_not_granted", (ANALYTICS, MANAGE)) == cause(run, "limited")
    assert "scope_unknown" in {each.cause for each in run.diagnosis["limited"].ruled_out}


def test_unlisted_scope_that_is_dropped(ask: Any, server: OidcServer) -> None:
    """A scope that the metadata leave out and the server drops in silence: no refusal, so no claim."""
    run = ask({"basic": by_secret(issuer=server.issuer("acme"))}, scopes=[VIEW, UNKNOWN])
    assert "inconclusive" == run.diagnosis["basic"].cause


def test_wrong_issuer(ask: Any, server: OidcServer) -> None:
    """Metadata that name another issuer are not used, and no secret is sent."""
    run = ask({"basic": by_secret(issuer=server.issuer("acme") + "/")})
    verdict = run.diagnosis["basic"]
    assert "wrong_endpoint" == verdict.cause
    assert "RFC 8414" in verdict.evidence[0].says
    assert {"inspect"} == set(run.observations["purpose"])


def test_no_issuer_there(ask: Any, server: OidcServer) -> None:
    """An issuer without metadata is a wrong endpoint, asked once for all orgs that name it."""
    run = ask({name: by_secret(issuer=server.issuer("nobody"), client_id="basic") for name in ("one", "two")})
    assert ["wrong_endpoint"] * 2 == [verdict.cause for verdict in run.diagnosis.values()]
    assert 2 == len(run.exchanges)


def test_twins_are_refused_once(ask: Any) -> None:
    """A client that is rejected in one org is asked no more in another that presents it alike; both are told."""
    run = ask({name: by_secret(client_id="nobody") for name in ("one", "two", "three")})
    assert ["client_rejected"] * 3 == [verdict.cause for verdict in run.diagnosis.values()]
    assert 1 == len(run.exchanges)
    assert "done" == run.state


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("no key at all", "holds neither PEM nor JWK"),
        (EC.as_pem(private=False).decode(), "holds a public key"),
        (EC.as_pem(private=True, password="p").decode(), "locked by a passphrase"),
        (MINE.cert, "holds a certificate"),
        ('{"kty": "oct", "k": "AAAA"}', "is no JWK of type RSA, EC or OKP"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "holds no readable key"),
    ],
)
def test_unusable_keys(tmp_path: Path, text: str, what: str) -> None:
    """A key that cannot sign is a problem of the file, told by its place and never by its content."""
    (tmp_path / "key.pem").write_text(text, "utf-8")
    org = {"token_url": "https://a.example/t", "client_id": "me", "auth_method": "private_key_jwt"}
    org["client_key"] = "file:key.pem"
    investigation = Investigation(scopes="a", orgs={"acme": org}, folder=tmp_path)
    problem = next(each for each in investigation.problems() if each.severity == "error")
    assert ("investigation: orgs.acme.client_key", True) == (problem.place, what in problem.what)
    with pytest.raises(InvestigationError, match="client_key"):
        investigation.run_here(out=tmp_path / "runs")


def test_algorithm_of_another_type(tmp_path: Path) -> None:
    """An algorithm that the key cannot sign with is told before anything is sent."""
    org = {"token_url": "https://a.example/t", "client_id": "me", **by_key(tmp_path, RSA, client_key_alg="ES256")}
    investigation = Investigation(scopes="a", orgs={"acme": org}, folder=tmp_path)
    assert ["cannot sign with ES256"] == [
        each.what.partition(" (")[0].partition(" ")[2] for each in investigation.problems() if each.severity == "error"
    ]
