"""The rules, one for each family of causes. Each looks at a case and gives a verdict or leaves it to the next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from ..records import Evidence, Exchange, Fault, Verdict
from .case import Case, ids, signature
from .exclusions import exclusions

__all__ = ["access", "context", "credential", "open_question", "redirect_fault", "transport"]

_DETERMINED = ("scope_unknown", "scope_not_granted", "propagation_overdue", "propagating", "replicas_disagree")


def heard(row: Exchange) -> str:
    """An answer in a few words, for evidence sentences."""
    if row.outcome == "unreachable":
        return f"no answer ({row.error})"
    if row.outcome in ("granted", "narrowed"):
        return "a token" if row.outcome == "granted" else "a token with fewer scopes"
    text = f" “{row.error_description}”" if row.error_description else ""
    return f"{row.status} {row.error or '(no error code)'}{text}"


def transport(case: Case) -> Verdict | None:
    """No usable answer came back: network, certificate, path, server fault, rate limit."""
    row = case.baseline
    if row is None:
        return case.conclude("not_asked", {"not_asked": 98}, [Evidence("No request was sent for this org.")])
    tries = [each for each in case.exchanges if each.probe_id == row.probe_id and each.purpose != "inspect"]
    evidence = [Evidence(f"{_times(len(tries))} asked, {heard(row)}.", ids(tries))]
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
        return case.conclude("inconclusive", odds, evidence, next_check="Open {endpoint}: does a token endpoint answer there, or a page?")
    if case.is_about(row) == "endpoint":
        evidence.append(Evidence("That is no answer of an OAuth token endpoint (RFC 6749 §5.2: JSON with `error`).", ids(tries)))
        return case.conclude("wrong_endpoint", {"wrong_endpoint": 95, "server_error": 3}, evidence)
    return None


def credential(case: Case) -> Verdict | None:
    """The server does not accept the client as it presents itself."""
    first = case.baseline
    assert first is not None
    if case.is_about(first) != "client":
        return None
    if case.answer is not None and case.answer is not first:
        return _presented_otherwise(case, first, case.answer)
    refusals = [row for row in case.tokens if case.is_about(row) == "client"]
    evidence = [Evidence(f"The server refuses the client: {heard(first)}.", ids(refusals))]
    if len(refusals) > 1:
        evidence.append(Evidence("Presenting the same credential in another way changes nothing.", ids(refusals[1:])))
    working = [name for name in case.twins if name in case.accepted_in]
    if working:
        says = f"The same client id and secret are accepted in {working[0]}: they are that org's."
        evidence.append(Evidence(says, (case.accepted_in[working[0]],)))
        odds = {"credentials_of_another_org": 92.0, "client_rejected": 5.0}
        return case.conclude("credentials_of_another_org", odds, evidence, ruled_out=exclusions(case))
    told = case.provider.client_fault(first.error_description)
    if told == "unknown_client":
        odds = {"unknown_client": 82.0, "wrong_region": 8.0, "credentials_of_another_org": 7.0}
        return case.conclude("unknown_client", odds, evidence)
    if told == "wrong_secret":
        return case.conclude("wrong_secret", {"wrong_secret": 88, "client_rejected": 8}, evidence)
    odds = {"wrong_secret": 40.0, "unknown_client": 30.0, "credentials_of_another_org": 12.0}
    if case.org.auth_method == "client_secret_basic" and {row.auth_method for row in refusals} == {"client_secret_basic"}:
        odds["auth_method_mismatch"] = 8.0
    if first.error is None:
        odds["scope_not_granted"] = 4.0
    evidence.append(Evidence("Its answer does not tell a wrong secret from an unknown or disabled client.", ids(refusals)))
    verdict = case.conclude("client_rejected", {"client_rejected": 0, **odds}, evidence)
    return _with_probability(verdict, 0.9)


def _with_probability(verdict: Verdict, probability: float) -> Verdict:
    from dataclasses import replace

    return replace(verdict, probability=probability)


def _presented_otherwise(case: Case, first: Exchange, way: Exchange) -> Verdict:
    name = "secret_encoding" if way.auth_method == first.auth_method else "auth_method_mismatch"
    evidence = [
        Evidence(f"As the file says ({first.auth_method}), the client is refused: {heard(first)}.", (first.exchange_id,)),
        Evidence(
            "The same secret without percent-encoding is accepted." if name == "secret_encoding" else f"By {way.auth_method} it is accepted.",
            (way.exchange_id,),
        ),
    ]
    faults = [fault for fault, _ in _access_faults(case)]
    return case.conclude(name, {name: 96}, evidence, also=(*faults, *redirect_fault(case)), ruled_out=exclusions(case))


def context(case: Case) -> Verdict | None:
    """The token, or the client, belongs to another org than the one that is meant."""
    first = case.answer
    assert first is not None
    strange = next((row for row in case.bound if _is_another(case, row.token_org)), None)
    if strange is not None:
        return _bound_elsewhere(case, strange)
    if first.outcome != "refused" or case.is_about(first) == "scope":
        return None
    varied = case.without_org_id
    if varied is None or varied.outcome not in ("granted", "narrowed"):
        return _unsettled_context(case, first) if case.is_about(first) == "context" else None
    evidence = [
        Evidence(f"With its org_id, the org refuses: {heard(first)}.", (first.exchange_id,)),
        Evidence("Without org_id, the same client gets a token.", (varied.exchange_id,)),
    ]
    if re.search(r"(unknown|no such|invalid) (organi[sz]ation|org_id)|organi[sz]ation (was )?not found", first.error_description or "", re.I):
        evidence.append(Evidence("The server does not know the org_id that was sent.", (first.exchange_id,)))
        return case.conclude(
            "wrong_org_context", {"wrong_org_context": 95}, evidence, ruled_out=exclusions(case),
            advice="Correct the `org_id` of {org}: the server does not know it.",
        )  # fmt: skip
    owner = case.home.token_org if case.home is not None else None
    if owner is not None and owner == case.org.org_id:
        return None  # the client's own org is the right one: the context is not what is refused
    if owner is not None and case.home is not None:
        whose = case.org_with_id(owner) or "another org"
        evidence.append(Evidence(f"That token belongs to {whose}: the client is that org's own.", (case.home.exchange_id,)))
    return _of_another_org(case, evidence)


def _is_another(case: Case, token_org: str | None) -> bool:
    """Whether ``token_org`` is surely not the org that is meant."""
    if case.org.org_id is not None:
        return token_org != case.org.org_id
    owner = case.org_with_id(token_org)
    return owner is not None and owner != case.org.name


def _bound_elsewhere(case: Case, row: Exchange) -> Verdict:
    whose = case.org_with_id(row.token_org) or "another org"
    evidence = [Evidence(f"A token was granted, but inspection shows that it belongs to {whose}.", (row.exchange_id,))]
    if case.provider.has_org_parameter and case.org.org_id is None:
        asked = [each for each in case.tokens if each.probe_id == row.probe_id]
        evidence.append(Evidence("The request named no org: the investigation has no org_id for it.", ids(asked)))
        return case.conclude("wrong_org_context", {"wrong_org_context": 94, "credentials_of_another_org": 4}, evidence)
    if case.org.integration == "per-org" or not case.provider.has_org_parameter or case.twins:
        return _of_another_org(case, evidence)
    evidence.append(Evidence("The org's own org_id was sent, and had no effect.", (row.exchange_id,)))
    odds = {"wrong_org_context": 75.0, "credentials_of_another_org": 20.0}
    return case.conclude("wrong_org_context", odds, evidence)


def _of_another_org(case: Case, evidence: list[Evidence]) -> Verdict:
    shared = [name for name in case.twins if name in case.accepted_in]
    if shared:
        evidence.append(Evidence(f"{shared[0]} presents the same client id and secret, and is accepted.", (case.accepted_in[shared[0]],)))
    if case.provider.has_org_parameter and case.org.integration == "global":
        evidence.append(Evidence("The investigation calls the integration global; the server does not treat it so."))
        odds = {"integration_per_org": 90.0, "credentials_of_another_org": 7.0}
        return case.conclude("integration_per_org", odds, evidence, ruled_out=exclusions(case))
    odds = {"credentials_of_another_org": 94.0, "client_rejected": 3.0}
    return case.conclude("credentials_of_another_org", odds, evidence, ruled_out=exclusions(case))


def _unsettled_context(case: Case, first: Exchange) -> Verdict:
    evidence = [Evidence(f"The server refuses this client for this org: {heard(first)}.", (first.exchange_id,))]
    odds = {"integration_per_org": 45.0, "credentials_of_another_org": 40.0, "wrong_org_context": 10.0}
    return case.conclude("inconclusive", odds, evidence, next_check="Look {client} up: in which org was it made, and is the integration global?")


def access(case: Case) -> Verdict | None:
    """The client is accepted in the right org, and some scope is not."""
    faults = _access_faults(case)
    if not faults:
        return None
    order = [pair for name in _DETERMINED for pair in faults if pair[0].cause == name] + [p for p in faults if p[0].cause == "inconclusive"]
    (main, evidence), rest = order[0], [fault for fault, _ in order[1:]]
    evidence = [*evidence, *_good_ones(case), *_elsewhere(case, main.scopes)]
    also = (*rest, *redirect_fault(case))
    if main.cause == "inconclusive":
        odds = {"scope_not_granted": 62.0, "scope_unknown": 30.0, "propagating": 6.0}
        return case.conclude(
            "inconclusive", odds, evidence, also=also, ruled_out=exclusions(case),
            next_check=case.words("Is there a scope of the name {scopes} on this platform? If so, it is not granted in {org}.", main.scopes),
        )  # fmt: skip
    odds = {
        "scope_unknown": {"scope_unknown": 95.0},
        "scope_not_granted": {"scope_not_granted": 91.0, "propagating": 6.0},
        "propagation_overdue": {"propagation_overdue": 72.0, "scope_not_granted": 26.0},
        "propagating": {"propagating": 80.0, "scope_not_granted": 18.0},
        "replicas_disagree": {"replicas_disagree": 90.0, "propagating": 8.0},
    }[main.cause]
    return case.conclude(main.cause, odds, evidence, scopes=main.scopes, also=also, ruled_out=exclusions(case))


def _access_faults(case: Case) -> list[tuple[Fault, list[Evidence]]]:
    """The missing scopes grouped by cause, each group with its evidence."""
    groups: dict[str, list[str]] = {}
    for scope in case.org.scopes:
        name = _cause_of(case, scope)
        if name is not None:
            groups.setdefault(name, []).append(scope)
    return [(Fault(name, tuple(scopes)), [e for scope in scopes for e in _why(case, scope, name)]) for name, scopes in groups.items()]


def _cause_of(case: Case, scope: str) -> str | None:
    grant = case.grants[scope]
    answers = sorted([(i, True) for i in grant.exchanges] + [(i, False) for i in grant.against])
    switches = sum(1 for (_, a), (_, b) in zip(answers, answers[1:], strict=False) if a != b)
    if switches >= 2:
        return "replicas_disagree"
    if grant.state != "missing":
        return None
    if grant.against:
        return "inconclusive"  # granted first and refused later: revoked meanwhile, or replicas
    refused = case.alone(scope)
    if any(case.provider.says_unknown_scope(row.error_description) for row in refused if row.outcome == "refused"):
        return "scope_unknown"
    change = next((c for c in case.facts.changes if c.org == case.org.name and c.scope == scope), None)
    if change is not None:
        last = max(row.sent_at for row in case.tokens)
        return "propagating" if last < change.at + timedelta(seconds=case.facts.window_s) else "propagation_overdue"
    return "scope_not_granted" if _is_known(case, scope) else "inconclusive"


def _is_known(case: Case, scope: str) -> bool:
    """Whether anything shows that the server, or the platform, knows the scope."""
    if scope in case.ledger.known_scopes:
        return True
    control = case.control
    return control is not None and any(signature(row) != signature(control) for row in case.alone(scope))


def _why(case: Case, scope: str, cause: str) -> list[Evidence]:
    grant = case.grants[scope]
    if cause == "replicas_disagree" or (cause == "inconclusive" and grant.against):
        return [
            Evidence(f"{scope}: granted in one answer …", grant.exchanges if grant.state == "granted" else grant.against),
            Evidence(f"{scope}: … and refused in another to the same question.", grant.against if grant.state == "granted" else grant.exchanges),
        ]
    rows = case.alone(scope)
    refused = [row for row in rows if row.outcome == "refused"]
    if refused:
        return [Evidence(f"{scope}, asked for alone: {heard(refused[0])}.", ids(refused))]
    return [Evidence(f"{scope} was asked for, and the token does not carry it.", grant.exchanges[:4])]


def _good_ones(case: Case) -> list[Evidence]:
    good = case.in_state("granted")
    if not good:
        return [Evidence("None of the scopes asked for is granted.", ids(case.tokens))]
    rows = sorted({i for scope in good for i in case.grants[scope].exchanges})[:4]
    found = [Evidence(f"{', '.join(good)}: granted to the same client.", tuple(rows))]
    if case.style.absent_means is not None and any(row.scope_stated is False for row in case.issued):
        found.append(Evidence(f"A token answer without `scope` means {case.style.absent_means} on this server.", case.style.because))
    return found


def _elsewhere(case: Case, scopes: Sequence[str]) -> list[Evidence]:
    found = []
    known = {scope: case.ledger.known_scopes[scope] for scope in scopes if scope in case.ledger.known_scopes}
    if known:
        says = f"{', '.join(known)}: granted in another org of this run, so the name is right."
        found.append(Evidence(says, tuple(sorted(set(known.values()))[:4])))
    varied = case.without_org_id
    if varied is not None and varied.outcome == "granted":
        found.append(Evidence("Without org_id the same request is granted: what is missing is missing in this org.", (varied.exchange_id,)))
    elif varied is not None and varied.outcome == "refused":
        found.append(Evidence(f"Without org_id it is refused too: {heard(varied)}.", (varied.exchange_id,)))
    return found


def redirect_fault(case: Case) -> tuple[Fault, ...]:
    """``redirect_uri_mismatch`` where the authorization endpoint says so in words; a login page proves nothing."""
    return (Fault("redirect_uri_mismatch"),) if redirect_refusal(case) is not None else ()


def redirect_refusal(case: Case) -> Exchange | None:
    """The explicit refusal of the redirect URI."""
    for row in case.exchanges:
        text = f"{row.error or ''} {row.error_description or ''}".lower()
        if row.endpoint == case.org.authorization_url and row.outcome == "refused" and re.search(r"redirect[_ ]?ur[il]", text):
            return row
    return None


def open_question(case: Case) -> Verdict:
    """What is left: all granted, a redirect URI that does not match, or answers that leave more than one cause."""
    first = case.answer
    assert first is not None
    early = case.facts.ended_early.get(case.org.name)
    unknown = case.in_state("unknown")
    if not unknown:
        return _all_granted(case)
    if early == "budget":
        evidence = [Evidence(f"The budget of requests ended before {', '.join(unknown)} could be settled.", ids(case.tokens))]
        odds = {"scope_not_granted": 50.0, "works": 30.0}
        return case.conclude("inconclusive", odds, evidence, next_check="Raise `limits.budget` and run {org} again.")
    if first.outcome in ("granted", "narrowed"):
        evidence = [
            Evidence("A token was granted, and the answer does not say with which scopes.", ids(case.issued)),
            Evidence("Nothing shows whether this server means all or nothing by that.", ids(case.issued)),
        ]
        check = "Inspect the token (set `introspection_url`), or call a resource that needs {scopes}."
        return case.conclude("inconclusive", {"works": 55, "scope_not_granted": 40}, evidence, next_check=case.words(check, unknown))
    evidence = [Evidence(f"The request is refused: {heard(first)}.", ids([first]))]
    bare = next((row for row in case.tokens if row.purpose == "control" and row.scope_requested is None), None)
    if bare is not None:
        evidence.append(Evidence(f"Without any scope: {heard(bare)}.", (bare.exchange_id,)))
    if case.is_about(first) == "grant":
        return case.conclude("grant_not_allowed", {"grant_not_allowed": 88, "client_rejected": 8}, evidence, ruled_out=exclusions(case))
    odds = {"grant_not_allowed": 35.0, "client_rejected": 30.0, "scope_not_granted": 20.0}
    return case.conclude("inconclusive", odds, evidence, next_check="Read the server's own log, or ask its support, with the correlation id of the refusal.")


def _all_granted(case: Case) -> Verdict:
    rows = sorted({i for grant in case.grants.values() for i in grant.exchanges})[:4]
    evidence = [Evidence("Every scope asked for is granted.", tuple(rows))]
    late = [scope for scope, grant in case.grants.items() if grant.against]
    if late:
        evidence.append(Evidence(f"{', '.join(late)}: refused at first, granted since: the grant arrived meanwhile.", case.grants[late[0]].against))
    right = [row for row in case.bound if case.org.org_id and row.token_org == case.org.org_id]
    if right:
        evidence.append(Evidence("Inspection shows that the token belongs to this org.", ids(right)))
    mismatch = redirect_refusal(case)
    if mismatch is not None:
        evidence.append(Evidence(f"The authorization endpoint refuses the redirect URI: {heard(mismatch)}.", (mismatch.exchange_id,)))
        return case.conclude("redirect_uri_mismatch", {"redirect_uri_mismatch": 96}, evidence)
    return case.conclude("works", {"works": 98}, evidence)


def _times(count: int) -> str:
    return {1: "Once", 2: "Twice"}.get(count, f"{count} times")

