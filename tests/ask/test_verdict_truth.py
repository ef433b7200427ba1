"""Whatever a server's style and an org's grants: the cause is the true one, or the honest pair; never a wrong one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from server_model import Client, Result, Server, Style, run

from orgscope_kit.ask.causes import CAUSES
from orgscope_kit.records import Limits, Org, Verdict
from orgscope_kit.scopes import CONTROL_SCOPE

SCOPES = ("admin:org:read", "user:chat:write", "integration:appfoundry:manage", "client", "a", "read/all")
MORE = tuple(f"bulk:{number:02d}:view" for number in range(10))
quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

styles = st.builds(
    Style,
    ungranted=st.sampled_from(["refuse", "narrow"]),
    names=st.sampled_from(["first", "all", "none", "echo"]),
    states=st.sampled_from(["always", "when_narrowed", "never"]),
    unknown=st.sampled_from(["like_ungranted", "say", "drop"]),
    no_scope=st.sampled_from(["all", "refuse", "empty_403"]),
    clients=st.sampled_from(["distinct", "same", "empty"]),
    status=st.sampled_from([400, 401, 403]),
    code=st.sampled_from(["invalid_scope", "scope_invalid", "access_denied"]),
    text=st.sampled_from(
        [
            "The requested scope {} is not authorized for this client.",
            "Invalid scopes: {}",
            "requested scope is not allowed",
        ]
    ),
    trace=st.booleans(),
)


def org_of(name: str, scopes: tuple[str, ...] = SCOPES[:3], **changes: Any) -> Org:
    """A plain OAuth 2.0 org with its own path and client."""
    url = f"https://login.example/{name}/token"
    return replace(Org(name, "oauth2", url, f"{name}-client", scopes), **changes)


def server_of(style: Style, known: frozenset[str], granted: Mapping[str, frozenset[str]], **changes: Any) -> Server:
    """A server with those orgs, each with its own client."""
    clients = {f"{name}-client": Client(name, f"{name}-secret") for name in granted}
    return Server(style, known, dict(granted), changes.pop("clients", clients), **changes)


def secrets_of(*orgs: Org) -> dict[str, str]:
    """The right secret of each org."""
    return {org.name: f"{org.name}-secret" for org in orgs}


def check_form(result: Result, limits: Limits | None = None) -> None:
    """What every verdict and inquiry keeps, whatever happened."""
    limits = limits or Limits()
    known_ids = {row.exchange_id for rows in result.exchanges.values() for row in rows}
    for org, verdict in result.verdicts.items():
        assert 0 < verdict.probability <= 1
        assert all(0 < each.probability <= 1 for each in verdict.runners_up)
        assert sum(each.probability for each in verdict.runners_up) <= 1.001
        assert verdict.scopes == () or CAUSES[verdict.cause].names_scopes
        assert verdict.cause != "inconclusive" or verdict.runners_up
        assert not re.search(r"\{\w*\}", verdict.advice + verdict.next_check)
        assert verdict.evidence
        for shown in (*verdict.evidence, *verdict.ruled_out):
            assert set(shown.exchanges) <= known_ids
        open_names = {verdict.cause, *(each.cause for each in (*verdict.runners_up, *verdict.also))}
        assert not open_names & {each.cause for each in verdict.ruled_out}
        assert len(result.exchanges[org]) <= limits.budget
        asked = [row for row in result.exchanges[org] if row.purpose in ("baseline", "verify") and row.attempt == 1]
        rejected = [row for row in asked if row.status in (401, 403) and row.error in (None, "invalid_client")]
        assert len(rejected) <= limits.auth_tries
    for url in {row.endpoint for rows in result.exchanges.values() for row in rows}:
        rows = [row for each in result.exchanges.values() for row in each if row.endpoint == url]
        assert len({row.probe_id for row in rows if CONTROL_SCOPE in (row.scope_requested or ())}) <= 1


def runners(verdict: Verdict) -> set[str]:
    """The causes left open."""
    return {each.cause for each in verdict.runners_up}


def check_scopes(verdict: Verdict, scopes: tuple[str, ...], known: frozenset[str], granted: frozenset[str]) -> None:
    """The verdict is the truth about the scopes, or leaves it open."""
    missing = set(scopes) - granted
    truth = {
        "scope_not_granted": {scope for scope in missing if scope in known},
        "scope_unknown": {scope for scope in missing if scope not in known},
    }
    causes = {cause for cause, which in truth.items() if which} or {"works"}
    if verdict.cause == "inconclusive":
        assert causes & runners(verdict), (causes, verdict)
    else:
        assert verdict.cause in causes, (causes, verdict)
    for cause, found in ((verdict.cause, verdict.scopes), *((each.cause, each.scopes) for each in verdict.also)):
        assert set(found) <= truth.get(cause, missing), (cause, found, missing)


@st.composite
def incidents(draw: st.DrawFn) -> tuple[Style, tuple[str, ...], frozenset[str], frozenset[str], frozenset[str] | None]:
    """Style, scopes asked, known and granted ones, and what a reference is granted."""
    scopes = tuple(draw(st.lists(st.sampled_from(SCOPES), min_size=1, max_size=6, unique=True)))
    known = frozenset(draw(st.sets(st.sampled_from(scopes)))) | frozenset(draw(st.sampled_from([scopes, scopes[:-1]])))
    granted = frozenset(draw(st.sets(st.sampled_from(scopes)))) & known
    reference = draw(st.none() | st.sets(st.sampled_from(scopes)).map(lambda each: frozenset(each) & known))
    return draw(styles), scopes, known, granted, reference


@quick
@given(incidents(), st.booleans())
def test_scopes_are_true_or_open(incident: Any, one_url: bool) -> None:
    """Any style, any grants, with and without a reference: nothing wrong is claimed."""
    style, scopes, known, granted, reference = incident
    orgs = [org_of("secondary", scopes)]
    grants = {"secondary": granted}
    if reference is not None:
        orgs.insert(0, org_of("primary", scopes))
        grants["primary"] = reference
    result = run(orgs, server_of(style, known, grants), secrets_of(*orgs))
    check_form(result)
    check_scopes(result.verdicts["secondary"], scopes, known, granted)
    if reference is not None:
        check_scopes(result.verdicts["primary"], scopes, known, reference)


@quick
@given(incidents())
def test_clear_servers_are_settled(incident: Any) -> None:
    """Where the server states what it grants and another org is granted everything, the answer is exact, never open."""
    style, scopes, known, granted, _ = incident
    orgs = [org_of("primary", scopes), org_of("secondary", scopes)]
    style = replace(style, states="always", code="invalid_scope")
    result = run(orgs, server_of(style, known, {"primary": known, "secondary": granted}), secrets_of(*orgs))
    verdict = result.verdicts["secondary"]
    if set(scopes) <= known:
        missing = tuple(scope for scope in scopes if scope not in granted)
        if missing == scopes and style.no_scope == "refuse" and verdict.cause == "inconclusive":
            assert "scope_not_granted" in runners(verdict)  # nothing has shown that the client is accepted
            return
        assert (("scope_not_granted" if missing else "works"), missing) == (verdict.cause, verdict.scopes)


@quick
@given(styles, st.sets(st.sampled_from(MORE)), st.booleans())
def test_number_of_exchanges_is_bounded(style: Style, missing: set[str], reference: bool) -> None:
    """An org of ten scopes takes at most 24 requests, inspections and retries apart, however the server answers."""
    orgs = [org_of("primary", MORE), org_of("secondary", MORE)][0 if reference else 1 :]
    grants = {"primary": frozenset(MORE), "secondary": frozenset(MORE) - missing}
    result = run(orgs, server_of(style, frozenset(MORE), grants), secrets_of(*orgs))
    check_form(result)
    assert len(result.probes["secondary"]) <= 24
    assert {} == result.ended_early
    check_scopes(result.verdicts["secondary"], MORE, frozenset(MORE), grants["secondary"])


@quick
@given(styles, st.sets(st.sampled_from(MORE)), st.integers(1, 12))
def test_small_budget_ends_gracefully(style: Style, missing: set[str], budget: int) -> None:
    """When the budget ends, what is claimed is still true."""
    org, granted = org_of("secondary", MORE), frozenset(MORE) - missing
    limits = Limits(budget=budget)
    result = run([org], server_of(style, frozenset(MORE), {"secondary": granted}), secrets_of(org), limits)
    check_form(result, limits)
    check_scopes(result.verdicts["secondary"], MORE, frozenset(MORE), granted)


BROKEN = {
    "429": "rate_limited",
    "500": "server_error",
    "503": "server_error",
    "timeout": "unreachable",
    "tls_untrusted": "tls_untrusted",
    "html": "wrong_endpoint",
}


@quick
@given(incidents(), st.sampled_from(sorted(BROKEN)), st.integers(1, 8))
def test_fault_in_mid_search(incident: Any, word: str, since: int) -> None:
    """A server that stops answering at any request is the cause from the start, and later leaves only true claims."""
    style, scopes, known, granted, _ = incident
    org = org_of("secondary", scopes)
    server = server_of(
        style, known, {"secondary": granted}, broken=lambda number, org: word if number >= since else None
    )
    result = run([org], server, secrets_of(org))
    check_form(result)
    verdict = result.verdicts["secondary"]
    if since == 1:
        assert BROKEN[word] in {verdict.cause, *runners(verdict)}
        assert verdict.cause in (BROKEN[word], "inconclusive")
    else:
        check_scopes(verdict, scopes, known, granted)
    assert len(server.asked) <= max(since + 2, 3)


@quick
@given(incidents(), st.sampled_from(["429", "500", "503", "timeout"]), st.integers(2, 8))
def test_one_fault_in_mid_search(incident: Any, word: str, number: int) -> None:
    """A single fault never turns into a wrong claim."""
    style, scopes, known, granted, reference = incident
    orgs = [org_of("primary", scopes), org_of("secondary", scopes)][0 if reference is not None else 1 :]
    grants = {"secondary": granted, "primary": reference or frozenset()}
    server = server_of(style, known, grants, broken=lambda each, org: word if each == number else None)
    result = run(orgs, server, secrets_of(*orgs), Limits(attempts=1))
    check_form(result)
    verdict = result.verdicts["secondary"]
    if verdict.cause not in ("rate_limited", "server_error", "unreachable"):
        check_scopes(verdict, scopes, known, granted)


@quick
@given(styles, st.sets(st.sampled_from(SCOPES[:4]), min_size=1), st.sets(st.sampled_from(SCOPES[:4])))
def test_contradictory_answers_never_work(style: Style, flapping: set[str], missing: set[str]) -> None:
    """Where every second answer lacks a grant, the org never `works` once both answers were seen."""
    org, known = org_of("secondary", SCOPES[:4]), frozenset(SCOPES)
    server = server_of(
        style, known, {"secondary": frozenset(SCOPES) - missing}, flap={"secondary": frozenset(flapping)}
    )
    result = run([org], server, secrets_of(org))
    check_form(result)
    verdict = result.verdicts["secondary"]
    rows = [row for row in result.exchanges["secondary"] if row.scope_requested and row.purpose != "control"]
    if any(row.outcome != "granted" for row in rows):
        assert "works" != verdict.cause
    for cause, scopes in ((verdict.cause, verdict.scopes), *((each.cause, each.scopes) for each in verdict.also)):
        assert set(scopes) <= missing | flapping
        assert "scope_not_granted" != cause or set(scopes) <= missing | flapping


CLIENTS: dict[str, tuple[dict[str, Any], str]] = {
    "wrong": ({"secret": "other"}, "wrong_secret"),
    "disabled": ({"state": "disabled"}, "client_rejected"),
    "method": ({"methods": ("client_secret_post",)}, "auth_method_mismatch"),
    "grant": ({"grant_allowed": False}, "grant_not_allowed"),
}


@pytest.mark.parametrize("fault", [*CLIENTS, "unknown"])
@pytest.mark.parametrize("reference", [False, True])
@quick
@given(incidents(), st.integers(1, 3), st.sampled_from(["rfc", "request", "unsupported", "keycloak", "own"]))
def test_client_faults_are_true_or_open(fault: str, reference: bool, incident: Any, tries: int, words: str) -> None:
    """A client that is not accepted is never taken for a missing grant, nor asked more often than `auth_tries`."""
    style, scopes, known, granted, _ = incident
    style = replace(style, grant_words=words)
    changed, truth = CLIENTS.get(fault, ({}, "unknown_client"))
    clients = {"primary-client": Client("primary", "primary-secret")}
    if fault != "unknown":
        clients["secondary-client"] = replace(Client("secondary", "secondary-secret"), **changed)
    orgs = [org_of("primary", scopes), org_of("secondary", scopes)][0 if reference else 1 :]
    server = server_of(style, known, {"primary": granted, "secondary": granted}, clients=clients)
    limits = Limits(auth_tries=tries)
    result = run(orgs, server, secrets_of(*orgs), limits)
    check_form(result, limits)
    verdict = result.verdicts["secondary"]
    assert verdict.cause == truth or (
        verdict.cause in ("inconclusive", "client_rejected") and truth in runners(verdict)
    ), (truth, verdict)
    assert () == verdict.scopes
    if fault == "method" and tries == 3:
        assert "auth_method_mismatch" == verdict.cause
        missing = set(scopes) - granted
        assert all(set(each.scopes) <= missing for each in verdict.also)


@quick
@given(incidents())
def test_secret_encoding(incident: Any) -> None:
    """A server that does not decode Basic is found out by the other encoding, and missing scopes stand beside it."""
    style, scopes, known, granted, _ = incident
    org = org_of("secondary", scopes)
    clients = {"secondary-client": Client("secondary", "a+b", encoding="raw")}
    result = run([org], server_of(style, known, {"secondary": granted}, clients=clients), {"secondary": "a+b"})
    check_form(result)
    verdict = result.verdicts["secondary"]
    assert "secret_encoding" == verdict.cause
    assert all(set(each.scopes) <= set(scopes) - granted for each in verdict.also)
    assert "replicas_disagree" not in {each.cause for each in verdict.also}


IDS = {"primary": "7d0c-1", "secondary": "7d0c-2"}


def shared_client(org_ids: Mapping[str, str | None], scopes: tuple[str, ...], **changes: Any) -> list[Org]:
    """Two orgs of the story that present one client."""
    url = "https://login.example/api/v2/oauth/token"
    return [
        Org(name, "appfoundry", url, "primary-client", scopes, org_id=org_id, **{"integration": "global", **changes})
        for name, org_id in org_ids.items()
    ]


CONTEXTS = {
    "global": ("global", IDS, "global", None),
    "per-org": ("per-org", IDS, "global", "integration_per_org"),
    "copied": ("per-org", IDS, "per-org", "credentials_of_another_org"),
    "no org_id": ("global", {**IDS, "secondary": None}, "global", "wrong_org_context"),
    "no org_ids": ("global", {"primary": None, "secondary": None}, "global", "wrong_org_context"),
    "unknown org_id": ("global", {**IDS, "secondary": "7d0c-9"}, "global", "wrong_org_context"),
}


@pytest.mark.parametrize("name", CONTEXTS)
@quick
@given(incidents(), st.booleans(), st.sampled_from(["home", "refuse"]))
def test_contexts_are_true_or_open(name: str, incident: Any, tokens_me: bool, without: str) -> None:
    """A token of another org, or a client refused in this one, is never taken for a missing grant."""
    style, scopes, known, granted, reference = incident
    kind, org_ids, integration, truth = CONTEXTS[name]
    style = replace(style, kind=kind, tokens_me=tokens_me, without_org_id=without)
    grants = {"primary": reference or frozenset(), "secondary": granted}
    orgs = shared_client(org_ids, scopes, integration=integration)
    clients = {"primary-client": Client("primary", "primary-secret")}
    server = server_of(style, known, grants, clients=clients, org_ids=dict(IDS))
    result = run(orgs, server, {"primary": "primary-secret", "secondary": "primary-secret"})
    check_form(result)
    verdict = result.verdicts["secondary"]
    if truth is None:
        check_scopes(verdict, scopes, known, granted)
    elif name == "no org_id" and not tokens_me and without == "home":
        assert "works" != verdict.cause or "wrong_org_context" in runners(verdict)
    else:
        assert verdict.cause == truth or (verdict.cause == "inconclusive" and truth in runners(verdict)), verdict


@quick
@given(incidents())
def test_ignored_org_id(incident: Any) -> None:
    """A server that binds every token to the client's home org, whatever is sent, is seen by inspection."""
    style, scopes, known, granted, reference = incident
    style = replace(style, ignores_org_id=True)
    grants = {"primary": reference or frozenset(), "secondary": granted}
    orgs = shared_client(IDS, scopes)[1:]
    clients = {"primary-client": Client("primary", "primary-secret")}
    result = run(
        orgs, server_of(style, known, grants, clients=clients, org_ids=dict(IDS)), {"secondary": "primary-secret"}
    )
    check_form(result)
    verdict = result.verdicts["secondary"]
    bound = [row for row in result.exchanges["secondary"] if row.token_org]
    assert not bound or verdict.cause in ("wrong_org_context", "integration_per_org", "credentials_of_another_org")


