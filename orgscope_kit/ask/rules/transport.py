"""No usable answer came back: network, certificate, path, server fault, rate limit."""

from __future__ import annotations

from ...records import Evidence, Exchange, Verdict
from ..answers import shape
from ..case import Case, ids
from ..metadata import METADATA_FAULTS
from .wording import heard, times

__all__ = ["transport"]

_ALONE = "Ask for each scope alone (one scope an org in a copy of the file): which of them brings the failure?"


def transport(case: Case) -> Verdict | None:
    """No usable answer came back: network, certificate, path, server fault, rate limit."""
    row = case.baseline or (case.discovery[-1] if case.discovery else None)
    if row is not None and row.purpose == "inspect" and row.outcome == "granted":
        row = None  # found, and then stopped
    if row is None:
        advice = (
            None if case.org.name in case.facts.skipped else "Run this org again: nothing was asked before the end."
        )
        evidence = [Evidence("No request was sent for this org.")]
        return case.conclude("not_asked", {"not_asked": 98}, evidence, advice=advice)
    tries = [each for each in case.exchanges if (each.probe_id, each.endpoint) == (row.probe_id, row.endpoint)]
    evidence = [Evidence(f"{times(len(tries))} asked, {heard(row)}.", ids(tries))]
    if case.asked_by:
        evidence.append(Evidence(f"{case.asked_by} asked: what it was answered holds for this org too.", ids(tries)))
    if row.outcome == "unreachable":
        if case.our_network:
            evidence.append(Evidence("Every other host of this run failed in the same way.", case.our_network))
            others = 30.0 if row.error == "connection_refused" else 8.0
            return case.conclude("our_network", {"our_network": 98.0 - others, "unreachable": others}, evidence)
        if row.error == "tls_untrusted":
            return case.conclude("tls_untrusted", {"tls_untrusted": 92, "our_network": 6}, evidence)
        return case.conclude("unreachable", {"unreachable": 90, "our_network": 6, "wrong_region": 2}, evidence)
    if row.outcome == "limited":
        return case.conclude("rate_limited", {"rate_limited": 98}, evidence)
    made_up = case.controls.get(case.org.token_endpoint)
    if row.outcome == "failed" and made_up is not None and shape(made_up) == shape(row):
        evidence.append(Evidence("On this server a made-up scope brings the same failure.", (made_up.exchange_id,)))
        odds = {"server_error": 50.0, "scope_not_granted": 40.0, "scope_unknown": 5.0}
        return case.conclude("inconclusive", odds, evidence, next_check=_ALONE)
    if row.outcome == "failed":
        return case.conclude("server_error", {"server_error": 93, "wrong_endpoint": 5}, evidence)
    if row.outcome == "unreadable":
        odds = {"wrong_endpoint": 55.0, "server_error": 35.0}
        return case.conclude(
            "inconclusive", odds, evidence, next_check="Open {endpoint}: does a token endpoint answer there, or a page?"
        )
    if row.purpose == "inspect":
        return _no_metadata(case, row, evidence)
    if case.is_about(row) == "endpoint":
        if case.provider.says_wrong_region(row.error_description):
            return case.conclude("wrong_region", {"wrong_region": 93, "wrong_endpoint": 4}, evidence)
        says = "That is no answer of an OAuth token endpoint (RFC 6749 §5.2: JSON with `error`)."
        if row.error and row.status not in (404, 405, 410):
            says = "The server says that it serves no such request at this address."
        evidence.append(Evidence(says, ids(tries)))
        return case.conclude("wrong_endpoint", {"wrong_endpoint": 95, "server_error": 3}, evidence)
    return None


def _no_metadata(case: Case, row: Exchange, evidence: list[Evidence]) -> Verdict:
    """The issuer answers, and not with metadata that can be used; so no token was asked for."""
    issuer = case.org.issuer
    if row.error in METADATA_FAULTS:
        evidence.append(Evidence("No secret was sent: only the issuer that the file names may say where.", ids([row])))
    else:
        evidence.append(Evidence(f"No metadata are found for the issuer {issuer}.", ids(case.discovery)))
    advice = f"Correct the issuer of {{org}} ({issuer}), or name its `token_url` in the investigation."
    check = f"Open {row.endpoint}: which `issuer` and `token_endpoint` does it name?"
    odds = {"wrong_endpoint": 92.0, "server_error": 4.0}
    return case.conclude("wrong_endpoint", odds, evidence, advice=advice, next_check=check)
