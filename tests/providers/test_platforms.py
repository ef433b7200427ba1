"""What other platforms answer to the same failure (FACTS): read rightly, or left open."""

# ruff: noqa: E501 - answers, one a line

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from orgscope_kit.providers import AppFoundry, OAuth2, Reply
from orgscope_kit.providers.reading import named_scopes, retry_after_s


def refusal(status: int, body: Mapping[str, Any] | str) -> Reply:
    """A refusal as `send` hands it over."""
    if isinstance(body, str):
        return Reply(status, {}, None, body, False)
    return Reply(status, {}, body, json.dumps(body), False)


def said(code: str, text: str) -> dict[str, str]:
    """A body of RFC 6749 §5.2."""
    return {"error": code, "error_description": text}


KEYCLOAK, NOT_GRANTED = "Invalid scopes: a:x b:y", "Client has not been granted scopes: b:y"
AADSTS70011 = "AADSTS70011: The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope b:y is not valid. Trace ID: 1b2f"
AADSTS700016 = "AADSTS700016: Application with identifier 'app' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
AADSTS7000215 = "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app 'app'."
GOOGLE = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."
OKTA_SCOPE = "One or more scopes are not configured for the authorization server resource."
OKTA_POLICY = "Policy evaluation failed for this request, please check the policy configurations."
OKTA_CLIENT = {"errorCode": "invalid_client", "errorSummary": "Invalid value for 'client_id' parameter."}

ANSWERS: list[tuple[str, int, dict[str, str] | str, str, str | None, tuple[str, ...]]] = [
    ("okta scope", 400, said("invalid_scope", OKTA_SCOPE), "scope", None, ()),
    ("okta policy", 400, said("access_denied", OKTA_POLICY), "other", None, ()),
    ("okta client", 401, OKTA_CLIENT, "client", None, ()),
    ("auth0 scope", 403, said("access_denied", NOT_GRANTED), "scope", None, ("b:y",)),
    ("auth0 grant", 403, said("unauthorized_client", "Grant type 'client_credentials' not allowed for the client."), "grant", None, ()),
    ("auth0 secret", 401, said("access_denied", "Unauthorized"), "client", None, ()),
    ("keycloak echo", 400, said("invalid_scope", KEYCLOAK), "scope", None, ()),
    ("keycloak one", 400, said("invalid_scope", "Invalid scopes: b:y"), "scope", None, ("b:y",)),
    ("keycloak secret", 401, said("unauthorized_client", "Invalid client or Invalid client credentials"), "client", None, ()),
    ("keycloak grant", 401, said("unauthorized_client", "Client not enabled to retrieve service account"), "grant", None, ()),
    ("keycloak disabled", 401, said("unauthorized_client", "Client disabled"), "client", None, ()),
    ("entra scope", 400, said("invalid_scope", AADSTS70011), "scope", None, ("b:y",)),
    ("entra client", 400, said("unauthorized_client", AADSTS700016), "client", "unknown_client", ()),
    ("entra secret", 401, said("invalid_client", AADSTS7000215), "client", "wrong_secret", ()),
    ("salesforce scope", 400, said("invalid_grant", "no valid scopes defined"), "scope", None, ()),
    ("salesforce client", 400, said("invalid_client_id", "client identifier invalid"), "client", None, ()),
    ("salesforce user", 400, said("invalid_grant", "no client credentials user enabled"), "other", None, ()),
    ("google both", 401, said("unauthorized_client", GOOGLE), "other", None, ()),
    ("genesys unknown", 400, said("invalid_client", "client not found"), "client", "unknown_client", ()),
    ("either", 401, said("invalid_client", "Unknown client or invalid secret"), "client", None, ()),
    ("401 about scope", 401, said("invalid_scope", "nope"), "scope", None, ()),
    ("own grant code", 400, said("flow_disabled", "This flow is switched off"), "other", None, ()),
    ("empty 403", 403, "", "client", None, ()),
    ("gateway", 403, "<html><body>403 Forbidden, request 0f3</body></html>", "other", None, ()),
    ("error is a number", 404, {"error": 9}, "endpoint", None, ()),
    ("method", 401, said("invalid_request", "client_secret must be provided in the Authorization header"), "client", None, ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "body", "about", "half", "names"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_platform_answer(
    name: str, status: int, body: dict[str, str] | str, about: str, half: str | None, names: tuple[str, ...]
) -> None:
    """What a refusal is about, which half of the credential it blames, and the scopes that it singles out."""
    reading = OAuth2().read(refusal(status, body), ("a:x", "b:y"))
    assert "refused" == reading.outcome
    assert about == OAuth2().about(status, reading.error, reading.error_description)
    assert half == OAuth2().client_fault(reading.error_description)
    assert names == reading.named_scopes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Unknown scope 'b:y'", True),
        ("The scope b:y does not exist", True),
        (OKTA_SCOPE, True),
        ("The requested scope is invalid, unknown, or malformed.", False),
        ("Invalid or unknown scope", False),
        ("Scope is unknown or not granted", False),
        ("The scope b:y is not configured for this client", False),
        (AADSTS70011, False),
        (NOT_GRANTED, False),
    ],
)
def test_only_plain_words_say_that_a_scope_is_unknown(text: str, expected: bool) -> None:
    """A text that leaves a choice says nothing."""
    assert expected is OAuth2().says_unknown_scope(text)


