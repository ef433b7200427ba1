"""Keycloak, Okta, Auth0, Salesforce and Genesys Cloud, on answers that are documented or quoted (see the pages)."""

# ruff: noqa: E501 - answers, one a line

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from providers.scripted import Answer, error, orgs_of, reply, settle, token

from orgscope_kit.providers import named
from orgscope_kit.records import Org, Probe

READ, WRITE = "orders.read", "orders.write"
ORG = "org_acme0000000000"
SFDC, SFDC_OTHER = "00D000000000001", "00D000000000002"
KEYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "keycloak": lambda name: {"base_url": "https://sso.example", "realm": name},
    "okta": lambda name: {"domain": f"{name}.okta.com"},
    "auth0": lambda name: {"domain": f"{name}.auth0.com", "audience": "https://api.example"},
    "salesforce": lambda name: {"domain": f"{name}.my.salesforce.com"},
}


def keycloak(org: Org, probe: Probe) -> Answer:
    """Repeats the whole request."""
    asked = probe.scopes or ()
    if set(asked) - {READ}:
        return error(400, "invalid_scope", f"Invalid scopes: {' '.join(asked)}")
    return token(scope=f"email profile {READ}"), {"iss": f"https://sso.example/realms/{org.name}"}


def okta(org: Org, probe: Probe) -> Answer:
    """A policy without a rule for the second scope; its refusals never name one."""
    if set(probe.scopes or ()) - {READ}:
        return error(400, "access_denied", "Policy evaluation failed for this request, please check the policy.")
    return token(scope=READ)


def auth0(org: Org, probe: Probe) -> Answer:
    """403 and the offenders by name."""
    bad = [scope for scope in probe.scopes or () if scope != READ]
    return error(403, "access_denied", f"Client has not been granted scopes: {', '.join(bad)}") if bad else token()


def salesforce(org: Org, probe: Probe) -> Answer:
    """All scopes of the app, whatever is asked; `scope` itself is refused."""
    if probe.scopes is not None:
        return error(400, "invalid_request", "scope parameter not supported")
    return token(scope=f"{READ} id", id=f"https://login.salesforce.com/id/{SFDC}EAA/005000000000001")


def granted(org: Org, probe: Probe) -> Answer:
    """Everything."""
    told = probe.scopes or (READ, WRITE)
    return token(scope=" ".join(told), id=f"https://login.salesforce.com/id/{SFDC}EAA/005000000000001")


SCRIPTS = {"keycloak": keycloak, "okta": okta, "auth0": auth0, "salesforce": salesforce}


@pytest.mark.parametrize("provider", SCRIPTS)
def test_missing_scope_alone_is_left_open(provider: str) -> None:
    """With one org, a scope that is refused may not exist: both stay, and the good one is known."""
    orgs = orgs_of(provider, {"acme": KEYS[provider]("acme")}, [READ, WRITE])
    verdict = settle(orgs, SCRIPTS[provider]).verdicts["acme"]
    assert "inconclusive" == verdict.cause
    assert {"scope_not_granted", "scope_unknown"} <= {each.cause for each in verdict.runners_up}


@pytest.mark.parametrize("provider", SCRIPTS)
def test_missing_scope_that_another_org_has(provider: str) -> None:
    """Where another org is granted it, it is not granted here."""
    orgs = orgs_of(provider, {name: KEYS[provider](name) for name in ("ok", "acme")}, [READ, WRITE])
    verdicts = settle(
        orgs, lambda org, probe: (granted if org.name == "ok" else SCRIPTS[provider])(org, probe)
    ).verdicts
    assert ("works", ()) == (verdicts["ok"].cause, verdicts["ok"].scopes)
    assert ("scope_not_granted", (WRITE,)) == (verdicts["acme"].cause, verdicts["acme"].scopes)


