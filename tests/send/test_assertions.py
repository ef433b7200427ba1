"""Client assertions and what surrounds them, without a server: a function plays it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey
from send_asking import settle
from servers.keys import private_pem

from orgscope_kit.ask.verdict import Facts, judge

URL = "https://auth.example/token"
REFUSED = httpx.Response(401, json={"error": "invalid_client"})


class Unread(httpx.AsyncByteStream):
    """A body that was not read yet, as the network brings it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


class Server(httpx.AsyncBaseTransport):
    """Answers by a function of the form; keeps the forms."""

    def __init__(self, answer: Callable[[dict[str, str], int], httpx.Response]) -> None:
        self.forms: list[dict[str, str]] = []
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Reads the form, and Basic as ``client_id``."""
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            form["client_id"] = base64.b64decode(pair).decode().partition(":")[0]
        self.forms.append(form | {"path": request.url.path})
        answer = self._answer(self.forms[-1], len(self.forms))
        return httpx.Response(answer.status_code, headers=answer.headers, stream=Unread(answer.content))


def granted(scope: str = "a") -> httpx.Response:
    """A token answer."""
    return httpx.Response(200, json={"access_token": "token-of-the-test-4f", "token_type": "Bearer", "scope": scope})


def by_key(folder: Path, key: ECKey, **keys: Any) -> dict[str, Any]:
    """The keys of an org whose client signs."""
    (folder / "key.pem").write_text(private_pem(key), "utf-8")
    own = {"auth_method": "private_key_jwt", "client_key": "file:key.pem", "client_secret": None}
    return {"token_url": URL, **own, **keys}


def test_claims(tmp_path: Path) -> None:
    """An assertion names the client twice and the token endpoint, lives a minute, and has an id of its own."""
    key = ECKey.generate_key("P-256")
    server = Server(lambda form, number: granted())
    settle(tmp_path, {"acme": by_key(tmp_path, key, client_key_id="k-1")}, transport=server)
    (form,) = server.forms
    token = jwt.decode(form["client_assertion"], key, algorithms=["ES256"])
    assert "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" == form["client_assertion_type"]
    assert ("k-1", "acme-client", "acme-client", URL) == (
        token.header["kid"], token.claims["iss"], token.claims["sub"], token.claims["aud"],
    )  # fmt: skip
    assert 0 < token.claims["exp"] - token.claims["iat"] <= 120
    assert len(token.claims["jti"]) >= 20


def test_a_retry_signs_anew(tmp_path: Path) -> None:
    """No assertion is sent twice, not even when the first got no answer."""
    server = Server(lambda form, number: granted() if number > 1 else httpx.Response(503, headers={"retry-after": "0"}))
    settle(tmp_path, {"acme": by_key(tmp_path, ECKey.generate_key("P-256"))}, transport=server)
    assert 2 == len(server.forms) == len({form["client_assertion"] for form in server.forms})


def test_an_echoed_assertion_is_not_kept(tmp_path: Path) -> None:
    """A server that writes back what it was sent, in base64 even, puts no assertion into the journal."""

    def echo(form: dict[str, str], number: int) -> httpx.Response:
        sent = form["client_assertion"]
        text = f"bad: {sent} or {base64.b64encode(sent.encode()).decode()}"
        return httpx.Response(400, json={"error": "invalid_request", "error_description": text})

    server = Server(echo)
    settled = settle(tmp_path, {"acme": by_key(tmp_path, ECKey.generate_key("P-256"))}, transport=server)
    assert {"bad: [redacted] or [redacted]"} == {row.error_description for row in settled.every}


def twins(folder: Path, server: Server, **different: Any) -> Any:
    """Two orgs with one client and one secret; what differs is said of the second."""
    both = {"token_url": URL, "client_id": "shared", "secret": "one-secret-of-two-orgs"}
    return settle(folder, {"one": both, "two": both | different}, transport=server)


def test_a_rejected_client_is_asked_no_more(tmp_path: Path) -> None:
    """The second org is not asked, is settled, and gets the verdict of the first with its exchange."""
    server = Server(lambda form, number: REFUSED)
    settled = twins(tmp_path, server)
    assert (1, True, {"one": "settled", "two": "settled"}) == (len(server.forms), settled.complete, settled.endings)
    orgs = [settled.batch._orgs[0], settled.batch._orgs[1]]
    verdicts = judge(orgs, settled.rows, Facts(twins=(("one", "two"),)))
    assert {"one": "client_rejected", "two": "client_rejected"} == {n: v.cause for n, v in verdicts.items()}
    assert "one's answer" in " ".join(each.says for each in verdicts["two"].evidence)


def test_twins_do_not_wait_for_a_stopped_run(tmp_path: Path) -> None:
    """A stop ends the run although the org that the other waits for was not asked."""
    both = {"token_url": URL, "client_id": "shared", "secret": "one-secret-of-two-orgs"}
    server = Server(lambda form, number: REFUSED)
    settled = settle(
        tmp_path, {"zero": {"token_url": URL}, "one": both, "two": both}, transport=server,
        limits={"concurrency": 1}, watching=lambda batch, progress: batch.stop(),
    )  # fmt: skip
    assert (False, 0) == (settled.complete, len(settled.rows["one"]) + len(settled.rows["two"]))


def test_another_way_is_another_question(tmp_path: Path) -> None:
    """Where the file presents the same credential in another way, the refusal of the first says nothing of it."""
    server = Server(lambda form, number: granted() if "client_secret" in form else REFUSED)
    settled = twins(tmp_path, server, auth_method="client_secret_post")
    assert ("refused", "granted") == (settled.rows["one"][0].outcome, settled.rows["two"][0].outcome)


def test_an_accepted_client_is_asked_in_both(tmp_path: Path) -> None:
    """Twins whose client is accepted are both asked."""
    settled = twins(tmp_path, Server(lambda form, number: granted()))
    assert ["granted", "granted"] == [row.outcome for row in settled.every]


def metadata(**more: Any) -> httpx.Response:
    """The metadata of https://auth.example, with the token endpoint at its place."""
    return httpx.Response(200, json={"issuer": "https://auth.example", "token_endpoint": URL, **more})