@pytest.mark.parametrize(
    ("text", "requested", "expected"),
    [
        ("This client lacks a scope", ("client", "a"), ()),
        ("Scope 'client' is not granted to this client", ("client", "b:y"), ("client",)),
        ("Invalid scope: a", ("a", "b"), ("a",)),
        ("Invalid scope: Requested scope is invalid", ("is", "b"), ()),
        ("scope admin:org:read is refused", ("org:read", "admin:org:read"), ("admin:org:read",)),
        ("scope read/all.", ("read", "read/all"), ("read/all",)),
        ("", ("a",), ()),
    ],
)
def test_named_scopes(text: str, requested: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """Words of the sentence are no scopes, and parts of a scope are not the scope."""
    assert expected == named_scopes(text, requested)


def test_granted_scopes() -> None:
    """A list, an empty text and a comma are read; no `scope` is not stated."""

    def read(body: dict[str, Any]) -> tuple[str, tuple[str, ...] | None, bool | None]:
        reading = OAuth2().read(Reply(200, {}, body, "", True), ("a", "b"))
        return reading.outcome, reading.scope_granted, reading.scope_stated

    assert ("granted", ("a", "b"), True) == read({"scope": ["a", "b"]})
    assert ("granted", ("a", "b"), True) == read({"scope": "a,b"})
    assert ("narrowed", (), True) == read({"scope": ""})
    assert ("granted", None, False) == read({"scope": None})
    assert ("granted", None, False) == read({})


def test_outcomes_that_are_no_refusal() -> None:
    """A rate limit, an error of the server and a page are told apart from refusals."""
    limit = said("invalid_request", "rate limit exceeded for this client")
    assert "limited" == AppFoundry().read(refusal(400, limit), ("a",)).outcome
    assert "limited" == OAuth2().read(refusal(429, ""), ("a",)).outcome
    assert "failed" == OAuth2().read(refusal(400, {"error": "temporarily_unavailable"}), ("a",)).outcome
    assert "unreadable" == OAuth2().read(refusal(200, "<html>"), ("a",)).outcome
    assert None is retry_after_s("soon")


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("unauthorized_client", "The client is not authorized for this organization.", "context"),
        ("invalid_request", "Unknown organization", "context"),
        ("invalid_request", "org_id is required", "context"),
        ("invalid_scope", "The requested scope 'a' is not authorized for this client.", "scope"),
    ],
)
def test_appfoundry_context(code: str, text: str, expected: str) -> None:
    """What speaks of the organization is about the context."""
    assert expected == AppFoundry().about(403, code, text)