URLS = [
    ("keycloak", {"realm": "a b", "base_url": "https://sso.example/auth/"}, "https://sso.example/auth/realms/a%20b/protocol/openid-connect/token"),
    ("keycloak", {"realm": "acme", "domain": "sso.example"}, "https://sso.example/realms/acme/protocol/openid-connect/token"),
    ("okta", {"domain": "acme.okta.com"}, "https://acme.okta.com/oauth2/default/v1/token"),
    ("okta", {"domain": "acme.okta.com", "authorization_server": "org"}, "https://acme.okta.com/oauth2/v1/token"),
    ("auth0", {"domain": "acme.auth0.com"}, "https://acme.auth0.com/oauth/token"),
    ("salesforce", {"domain": "https://acme.my.salesforce.com/"}, "https://acme.my.salesforce.com/services/oauth2/token"),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "keys", "url"), URLS)
def test_token_url(provider: str, keys: dict[str, Any], url: str) -> None:
    """The token URL follows from what an analyst knows."""
    (org,) = orgs_of(provider, {"acme": keys}, [READ])
    assert url == org.token_url


@pytest.mark.parametrize("provider", ["keycloak", "entra", "okta", "auth0", "salesforce", "genesys"])
def test_missing_url_is_told_in_the_providers_words(provider: str) -> None:
    """Without URL and without the provider's own keys, check names both."""
    from orgscope_kit.ask.spec import from_mapping

    org = {"client_id": "app", "auth_method": "none"}
    problems = from_mapping({"provider": provider, "scopes": [READ], "orgs": {"acme": org}}).problems
    (problem,) = [each for each in problems if each.place.endswith("token_url")]
    assert problem.fix.startswith(f"Add {named(provider).url_from}, or the token endpoint's URL")


def test_keycloak_echo_names_nothing() -> None:
    """A text that repeats the request singles out no scope, even where it is the only one."""
    reading = named("keycloak").read(
        reply(400, {"error": "invalid_scope", "error_description": f"Invalid scopes: {READ}"}), (READ,)
    )
    assert () == reading.named_scopes


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (401, {"error": "unauthorized_client", "error_description": "Client not enabled to retrieve service account"}, "grant_not_allowed"),
        (401, {"error": "unauthorized_client", "error_description": "Public client not allowed to retrieve service account"}, "grant_not_allowed"),
        (401, {"error": "invalid_client", "error_description": "Invalid client or Invalid client credentials"}, "client_rejected"),
        (401, {"error": "unauthorized_client", "error_description": "Invalid client or Invalid client credentials"}, "client_rejected"),
        (404, {"error": "Realm does not exist"}, "wrong_endpoint"),
    ],
)  # fmt: skip
def test_keycloak_refusals(status: int, body: dict[str, str], cause: str) -> None:
    """What its source writes."""
    orgs = orgs_of("keycloak", {"acme": KEYS["keycloak"]("acme")}, [READ])
    assert cause == settle(orgs, lambda org, probe: reply(status, body)).verdicts["acme"].cause


def test_okta_scope_that_does_not_exist() -> None:
    """The support article says what the sentence means."""
    text = "One or more scopes are not configured for the authorization server resource."
    orgs = orgs_of("okta", {"acme": KEYS["okta"]("acme")}, [READ, WRITE])
    script = lambda org, probe: token(scope=READ) if probe.scopes == (READ,) else error(400, "invalid_scope", text)  # noqa: E731
    verdict = settle(orgs, script).verdicts["acme"]
    assert ("scope_unknown", (WRITE,)) == (verdict.cause, verdict.scopes)


def test_okta_own_error_form() -> None:
    """`errorCode`, `errorSummary` and the request's id are read."""
    answer = reply(401, {"errorCode": "invalid_client", "errorSummary": "Invalid value for 'client_id' parameter."})
    answer.headers["x-okta-request-id"] = "reqVy8wsvmBQN27h4soUE3ZEnA"  # type: ignore[index]
    reading = named("okta").read(answer, (READ,))
    assert ("invalid_client", "reqVy8wsvmBQN27h4soUE3ZEnA") == (reading.error, reading.correlation_id)


def test_okta_needs() -> None:
    """The admin console's host, and the org server with a secret, are told before anything is sent."""
    keys = {"domain": "acme-admin.okta.com", "token_url": "https://acme.okta.com/oauth2/v1/token"}
    assert ["domain", "authorization_server"] == [key for key, _, _ in named("okta").needs(keys)]


