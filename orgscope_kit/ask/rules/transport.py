"""No usable answer came back: network, certificate, path, server fault, rate limit."""

from __future__ import annotations

from ...records import Evidence, Verdict
from ..case import Case, ids
from .wording import heard, times

__all__ = ["transport"]


def transport(case: Case) -> Verdict | None:
    """No usable answer came back: network, certificate, path, server fault, rate limit."""
    row = case.baseline
    if row is None:
        advice = (
            None if case.org.name in case.facts.skipped else "Run this org again: nothing was asked before the end."
        )
        evidence = [Evidence("No request was sent for this org.")]
        return case.conclude("not_asked", {"not_asked": 98}, evidence, advice=advice)
    tries = [each for each in case.exchanges if each.probe_id == row.probe_id and each.purpose != "inspect"]
    evidence = [Evidence(f"{times(len(tries))} asked, {heard(row)}.", ids(tries))]
    if row.outcome == "unreachable":
        if case.our_network:
            evidence.append(Evidence("Every other host of this run failed in the same way.", case.our_network))
            return case.conclude("our_network", {"our_network": 90, "unreachable": 8}, evidence)
        if row.error == "tls_untrusted":
            return case.conclude("tls_untrusted", {"tls_untrusted": 92, "our_network": 6}, evidence)
        return case.conclude("unreachable", {"unreachable": 90, "our_network": 6, "wrong_region": 2}, evidence)
    if row.outcome == "limited":
        return case.conclude("rate_limited", {"rate_limited": 98}, evidence)
    if row.outcome == "failed":
        return case.conclude("server_error", {"server_error": 93, "wrong_endpoint": 5}, evidence)
    if row.outcome == "unreadable":
        odds = {"wrong_endpoint": 55.0, "server_error": 35.0}
        return case.conclude(
            "inconclusive", odds, evidence, next_check="Open {endpoint}: does a token endpoint answer there, or a page?"
        )
    if case.is_about(row) == "endpoint":
        evidence.append(
            Evidence("That is no answer of an OAuth token endpoint (RFC 6749 §5.2: JSON with `error`).", ids(tries))
        )
        return case.conclude("wrong_endpoint", {"wrong_endpoint": 95, "server_error": 3}, evidence)
    return None
