"""Entra ID, on the answers that Microsoft documents."""

from __future__ import annotations

from typing import Any

import pytest
from providers.scripted import error, orgs_of, reply, settle, token

from orgscope_kit.providers import Reply, named
from orgscope_kit.records import Org, Probe

GRAPH = "https://graph.microsoft.com/.default"
TENANT, OTHER = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"
WANTED = ["User.Read.All", "Group.Read.All"]
SAMPLE = {
    "error": "invalid_scope",
    "error_description": "AADSTS70011: The provided value for the input parameter 'scope' is not valid. The scope "
    "https://foo.microsoft.com/.default is not valid.\r\nTrace ID: 255d1aef\r\nCorrelation ID: fb3d2015",
    "error_codes": [70011],
    "trace_id": "255d1aef-8c98-452f-ac51-23d051240864",
    "correlation_id": "fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7",
}


def tenant(**keys: Any) -> list[Org]:
    """One tenant that asks for Graph."""
    return orgs_of("entra", {"contoso": {"tenant": TENANT, **keys}}, keys.pop("scopes", [GRAPH]))


def refused(number: int, code: str, text: str) -> tuple[str, list[str], int]:
    """Cause, runners-up, and requests, of a tenant that always answers so."""
    result = settle(tenant(permissions=WANTED), lambda org, probe: error(400, code, f"AADSTS{number}: {text}"))
    verdict = result.verdicts["contoso"]
    return verdict.cause, [each.cause for each in verdict.runners_up], len(result.probes["contoso"])


def test_token_url_and_form_are_as_documented() -> None:
    """The tenant stands in the URL, and the request asks for one resource's default scope."""
    (org,) = tenant()
    form = named("entra").form(org, Probe("contoso", "baseline", org.scopes, None, "contoso", "client_secret_basic"))
    assert f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token" == org.token_url
    assert [("grant_type", "client_credentials"), ("scope", GRAPH)] == form


def test_sample_refusal_is_read_with_its_ids() -> None:
    """The sample of the error codes reference: about the scope, both ids kept, never called unknown."""
    reading = named("entra").read(reply(400, SAMPLE), (GRAPH,))
    assert ("refused", "invalid_scope") == (reading.outcome, reading.error)
    assert f"trace_id {SAMPLE['trace_id']}, correlation_id {SAMPLE['correlation_id']}" == reading.correlation_id
    assert "scope" == named("entra").about(400, reading.error, reading.error_description)


def test_number_counts_where_the_text_has_none() -> None:
    """`error_codes` tells where the text is of the server's own."""
    body = {"error": "invalid_client", "error_description": "Sorry.", "error_codes": [7000215]}
    reading = named("entra").read(reply(401, body), (GRAPH,))
    assert "wrong_secret" == named("entra").client_fault(reading.error_description)


@pytest.mark.parametrize(
    ("roles", "cause", "missing"),
    [
        (WANTED, "works", ()),
        (["User.Read.All"], "permission_missing", ("Group.Read.All",)),
        (None, "permission_missing", tuple(WANTED)),
    ],
)
def test_roles_of_the_token_are_compared(roles: list[str] | None, cause: str, missing: tuple[str, ...]) -> None:
    """What is wanted and not among the token's roles is missing, by one request alone."""
    claims = {"tid": TENANT, "scp": "ignored"} | ({"roles": roles} if roles else {})
    result = settle(tenant(permissions=WANTED), lambda org, probe: (token(expires_in=3599), claims))
    verdict = result.verdicts["contoso"]
    assert (cause, missing) == (verdict.cause, verdict.scopes)
    assert 1 == len(result.probes["contoso"])


def test_token_without_roles_and_nothing_wanted_stays_open() -> None:
    """Some resources decide without roles, so a token without any is no proof."""
    verdict = settle(tenant(), lambda org, probe: (token(), {"tid": TENANT})).verdicts["contoso"]
    assert "inconclusive" == verdict.cause
    assert {"permission_missing", "works"} == {each.cause for each in verdict.runners_up}