def organizations(grants: Mapping[str, str | None]) -> Callable[[Org, Probe], Answer]:
    """An Auth0 tenant that refuses the organizations of ``grants`` with these words."""

    def script(org: Org, probe: Probe) -> Answer:
        words = grants.get(probe.org_id or "")
        if words is not None:
            return error(403, "access_denied", words)
        return token(scope=" ".join(probe.scopes or (READ,))), {"org_id": probe.org_id} if probe.org_id else {}

    return script


def auth0_orgs() -> list[Org]:
    """Two organizations of one tenant, one client."""
    keys = {**KEYS["auth0"]("vendor"), "client_id": "app", "client_secret": {"env": "APP_SECRET"}}
    return orgs_of("auth0", {"ok": {**keys, "org_id": "org_ok"}, "acme": {**keys, "org_id": ORG}}, [READ, WRITE])


def test_auth0_sends_audience_and_organization() -> None:
    """By their own names; no `org_id` is sent."""
    org = auth0_orgs()[1]
    probe = Probe("acme", "baseline", (READ,), org.org_id, "acme", "client_secret_basic")
    form = dict(named("auth0").form(org, probe))
    assert {
        "grant_type": "client_credentials",
        "scope": READ,
        "organization": ORG,
        "audience": "https://api.example",
    } == form


@pytest.mark.parametrize(
    "words",
    ["client is not authorized for this organization", "The client-grant is not associated with organization org_acme"],
)
def test_auth0_organization_that_does_not_admit_the_client(words: str) -> None:
    """A grant that another organization has is missing here; the client is not called another org's."""
    result = settle(auth0_orgs(), organizations({ORG: words}), secret="one")
    verdict = result.verdicts["acme"]
    assert "works" == result.verdicts["ok"].cause
    assert ("scope_not_granted", (READ, WRITE)) == (verdict.cause, verdict.scopes)


@pytest.mark.parametrize("words", ["Something about this organization", "Denied", "invalid organization"])
def test_auth0_words_that_nobody_documents_claim_nothing(words: str) -> None:
    """A refusal that is not understood stays open, whatever the same request without organization gets."""
    verdict = settle(auth0_orgs(), organizations({ORG: words}), secret="one").verdicts["acme"]
    assert verdict.cause in ("inconclusive", "wrong_org_context")
    assert "credentials_of_another_org" != verdict.cause
    if verdict.cause == "wrong_org_context":
        assert words == "invalid organization"


def test_auth0_without_client_grant_is_left_open() -> None:
    """Nothing of the API is granted; with one org alone, nothing shows that the scopes exist."""
    text = 'Client is not authorized to access "https://api.example". You need to create a "client-grant" associated to this API.'
    orgs = orgs_of("auth0", {"acme": KEYS["auth0"]("acme")}, [READ, WRITE])
    verdict = settle(orgs, lambda org, probe: error(403, "access_denied", text)).verdicts["acme"]
    assert "inconclusive" == verdict.cause
    assert "scope_not_granted" in {each.cause for each in verdict.runners_up}


def test_auth0_name_is_not_compared_with_an_id() -> None:
    """An organization's name is sent, and its token's `org_id` is no contradiction."""
    keys = {**KEYS["auth0"]("acme"), "org_id": "acme"}
    orgs = orgs_of("auth0", {"acme": keys}, [READ])
    assert "works" == settle(orgs, lambda org, probe: (token(scope=READ), {"org_id": ORG})).verdicts["acme"].cause


def test_salesforce_sends_no_scope_and_asks_once() -> None:
    """What the app has is told by one token."""
    orgs = orgs_of("salesforce", {"acme": KEYS["salesforce"]("acme")}, [READ, WRITE])
    probes = settle(orgs, salesforce).probes["acme"]
    assert [None] == [probe.scopes for probe in probes]
    assert [("grant_type", "client_credentials")] == named("salesforce").form(orgs[0], probes[0])


@pytest.mark.parametrize(
    ("told", "wanted", "cause"),
    [("full", ["api", "web"], "works"), ("refresh_token", ["offline_access"], "works"), ("full", ["refresh_token"], "inconclusive")],
)  # fmt: skip
def test_salesforce_scopes_that_cover_others(told: str, wanted: list[str], cause: str) -> None:
    """`full` covers all but offline access, which has two names."""
    orgs = orgs_of("salesforce", {"acme": KEYS["salesforce"]("acme")}, wanted)
    assert cause == settle(orgs, lambda org, probe: token(scope=told)).verdicts["acme"].cause


