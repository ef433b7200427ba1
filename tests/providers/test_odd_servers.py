"""Servers whose refusals do not say what they are about: what is claimed is what their answers can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Set

import pytest
from providers.scripted import error, orgs_of, settle, token

from orgscope_kit.providers import Reply
from orgscope_kit.records import Org, Probe, Verdict

SCOPES = ("a:read", "b:write", "c:manage")
URL = {
    "primary": {"token_url": "https://login.example/token"},
    "secondary": {"token_url": "https://login.example/token"},
}
Script = Callable[[Org, Probe], Reply]


def server(refusal: Reply, granted: Set[str], bare: Reply | None = None) -> Script:
    """Answers `refusal` to any request that holds a scope which is not granted, and never states `scope`."""

    def answer(org: Org, probe: Probe) -> Reply:
        held = set(SCOPES) if org.name == "primary" else set(granted)
        if probe.scopes is None:
            return bare or token()
        return token() if set(probe.scopes) <= held else refusal

    return answer


def verdict(script: Script, *orgs: str) -> Verdict:
    """What is said of the secondary org."""
    named = {name: keys for name, keys in URL.items() if name in orgs}
    return settle(orgs_of("oauth2", named, SCOPES), script).verdicts["secondary"]


def open_ones(found: Verdict) -> set[str]:
    """The runners-up."""
    return {each.cause for each in found.runners_up}


REFUSALS = {
    "invalid_scope": error(400, "invalid_scope", "Bad scope"),
    "own code": error(400, "e17", "No"),
    "unauthorized_client": error(400, "unauthorized_client", "Client is unauthorized"),
    "empty 403": Reply(403, {}, None, "", False),
    "HTML": Reply(403, {}, None, "<html><p>Forbidden</p></html>", False),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_that_the_made_up_scope_gets_too_is_searched_for_scopes(name: str) -> None:
    """What the reference's made-up scope got can be about scopes here: the missing one is found."""
    found = verdict(server(REFUSALS[name], {"a:read", "b:write"}), "primary", "secondary")
    assert ("scope_not_granted", ("c:manage",)) == (found.cause, found.scopes)


@pytest.mark.parametrize("name", ["invalid_scope", "own code", "unauthorized_client", "HTML"])
def test_silent_server_without_a_reference(name: str) -> None:
    """The accused scope is asked alone, and left between not granted and unknown; no credential is accused."""
    found = verdict(server(REFUSALS[name], {"a:read", "b:write"}), "secondary")
    assert "inconclusive" == found.cause
    assert {"scope_not_granted", "scope_unknown"} <= open_ones(found)
    assert not {"client_rejected", "grant_not_allowed"} & open_ones(found)
    assert "c:manage" in found.next_check


@pytest.mark.parametrize("name", REFUSALS)
def test_everything_refused_alike_proves_no_grant_missing(name: str) -> None:
    """Where no token came and no scope at all is refused alike, the credential stays open, and is not ruled out."""
    found = verdict(server(REFUSALS[name], set(), bare=REFUSALS[name]), "primary", "secondary")
    assert {"scope_not_granted", "wrong_secret", "unknown_client"} <= {found.cause, *open_ones(found)}
    assert not {"wrong_secret", "unknown_client", "client_rejected"} & {each.cause for each in found.ruled_out}


def test_scope_that_needs_another_beside_it_is_not_missing() -> None:
    """A server that wants one scope in every request refuses the others alone; only the missing one is accused."""
    refusal = error(400, "invalid_scope", "Bad scope")

    def answer(org: Org, probe: Probe) -> Reply:
        if probe.scopes is not None and "a:read" not in probe.scopes:
            return refusal
        return server(refusal, {"a:read", "b:write"})(org, probe)

    found = verdict(answer, "primary", "secondary")
    assert ("scope_not_granted", ("c:manage",)) == (found.cause, found.scopes)