def test_opaque_token_stays_open() -> None:
    """Without claims nothing tells the roles, and no made-up scope is asked for."""
    result = settle(tenant(permissions=WANTED), lambda org, probe: token())
    assert "inconclusive" == result.verdicts["contoso"].cause
    assert [(GRAPH,)] == [probe.scopes for probe in result.probes["contoso"]]


def test_token_of_another_tenant() -> None:
    """`tid` is compared with `org_id` where the tenant is a domain."""
    (org,) = tenant(tenant="contoso.example", org_id=TENANT, permissions=WANTED)
    verdict = settle([org], lambda org, probe: (token(), {"tid": OTHER, "roles": WANTED})).verdicts["contoso"]
    assert ("wrong_org_context", "us") == (verdict.cause, verdict.who)


def test_domain_alone_is_not_compared() -> None:
    """A tenant's domain does not tell its id."""
    (org,) = tenant(tenant="contoso.example", permissions=WANTED)
    verdict = settle([org], lambda org, probe: (token(), {"tid": OTHER, "roles": WANTED})).verdicts["contoso"]
    assert "works" == verdict.cause


@pytest.mark.parametrize(
    ("number", "code", "cause"),
    [
        (700016, "unauthorized_client", "unknown_client"),
        (7000215, "invalid_client", "wrong_secret"),
        (7000222, "invalid_client", "wrong_secret"),
        (7000112, "unauthorized_client", "client_rejected"),
        (7000218, "invalid_client", "client_rejected"),
        (90002, "invalid_request", "wrong_endpoint"),
        (900023, "invalid_request", "wrong_endpoint"),
        (90038, "invalid_request", "wrong_region"),
        (1002012, "invalid_scope", "scope_not_applicable"),
        (70011, "invalid_scope", "inconclusive"),
        (500011, "invalid_resource", "inconclusive"),
        (65001, "invalid_grant", "inconclusive"),
        (700022, "invalid_scope", "inconclusive"),
        (99999, "invalid_request", "inconclusive"),
    ],
)
def test_numbers(number: int, code: str, cause: str) -> None:
    """A number claims what Microsoft says of it, and no more; scopes are never isolated."""
    found, left, requests = refused(number, code, "Text that may change.")
    assert cause == found
    assert requests <= 1
    if cause == "inconclusive" and number != 99999:
        assert {"scope_not_granted", "scope_unknown"} <= set(left)


def test_resource_that_another_tenant_has_is_not_granted_here() -> None:
    """The same app gets a token in one tenant, and the resource is unknown to the other."""
    orgs = orgs_of("entra", {"one": {"tenant": TENANT}, "two": {"tenant": OTHER}}, [GRAPH])

    def script(org: Org, probe: Probe) -> Reply | tuple[Reply, dict[str, Any]]:
        if org.name == "one":
            return token(), {"tid": TENANT, "roles": ["User.Read.All"]}
        return error(400, "invalid_resource", "AADSTS500011: The resource principal was not found in the tenant.")

    verdicts = settle(orgs, script).verdicts
    assert ["works", "scope_not_granted"] == [verdicts[name].cause for name in ("one", "two")]


@pytest.mark.parametrize(
    ("keys", "scopes", "key"),
    [
        ({"tenant": "common"}, [GRAPH], "tenant"),
        ({"tenant": TENANT}, ["User.Read"], "scopes"),
        ({"tenant": TENANT}, [GRAPH, "https://vault.azure.net/.default"], "scopes"),
        ({"tenant": TENANT}, [GRAPH], "permissions"),
    ],
)
def test_check_says_what_is_needed(keys: dict[str, Any], scopes: list[str], key: str) -> None:
    """A tenant of its own, one resource's default scope, and the roles to compare."""
    needs = named("entra").needs({**keys, "scopes": scopes})
    assert key in [name for name, _, _ in needs]