@quick
@given(incidents())
def test_redirect_uri_stands_beside_any_cause(incident: Any) -> None:
    """A redirect URI that is refused is the cause of an org that works otherwise, and stands in `also` elsewhere."""
    style, scopes, known, granted, _ = incident
    org = org_of(
        "secondary", scopes, authorization_url="https://login.example/authorize", redirect_uri="https://app.example/cb"
    )
    result = run([org], server_of(style, known, {"secondary": granted}), secrets_of(org))
    check_form(result)
    verdict = result.verdicts["secondary"]
    assert "redirect_uri_mismatch" in {verdict.cause, *(each.cause for each in verdict.also)}
    assert "redirect_uri_mismatch" != verdict.cause or set(scopes) <= granted


def test_every_host_failing_alike_is_our_network() -> None:
    """Two hosts that are both untrusted are one fault of ours; one that is refused is the other side's."""
    orgs = [org_of("one"), org_of("two", token_url="https://eu.example/token")]
    server = server_of(Style(), frozenset(), {}, broken=lambda number, org: "tls_untrusted")
    assert {"our_network"} == {each.cause for each in run(orgs, server, secrets_of(*orgs)).verdicts.values()}
    server = server_of(Style(), frozenset(), {}, broken=lambda number, org: "connection_reset")
    assert {"unreachable"} == {each.cause for each in run(orgs, server, secrets_of(*orgs)).verdicts.values()}


def test_wrong_path() -> None:
    """A page in place of a token endpoint is the wrong endpoint."""
    org = org_of("secondary", token_url="https://login.example/nowhere")
    result = run([org], server_of(Style(), frozenset(), {"secondary": frozenset()}), secrets_of(org))
    assert "wrong_endpoint" == result.verdicts["secondary"].cause
    assert 1 == len(result.exchanges["secondary"])
