"""What is left: all granted, or answers that leave more than one cause."""

from __future__ import annotations

from ...records import Evidence, Verdict
from ..case import Case, ids
from ..exclusions import exclusions
from .redirect import redirect_refusal
from .wording import heard

__all__ = ["open_question"]

#: What an answer that is none speaks for.
_BROKEN = {
    "limited": "rate_limited",
    "failed": "server_error",
    "unreachable": "unreachable",
    "unreadable": "server_error",
}


def open_question(case: Case) -> Verdict:
    """What is left: all granted, a redirect URI that does not match, or answers that leave more than one cause."""
    first = case.answer
    assert first is not None
    early = case.facts.ended_early.get(case.org.name)
    unknown = case.in_state("unknown")
    if not unknown:
        return _all_granted(case) if _granted_together(case) else _only_apart(case)
    if early == "budget":
        evidence = [
            Evidence(f"The budget of requests ended before {', '.join(unknown)} could be settled.", ids(case.tokens))
        ]
        odds = {"scope_not_granted": 50.0, "works": 30.0}
        return case.conclude("inconclusive", odds, evidence, next_check="Raise `limits.budget` and run {org} again.")
    broken = [row for row in case.tokens if row.outcome in ("limited", "failed", "unreachable", "unreadable")]
    if broken:
        evidence = [Evidence(f"The search ended early: {heard(broken[-1])}.", ids(broken))]
        odds = {"scope_not_granted": 45.0, "works": 25.0, _BROKEN[broken[-1].outcome]: 20.0}
        return case.conclude(
            "inconclusive", odds, evidence, next_check="Run {org} again: the search could not be ended."
        )
    if first.outcome in ("granted", "narrowed"):
        evidence = [
            Evidence("A token was granted, and the answer does not say with which scopes.", ids(case.issued)),
            Evidence("Nothing shows whether this server means all or nothing by that.", ids(case.issued)),
        ]
        check = "Inspect the token (set `introspection_url`), or call a resource that needs {scopes}."
        return case.conclude(
            "inconclusive", {"works": 55, "scope_not_granted": 40}, evidence, next_check=case.words(check, unknown)
        )
    evidence = [Evidence(f"The request is refused: {heard(first)}.", ids([first]))]
    bare = next((row for row in case.tokens if row.purpose == "control" and row.scope_requested is None), None)
    if bare is not None:
        evidence.append(Evidence(f"Without any scope: {heard(bare)}.", (bare.exchange_id,)))
    if case.is_about(first) == "grant":
        return case.conclude(
            "grant_not_allowed", {"grant_not_allowed": 88, "client_rejected": 8}, evidence, ruled_out=exclusions(case)
        )
    odds = {"grant_not_allowed": 35.0, "client_rejected": 30.0, "scope_not_granted": 20.0}
    return case.conclude(
        "inconclusive",
        odds,
        evidence,
        next_check="Read the server's own log, or ask its support, with the correlation id of the refusal.",
    )


def _granted_together(case: Case) -> bool:
    return any(set(row.scope_requested or ()) >= set(case.org.scopes) for row in case.issued)


def _only_apart(case: Case) -> Verdict:
    together = [row for row in case.tokens if row.scope_requested == case.org.scopes and row.outcome == "refused"]
    evidence = [
        Evidence("All scopes in one request are refused.", ids(together)),
        Evidence("Each of them is granted in a smaller request.", ids(case.issued)),
    ]
    check = "Ask for the scopes in two token requests: may they stand in one token on this platform?"
    return case.conclude(
        "inconclusive", {"scope_not_applicable": 50, "replicas_disagree": 40}, evidence, next_check=check
    )


def _all_granted(case: Case) -> Verdict:
    rows = sorted({i for grant in case.grants.values() for i in grant.exchanges})[:4]
    evidence = [Evidence("Every scope asked for is granted.", tuple(rows))]
    right = [row for row in case.bound if case.org.org_id and row.token_org == case.org.org_id]
    if right:
        evidence.append(Evidence("Inspection shows that the token belongs to this org.", ids(right)))
    mismatch = redirect_refusal(case)
    if mismatch is not None:
        evidence.append(
            Evidence(
                f"The authorization endpoint refuses the redirect URI: {heard(mismatch)}.", (mismatch.exchange_id,)
            )
        )
        return case.conclude("redirect_uri_mismatch", {"redirect_uri_mismatch": 96}, evidence)
    return case.conclude("works", {"works": 98}, evidence)
