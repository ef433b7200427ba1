"""What is asked next, and when nothing more is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from server_model import START, Client, Server, Style, run

from orgscope_kit.records import Limits, Org
from orgscope_kit.scopes import CONTROL_SCOPE

SCOPES = ("a:x", "b:y", "c:z")


def orgs_at_one_address(count: int, scopes: tuple[str, ...] = SCOPES) -> tuple[list[Org], dict[str, str]]:
    """Orgs of one token URL, each with its own client."""
    orgs = [Org(f"org{n}", "oauth2", "https://login.example/token", f"client{n}", scopes) for n in range(count)]
    return orgs, {org.name: f"secret-{org.name}" for org in orgs}


def server_of(
    orgs: list[Org], secrets: dict[str, str], style: Style, *missing: set[str], known: set[str] | None = None
) -> Server:
    """All is granted but `missing`, org by org."""
    clients = {org.client_id: Client(org.name, secrets[org.name]) for org in orgs}
    short = [*missing, *[set()] * len(orgs)]
    granted = {org.name: frozenset(org.scopes) - short[n] for n, org in enumerate(orgs)}
    return Server(style, frozenset(known or SCOPES), granted, clients)


def test_works_in_one_request() -> None:
    """Where the server states what it grants, an org that works costs one request."""
    orgs, secrets = orgs_at_one_address(1)
    result = run(orgs, server_of(orgs, secrets, Style()), secrets)
    assert ["baseline"] == [probe.purpose for probe in result.probes["org0"]]
    assert "works" == result.verdicts["org0"].cause


def test_single_scope_is_asked_alone_once() -> None:
    """The baseline of an org with one scope is its verification too."""
    orgs, secrets = orgs_at_one_address(1, SCOPES[:1])
    result = run(orgs, server_of(orgs, secrets, Style(), {"a:x"}), secrets)
    assert [("a:x",), None, (CONTROL_SCOPE,)] == [probe.scopes for probe in result.probes["org0"]]


def test_fleet_shares_the_made_up_scope() -> None:
    """On a server that states only what differs, every org is settled though the made-up scope is asked for once."""
    orgs, secrets = orgs_at_one_address(4)
    style = Style(ungranted="narrow", states="when_narrowed")
    result = run(orgs, server_of(orgs, secrets, style, set(), {"b:y"}), secrets)
    asked = [probe for probes in result.probes.values() for probe in probes if CONTROL_SCOPE in (probe.scopes or ())]
    assert 1 == len(asked)
    assert ["works", "scope_not_granted", "works", "works"] == [each.cause for each in result.verdicts.values()]


@pytest.mark.parametrize("word", ["429", "500", "timeout"])
def test_nothing_more_is_asked_of_a_server_that_stopped_answering(word: str) -> None:
    """One probe, its attempts, and no other."""
    orgs, secrets = orgs_at_one_address(1)
    server = server_of(orgs, secrets, Style(names="none"), {"b:y"})
    server.broken = lambda number, org: word if number > 2 else None
    result = run(orgs, server, secrets)
    assert 3 == len(result.probes["org0"])
    assert "inconclusive" == result.verdicts["org0"].cause


def test_client_disabled_in_mid_search_is_asked_no_more() -> None:
    """A client that is refused after it was accepted ends the inquiry, and its scopes are not accused by that."""
    orgs, secrets = orgs_at_one_address(1)
    server = server_of(orgs, secrets, Style(names="none"), {"b:y"})

    def disable(number: int, org: Org) -> None:
        if number == 3:
            server.clients["client0"].state = "disabled"

    server.broken = disable
    result = run(orgs, server, secrets)
    assert 3 == len(server.asked)
    assert ("inconclusive", ()) == (result.verdicts["org0"].cause, result.verdicts["org0"].scopes)


def test_failed_control_is_no_proof_that_a_scope_is_known() -> None:
    """A rate limit on the made-up scope differs from a refusal, and shows nothing."""
    orgs, secrets = orgs_at_one_address(1)
    server = server_of(orgs, secrets, Style(), {"b:y"})
    server.broken = lambda number, org: "429" if CONTROL_SCOPE in (server.asked[-1][1].scopes or ()) else None
    verdict = run(orgs, server, secrets).verdicts["org0"]
    assert "inconclusive" == verdict.cause
    assert {"scope_not_granted", "scope_unknown"} <= {each.cause for each in verdict.runners_up}


def test_scope_with_braces() -> None:
    """Braces are scope characters (RFC 6749 §3.3), and no placeholders."""
    scopes = ("files:{id}:read", "b:y")
    orgs, secrets = orgs_at_one_address(1, scopes)
    for style in (Style(), Style(states="never"), Style(unknown="drop")):
        server = server_of(orgs, secrets, style, {scopes[0]}, known=set(scopes))
        verdict = run(orgs, server, secrets).verdicts["org0"]
        assert scopes[0] in verdict.advice + verdict.next_check


def test_twin_that_presents_itself_otherwise() -> None:
    """One client and secret at one address, accepted by post and refused by Basic, differ in the method only."""
    orgs, secrets = orgs_at_one_address(2)
    orgs = [replace(orgs[0], auth_method="client_secret_post"), replace(orgs[1], client_id="client0")]
    secrets["org1"] = secrets["org0"]
    server = server_of(orgs, secrets, Style(clients="same"))
    server.clients["client0"].methods = ("client_secret_post",)
    assert "auth_method_mismatch" == run(orgs, server, secrets).verdicts["org1"].cause


@pytest.mark.parametrize(("minutes", "cause"), [(1, "propagating"), (60, "propagation_overdue")])
def test_changed_grant(minutes: int, cause: str) -> None:
    """A missing scope with a change is on its way within the window, and overdue past it."""
    orgs, secrets = orgs_at_one_address(1)
    changes = {("org0", "b:y"): START - timedelta(minutes=minutes)}
    server = server_of(orgs, secrets, Style(), {"b:y"})
    verdict = run(orgs, server, secrets, facts={"changes": changes}).verdicts["org0"]
    assert (cause, ("b:y",)) == (verdict.cause, verdict.scopes)


def test_three_hundred_scopes_end_with_the_budget() -> None:
    """Many scopes and no detail: the budget ends the search, and what is claimed is true."""
    scopes = tuple(f"s:{n:03d}" for n in range(300))
    orgs, secrets = orgs_at_one_address(1, scopes)
    missing = set(scopes[::40])
    server = server_of(orgs, secrets, Style(names="none"), missing, known=set(scopes))
    result = run(orgs, server, secrets, Limits(budget=40))
    assert {"org0": "budget"} == result.ended_early
    assert set(result.verdicts["org0"].scopes) <= missing
    assert 40 >= len(result.exchanges["org0"])


def test_rejected_client_is_no_evidence_against_a_scope() -> None:
    """A single scope, refused first for the encoding and then for itself: the evidence cites the second answer."""
    orgs, secrets = orgs_at_one_address(1, SCOPES[:1])
    secrets["org0"] = "a+b"
    server = server_of(orgs, secrets, Style(), {"a:x"})
    server.clients["client0"].encoding = "raw"
    verdict = run(orgs, server, secrets).verdicts["org0"]
    assert "secret_encoding" == verdict.cause
    assert (2,) == next(each.exchanges for each in verdict.evidence if each.says.startswith("a:x"))
