"""Platforms of the field (FACTS) through the generic provider: what is claimed is right, or left open."""

from __future__ import annotations

from typing import Any

import pytest
from server_model import Server, Style, reply, run

from orgscope_kit.providers import Reply
from orgscope_kit.records import Org, Probe

GOOD, BAD = "a:x", "b:y"
AADSTS70011 = "AADSTS70011: The provided value for 'scope' is not valid. The scope {} is not valid. Trace ID: {:04d}-1b"


class Scripted(Server):
    """Answers by a function of the request and its number."""

    def __init__(self, script: Any) -> None:
        super().__init__(Style(), frozenset(), {}, {})
        self.script = script

    def answer(self, org: Org, probe: Probe, secret: str) -> tuple[Reply | str, str | None]:
        """What the script says."""
        self.asked.append((org, probe))
        return self.script(probe.scopes, len(self.asked)), None


def error(status: int, code: str, text: str) -> Reply:
    """A refusal of RFC 6749 §5.2."""
    return reply(status, {"error": code, "error_description": text})


def token(scopes: tuple[str, ...] | None) -> Reply:
    """A token that states its scopes; none where ``scopes`` is ``None``."""
    body = {"token_type": "Bearer"} | ({"scope": " ".join(scopes)} if scopes else {})
    return Reply(200, {}, body, "", True)


def keycloak(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """Echoes the whole request."""
    bad = set(scopes or ()) - {GOOD}
    return error(400, "invalid_scope", f"Invalid scopes: {' '.join(scopes or ())}") if bad else token(scopes or (GOOD,))


def auth0(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """403 `access_denied`, and the scopes by name."""
    bad = [scope for scope in scopes or () if scope != GOOD]
    text = f"Client has not been granted scopes: {', '.join(bad)}"
    return error(403, "access_denied", text) if bad else token((GOOD,))


def okta_scope(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """A scope that the authorization server has no entry for."""
    text = "One or more scopes are not configured for the authorization server resource."
    return token(scopes) if scopes == (GOOD,) else error(400, "invalid_scope", text)


def okta_policy(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """A policy that refuses every scope; without any, the server asks for one."""
    text = "Policy evaluation failed for this request, please check the policy configurations."
    return error(400, "access_denied", text) if scopes else error(400, "invalid_scope", "'scope' must be provided.")


def entra(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """An id in each text, different each time."""
    return error(400, "invalid_scope", AADSTS70011.format(" ".join(scopes or ()), number))


def entra_client(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """A client that is not in this tenant."""
    text = "AADSTS700016: Application with identifier 'app' was not found in the directory 'Contoso'."
    return error(400, "unauthorized_client", text)


def entra_secret(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """A wrong secret, said in words."""
    return error(
        401, "invalid_client", "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is …"
    )


def salesforce(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """Drops scopes in silence, and refuses when none is left."""
    left = tuple(scope for scope in scopes or (GOOD,) if scope == GOOD)
    return token(left) if left else error(400, "invalid_grant", "no valid scopes defined")


def empty_for_all(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """The empty 403 that says nothing."""
    return reply(403, None, "")


def always_token(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """Never refuses, never says what it granted."""
    return token(None)


def gateway(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """A page of something in between, with an id that differs."""
    return reply(403, None, f"<html><body>Request blocked, id {number:05d}</body></html>")


def own_code(scopes: tuple[str, ...] | None, number: int) -> Reply:
    """A grant type that is switched off, in the server's own words."""
    return error(400, "flow_disabled", "Switched off")


PLATFORMS: list[tuple[Any, str, tuple[str, ...], set[str]]] = [
    (keycloak, "inconclusive", (), {"scope_not_granted", "scope_unknown"}),
    (auth0, "inconclusive", (), {"scope_not_granted", "scope_unknown"}),
    (okta_scope, "scope_unknown", (BAD,), set()),
    (okta_policy, "inconclusive", (), {"scope_not_granted"}),
    (entra, "inconclusive", (), {"scope_not_granted", "scope_unknown", "scope_not_applicable"}),
    (entra_client, "unknown_client", (), set()),
    (entra_secret, "wrong_secret", (), set()),
    (salesforce, "inconclusive", (), {"scope_not_granted", "scope_unknown"}),
    (empty_for_all, "client_rejected", (), {"wrong_secret", "unknown_client"}),
    (always_token, "inconclusive", (), {"works", "scope_not_granted", "scope_unknown"}),
    (gateway, "inconclusive", (), {"wrong_endpoint", "client_rejected"}),
    (own_code, "inconclusive", (), {"grant_not_allowed"}),
]


@pytest.mark.parametrize(("script", "cause", "scopes", "left"), PLATFORMS, ids=[row[0].__name__ for row in PLATFORMS])
def test_platform(script: Any, cause: str, scopes: tuple[str, ...], left: set[str]) -> None:
    """One org alone on the platform: the cause, the scopes, and what must stay open."""
    org = Org("tenant", "oauth2", "https://login.example/token", "app", (GOOD, BAD))
    verdict = run([org], Scripted(script), {"tenant": "secret"}).verdicts["tenant"]
    assert (cause, scopes) == (verdict.cause, verdict.scopes)
    assert left <= {each.cause for each in verdict.runners_up}


@pytest.mark.parametrize("script", [keycloak, auth0, salesforce], ids=lambda script: script.__name__)
def test_platform_with_a_reference(script: Any) -> None:
    """With an org that is granted everything the missing scope is not granted, whatever the platform's words."""
    orgs = [
        Org(name, "oauth2", f"https://login.example/{name}/token", f"{name}-app", (GOOD, BAD))
        for name in ("ok", "tenant")
    ]
    server = Scripted(None)
    server.script = lambda scopes, number: token(scopes) if server.asked[-1][0].name == "ok" else script(scopes, number)
    verdicts = run(orgs, server, {"ok": "one", "tenant": "two"}).verdicts
    assert ("works", ()) == (verdicts["ok"].cause, verdicts["ok"].scopes)
    assert ("scope_not_granted", (BAD,)) == (verdicts["tenant"].cause, verdicts["tenant"].scopes)
    assert {"scope_unknown"} <= {each.cause for each in verdicts["tenant"].ruled_out}
