"""What a JWT says of itself: read without verifying, bounded, and never taken for a word of the answer."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from providers.scripted import orgs_of, settle, token
from send.send_asking import settle as settle_batch

from orgscope_kit.ask.evidence import learn
from orgscope_kit.providers import Reading, named
from orgscope_kit.send.answers import claims_of

PRIVATE = "private-claim-4711"


def part(value: Any) -> str:
    """A part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def jwt(claims: Any, header: Any = None) -> str:
    """A signed JWT whose signature nobody looks at."""
    return f"{part(header or {'alg': 'RS256', 'typ': 'at+jwt'})}.{part(claims)}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        "opaque", "a.b.c", "", "..", "a.b", jwt(["list"]), jwt({"a": 1}, {"typ": "JWT"}), jwt({"a": 1}) + ".d.e",
        f"{part({'alg': 'x'})}.!!!.x", jwt({"a": "x" * 70_000}), f"{part({'alg': 'x'})}./w.x",
        f"{part({'alg': 'x'})}.{base64.urlsafe_b64encode(b'[' * 9000).decode().rstrip('=')}.x",
    ],
)  # fmt: skip
def test_no_claims(text: str) -> None:
    """What is no signed JWT of usual size has none."""
    assert None is claims_of(text)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_claims_of_never_raises(text: str) -> None:
    """Whatever a server issues as a token."""
    for each in (text, f"{text}.{text}.{text}", f"{part({'alg': 'x'})}.{text}.x"):
        claims_of(each)


@pytest.mark.parametrize(
    ("claims", "asked", "outcome", "scopes"),
    [
        ({"scope": "a b"}, ("a", "b"), "granted", ("a", "b")),
        ({"scope": ["a"]}, ("a", "b"), "narrowed", ("a",)),
        ({"scp": ["a", "b"]}, ("a",), "granted", ("a", "b")),
        ({"scope": ""}, ("a",), "narrowed", ()),
        ({"roles": ["a"]}, ("a",), "granted", None),
        ({"scope": 7}, ("a",), "granted", None),
        ({"scope": "a,b"}, ("a",), "granted", None),
        ({"scope": "a"}, ("a", "openid"), "granted", None),
        ({}, ("a",), "granted", None),
    ],
)
def test_scopes_of_claims(
    claims: dict[str, Any], asked: tuple[str, ...], outcome: str, scopes: tuple[str, ...] | None
) -> None:
    """RFC 9068's member, or `scp`; without one, or in a form of the server's own, nothing is said."""
    reading = named("oauth2").with_claims(Reading("granted", scope_stated=False), claims, asked)
    assert (outcome, scopes, False) == (reading.outcome, reading.scope_granted, reading.scope_stated)


def test_answer_counts_before_the_claims() -> None:
    """Where the answer states its scopes, the claims change nothing."""
    stated = Reading("narrowed", scope_granted=("a",), scope_stated=True)
    assert stated == named("oauth2").with_claims(stated, {"scope": "a b"}, ("a", "b"))


def test_claims_count_as_told_and_teach_no_style() -> None:
    """The scope that the token lacks is missing; that the server states scopes is not concluded."""
    orgs = orgs_of("oauth2", {"acme": {"token_url": "https://auth.example/token"}}, ["a", "b"])
    result = settle(orgs, lambda org, probe: (token(), {"scope": " ".join({*(probe.scopes or ())} & {"a"})}))
    assert () == learn(orgs[0], result.exchanges["acme"]).states_granted
    assert "inconclusive" == result.verdicts["acme"].cause
    assert {"scope_not_granted", "scope_unknown"} <= {each.cause for each in result.verdicts["acme"].runners_up}
    assert any("b" in each.says for each in result.verdicts["acme"].evidence)


def test_claims_settle_an_answer_without_scope_at_once() -> None:
    """No control request is needed where the token tells."""
    orgs = orgs_of("oauth2", {"acme": {"token_url": "https://auth.example/token"}}, ["a", "b"])
    result = settle(orgs, lambda org, probe: (token(), {"scope": "a b"}))
    assert ("works", 1) == (result.verdicts["acme"].cause, len(result.probes["acme"]))


def test_only_scopes_and_org_of_a_jwt_are_kept(tmp_path: Path) -> None:
    """Over the real sender: no other claim, and no part of the token, is in any row or in the journal."""
    claims = {"scope": "a", "org_id": "org-1", "sub": PRIVATE, "email": f"{PRIVATE}@x.example", "iss": "https://x"}
    access = jwt(claims)
    body = json.dumps({"access_token": access, "token_type": "Bearer"}).encode()
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=httpx.ByteStream(body)))
    rows = settle_batch(tmp_path, {"acme": {"token_url": "https://auth.example/token"}}, transport=transport).every
    first = rows[0]
    assert ("granted", ("a",), False, "org-1") == (
        first.outcome, first.scope_granted, first.scope_stated, first.token_org,
    )  # fmt: skip
    kept = json.dumps([asdict(row) for row in rows], default=str).encode() + (tmp_path / "journal.sqlite").read_bytes()
    assert not [each for each in (PRIVATE, *access.split(".")) if each.encode() in kept]