def test_openid_configuration_comes_second(tmp_path: Path) -> None:
    """Where RFC 8414's place is empty, OpenID's is asked; no credential goes to either."""

    def answer(form: dict[str, str], number: int) -> httpx.Response:
        if form["path"] == "/token":
            return granted()
        return metadata() if form["path"].endswith("openid-configuration") else httpx.Response(404)

    server = Server(answer)
    settled = settle(tmp_path, {"acme": {"issuer": "https://auth.example"}}, transport=server)
    assert ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/token"] == [
        form["path"] for form in server.forms
    ]
    assert ["inspect", "inspect", "baseline"] == [row.purpose for row in settled.every]
    assert "client_id" not in server.forms[0] and "client_id" not in server.forms[1]


def test_no_secret_to_another_host(tmp_path: Path) -> None:
    """A token endpoint on another host than the issuer's gets nothing, unless the file names it."""
    elsewhere = metadata(token_endpoint="https://other.example/token")
    server = Server(lambda form, number: granted() if form["path"] == "/token" else elsewhere)
    issuer = {"issuer": "https://auth.example"}
    settled = settle(tmp_path, {"acme": issuer}, transport=server)
    assert {"token_endpoint_elsewhere"} == {row.error for row in settled.every}
    (verdict,) = judge(settled.batch._orgs, settled.rows).values()
    assert "wrong_endpoint" == verdict.cause
    (tmp_path / "named").mkdir()
    named = settle(tmp_path / "named", {"acme": issuer | {"token_url": URL}}, transport=server)
    assert ("baseline", "granted") == (named.every[-1].purpose, named.every[-1].outcome)


def test_a_resumed_run_asks_no_metadata_again(tmp_path: Path) -> None:
    """What an issuer said is journaled."""
    server = Server(lambda form, number: granted() if form["path"] == "/token" else metadata())
    orgs = {"acme": {"issuer": "https://auth.example"}}
    settle(tmp_path, orgs, transport=server)
    again = settle(tmp_path, orgs, transport=server)
    assert (2, True) == (len(server.forms), again.complete)
    assert URL == again.every[-1].endpoint


def test_refused_revocation_is_not_tried_again(tmp_path: Path) -> None:
    """A server that refuses to revoke is asked once, and the diagnosis is as good."""

    def answer(form: dict[str, str], number: int) -> httpx.Response:
        if form["path"] == "/revoke":
            return httpx.Response(403)
        return granted() if form["scope"] == "a" else httpx.Response(400, json={"error": "invalid_scope"})

    server = Server(answer)
    own = {"token_url": URL, "revocation_url": "https://auth.example/revoke", "scopes": ["a", "b"]}
    settled = settle(tmp_path, {"acme": own}, transport=server)
    assert 1 == sum(form["path"] == "/revoke" for form in server.forms)
    assert "/revoke" not in {row.endpoint for row in settled.every}
