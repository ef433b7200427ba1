"""What is left: all granted, or answers that leave more than one cause."""

from __future__ import annotations

from ...records import Evidence, Verdict
from ...scopes import CONTROL_SCOPE
from ..answers import TOKEN
from ..case import Case, ids
from ..evidence import conflicts
from ..exclusions import exclusions
from .redirect import redirect_refusal
from .wording import heard, shown_by, silence

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
        disagreeing = conflicts(case.org, case.exchanges)
        if disagreeing:
            return _two_answers(case, disagreeing[0])
        return _all_granted(case) if _granted_together(case) else _only_apart(case)
    if early is not None:
        ended = "The budget of requests ended" if early == "budget" else "The run was stopped"
        evidence = [Evidence(f"{ended} before {', '.join(unknown)} could be settled.", ids(case.tokens))]
        odds = {"scope_not_granted": 50.0, "works": 30.0, "scope_unknown": 10.0}
        again = "Raise `limits.budget` and run {org} again." if early == "budget" else "Go on with the run."
        return case.conclude("inconclusive", odds, evidence, next_check=again)
    # a control that the server stumbles over says nothing against scopes that the same client got a token for
    asked = (
        row for row in case.tokens if not (first.outcome in TOKEN and CONTROL_SCOPE in (row.scope_requested or ()))
    )
    broken = [row for row in asked if row.outcome in _BROKEN]
    if broken:
        evidence = [Evidence(f"The search ended early: {heard(broken[-1])}.", ids(broken))]
        odds = {"scope_not_granted": 45.0, "works": 20.0, "scope_unknown": 5.0, _BROKEN[broken[-1].outcome]: 20.0}
        return case.conclude(
            "inconclusive", odds, evidence, next_check="Run {org} again: the search could not be ended."
        )
    if first.outcome in TOKEN:
        evidence = [
            Evidence("A token was granted, and the answer does not say with which scopes.", ids(case.issued)),
            Evidence("Nothing shows whether this server means all or nothing by that.", ids(case.issued)),
        ]
        check = "Inspect the token (set `introspection_url`), or call a resource that needs {scopes}."
        odds = {"works": 52.0, "scope_not_granted": 37.0, "scope_unknown": 8.0}
        return case.conclude("inconclusive", odds, evidence, about=unknown, next_check=check)
    evidence = [Evidence(f"The request is refused: {heard(first)}.", ids([first]))]
    bare = next((row for row in case.tokens if row.purpose == "control" and row.scope_requested is None), None)
    if bare is not None:
        evidence.append(Evidence(f"Without any scope: {heard(bare)}.", (bare.exchange_id,)))
    if case.is_about(first) == "grant":
        return case.conclude(
            "grant_not_allowed", {"grant_not_allowed": 88, "client_rejected": 8}, evidence, ruled_out=exclusions(case)
        )
    if case.is_about(first) == "scope":
        odds = {"scope_not_granted": 50.0, "scope_unknown": 22.0, "scope_not_applicable": 18.0}
        check = "Ask for each of {scopes} in a request of its own, outside of this kit where it does not do so."
        return case.conclude("inconclusive", odds, evidence, about=unknown, next_check=check)
    odds = {"grant_not_allowed": 35.0, "client_rejected": 28.0, "scope_not_granted": 20.0, "scope_unknown": 5.0}
    if (first.error_description or "").startswith(("(HTML page)", "(text)")):
        odds = {**odds, "wrong_endpoint": 30.0}
    if case.provider.has_org_parameter:
        odds = {**odds, "wrong_org_context": 10.0, "integration_per_org": 5.0, "credentials_of_another_org": 5.0}
    return case.conclude(
        "inconclusive",
        odds,
        evidence,
        next_check="Read the server's own log, or ask its support, with the correlation id of the refusal.",
    )


def _granted_together(case: Case) -> bool:
    if not case.provider.names_scopes(case.org):
        return any(set(row.scope_granted or ()) >= set(case.org.scopes) for row in case.issued)
    return any(set(row.scope_requested or ()) >= set(case.org.scopes) for row in case.issued)


def _two_answers(case: Case, pair: tuple[int, int]) -> Verdict:
    evidence = [
        Evidence("One answer refuses scopes that the same client is granted in another.", tuple(sorted(pair))),
        Evidence("Each of the scopes is granted in some answer.", ids(case.issued)),
    ]
    odds = {"replicas_disagree": 55.0, "propagating": 20.0, "works": 15.0, "server_error": 5.0}
    check = "Run {org} again: a fault that passed, or servers that disagree, show themselves then."
    return case.conclude("inconclusive", odds, evidence, next_check=check)


def _only_apart(case: Case) -> Verdict:
    refused = (row for row in case.tokens if case.is_about(row) not in ("client", None))
    together = [row for row in refused if row.scope_requested == case.org.scopes]
    evidence = [
        Evidence("A request for all scopes at once is refused.", ids(together)),
        Evidence("Each of them is granted in a smaller request.", ids(case.issued)),
    ]
    check = "Ask for the scopes in two token requests: may they stand in one token on this platform?"
    return case.conclude(
        "inconclusive", {"scope_not_applicable": 50, "replicas_disagree": 40}, evidence, next_check=check
    )


def _all_granted(case: Case) -> Verdict:
    rows = sorted({i for grant in case.grants.values() for i in grant.exchanges})[:4]
    evidence = [Evidence("Every scope asked for is granted.", tuple(rows)), *silence(case)]
    right = [row for row in case.bound if case.meant and row.token_org == case.meant]
    if right:
        evidence.append(Evidence(f"{shown_by(right[0])} that the token belongs to this org.", ids(right)))
    mismatch = redirect_refusal(case)
    if mismatch is not None:
        says = f"The authorization endpoint refuses the redirect URI: {heard(mismatch)}."
        evidence.append(Evidence(says, (mismatch.exchange_id,)))
        return case.conclude("redirect_uri_mismatch", {"redirect_uri_mismatch": 96}, evidence)
    return case.conclude("works", {"works": 98}, evidence)
