"""The recorded replies of three independent servers, read as the bodies themselves say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orgscope_kit.providers import OAuth2, Reply

FOLDER = Path(__file__).parent.parent / "data" / "replies"
SERVERS = ("node-oauth2-server", "oidc-provider", "oauth2-mock-server")
CASES = [
    pytest.param(server, case, id=f"{server}-{case['case']}")
    for server in SERVERS
    for case in json.loads((FOLDER / f"{server}.json").read_text("utf-8"))["cases"]
]

#: What a refusal of each recorded case is about, by what was done to get it.
ABOUT = {
    "good_ungranted": "scope",
    "mix_granted_ungranted": "scope",
    "mix_ungranted_first": "scope",
    "unknown_scope": "scope",
    "mix_granted_unknown": "scope",
    "scopes_200_unknown": "scope",
    "scopes_200_one_bad": "scope",
    "wrong_secret_basic": "client",
    "wrong_secret_post": "client",
    "wrong_secret_ungranted": "client",
    "secret_trailing_newline": "client",
    "secret_trailing_space": "client",
    "unknown_client_basic": "client",
    "unknown_client_post": "client",
    "empty_secret_basic": "client",
    "no_auth": "client",
    "both_auth": "client",
    "special_secret_raw": "client",
    "special_secret_encoded": "client",
    "client_not_allowed_grant": "grant",
    "grant_password": "grant",
    "get_method": "endpoint",
    "unknown_tenant": "endpoint",
}


def reply_of(case: dict[str, Any]) -> Reply:
    """The recorded answer as `send` hands it over: token members taken out."""
    try:
        body = json.loads(case["body"])
    except ValueError:
        body = None
    members = ("access_token", "refresh_token", "id_token")
    payload = {key: value for key, value in body.items() if key not in members} if isinstance(body, dict) else None
    return Reply(case["status"], case["headers"], payload, case["body"], isinstance(body, dict) and members[0] in body)


@pytest.mark.parametrize(("server", "case"), CASES)
def test_recorded_reply_is_read_as_its_body_says(server: str, case: dict[str, Any]) -> None:
    """Outcome, error, named and granted scopes are those of the recorded body."""
    asked = tuple(case["asked"]) if case["asked"] is not None else None
    reading = OAuth2().read(reply_of(case), asked)
    body = json.loads(case["body"]) if case["body"].startswith("{") else {}
    if "access_token" in body:
        stated = body["scope"].split() if "scope" in body else None
        short = stated is not None and bool(set(asked or ()) - set(stated))
        assert ("narrowed" if short else "granted") == reading.outcome
        assert (None if stated is None else list(dict.fromkeys(stated))) == (
            None if reading.scope_granted is None else list(reading.scope_granted)
        )
        assert (stated is not None) is reading.scope_stated
        return
    assert ("failed" if case["status"] >= 500 else "refused") == reading.outcome
    assert body.get("error") == reading.error
    assert None is reading.scope_granted
    if "error_description" in body:
        assert body["error_description"] == reading.error_description
    told = body.get("scope", "").split()
    names = tuple(scope for scope in asked or () if scope in told) if "scope" in body else ()
    assert (() if len(names) == len(asked or ()) > 1 else names) == reading.named_scopes


@pytest.mark.parametrize(("server", "case"), CASES)
def test_recorded_refusal_is_about_what_was_done(server: str, case: dict[str, Any]) -> None:
    """A refusal is put down to what the recording did wrong, or to nothing."""
    reading = OAuth2().read(reply_of(case), tuple(case["asked"] or ()))
    if reading.outcome != "refused" or case["case"] not in ABOUT:
        return
    assert ABOUT[case["case"]] == OAuth2().about(case["status"], reading.error, reading.error_description)
    assert None is OAuth2().client_fault(reading.error_description)
    assert not OAuth2().says_unknown_scope(reading.error_description)