@pytest.mark.parametrize(
    ("code", "text", "cause"),
    [
        ("invalid_grant", "no valid scopes defined", "inconclusive"),
        ("invalid_grant", "no client credentials user enabled", "grant_not_allowed"),
        ("invalid_grant", "request not supported on this domain", "wrong_endpoint"),
        ("invalid_client_id", "client identifier invalid", "client_rejected"),
        ("invalid_client", "invalid client credentials", "client_rejected"),
        ("invalid_grant", "expired access/refresh token", "inconclusive"),
    ],
)
def test_salesforce_refusals(code: str, text: str, cause: str) -> None:
    """`invalid_grant` is told apart by its words."""
    orgs = orgs_of("salesforce", {"acme": KEYS["salesforce"]("acme")}, ["api"])
    assert cause == settle(orgs, lambda org, probe: error(400, code, text)).verdicts["acme"].cause


def test_salesforce_without_any_scope_where_another_org_has_them() -> None:
    """Then they are known, and all are missing."""
    orgs = orgs_of("salesforce", {name: KEYS["salesforce"](name) for name in ("ok", "acme")}, ["api", "web"])
    nothing = error(400, "invalid_grant", "no valid scopes defined")
    verdict = settle(orgs, lambda org, probe: token(scope="api web") if org.name == "ok" else nothing).verdicts["acme"]
    assert ("scope_not_granted", ("api", "web")) == (verdict.cause, verdict.scopes)


@pytest.mark.parametrize(
    ("org_id", "cause"), [(SFDC, "works"), (f"{SFDC}EAA", "works"), (SFDC_OTHER, "wrong_org_context")]
)
def test_salesforce_org_of_the_token(org_id: str, cause: str) -> None:
    """The id URL's org is compared by its first 15 characters."""
    keys = {**KEYS["salesforce"]("acme"), "org_id": org_id}
    orgs = orgs_of("salesforce", {"acme": keys}, [READ])
    assert cause == settle(orgs, salesforce).verdicts["acme"].cause


def genesys_orgs(**acme: Any) -> list[Org]:
    """Two orgs of one region and one that is given."""
    here = {"region": "us-east-1", "permissions": ["routing:queue:view"]}
    return orgs_of("genesys", {"one": here, "two": here, "acme": {**here, **acme}})


def genesys(text: str) -> Callable[[Org, Probe], Answer]:
    """Refuses one org's client."""
    return lambda org, probe: error(400, "invalid_client", text) if org.name == "acme" else token()


@pytest.mark.parametrize(
    ("acme", "text", "cause", "doubted"),
    [
        ({"region": "eu-west-1"}, "client not found", "unknown_client", True),
        ({"region": "eu-west-1"}, "nope", "client_rejected", True),
        ({"label": "Acme (EU-WEST-1)"}, "client not found", "unknown_client", True),
        ({"label": "Acme US1"}, "client not found", "unknown_client", False),
        ({}, "nope", "client_rejected", False),
    ],
)
def test_genesys_region_that_the_investigation_doubts(
    acme: dict[str, Any], text: str, cause: str, doubted: bool
) -> None:
    """It stays a runner-up with its check; the secret goes nowhere else."""
    result = settle(genesys_orgs(**acme), genesys(text))
    verdict = result.verdicts["acme"]
    assert cause == verdict.cause
    region = {each.cause: each.probability for each in verdict.runners_up}.get("wrong_region", 0.0)
    assert doubted is (region > 0.15)
    assert doubted is ("address bar" in verdict.next_check)
    assert {org.token_url for org in genesys_orgs(**acme)} >= {row.endpoint for row in result.exchanges["acme"]}


def test_region_is_claimed_where_the_answer_says_so() -> None:
    """Only then."""
    verdict = settle(genesys_orgs(), genesys("The organization is in another region")).verdicts["acme"]
    assert "wrong_region" == verdict.cause
