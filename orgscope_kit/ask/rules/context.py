"""The token, or the client, belongs to another org than the one that is meant."""

from __future__ import annotations

import re

from ...records import Evidence, Exchange, Verdict
from ..answers import TOKEN
from ..case import Case, ids
from ..exclusions import exclusions
from .wording import heard, shown_by

__all__ = ["context"]

_UNKNOWN_ORG = re.compile(
    r"(unknown|no such|invalid) (organi[sz]ation|org_id)"
    r"|(organi[sz]ation|org_id)\b.{0,40}(not found|unknown|does not exist)",
    re.IGNORECASE,
)


def context(case: Case) -> Verdict | None:
    """The token, or the client, belongs to another org than the one that is meant."""
    first = case.answer
    assert first is not None
    strange = next((row for row in case.bound if _is_another(case, row.token_org)), None)
    if strange is not None:
        return _bound_elsewhere(case, strange)
    if case.heard_here:
        return _nameless(case, first)
    says = first.error_description or ""
    if case.is_about(first) == "context":
        if case.org.org_id is None and re.search(r"required|missing|must", says, re.I):
            evidence = [Evidence(f"The server wants the org named: {heard(first)}.", (first.exchange_id,))]
            return case.conclude("wrong_org_context", {"wrong_org_context": 95}, evidence)
        if _UNKNOWN_ORG.search(says):
            evidence = [Evidence(f"The server does not know the org_id: {heard(first)}.", (first.exchange_id,))]
            return case.conclude(
                "wrong_org_context", {"wrong_org_context": 95}, evidence, ruled_out=exclusions(case),
                advice="Correct the `org_id` of {org}: the server does not know it.",
            )  # fmt: skip
    varied = case.without_org_id
    if varied is None or varied.outcome not in TOKEN:
        return _unsettled_context(case, first) if case.is_about(first) == "context" else None
    evidence = [
        Evidence(f"With its org_id, the org refuses: {heard(first)}.", (first.exchange_id,)),
        Evidence("Without org_id, the same client gets a token.", (varied.exchange_id,)),
    ]
    owner = case.home.token_org if case.home is not None else None
    if owner is not None and owner == case.meant:
        return None  # the client's own org is the right one: the context is not what is refused
    if owner is not None and case.home is not None:
        whose = case.org_with_id(owner) or "another org"
        evidence.append(
            Evidence(f"That token belongs to {whose}: the client is that org's own.", (case.home.exchange_id,))
        )
    return _of_another_org(case, evidence)


def _is_another(case: Case, token_org: str | None) -> bool:
    """Whether ``token_org`` is surely not the org that is meant."""
    if case.meant is not None:
        return token_org != case.meant
    owner = case.org_with_id(token_org)
    return owner is not None and owner != case.org.name


def _nameless(case: Case, first: Exchange) -> Verdict | None:
    """No org is named, and the client is shared with another org of the run: its token may be bound to that one."""
    if not case.provider.has_org_parameter or case.org.org_id is not None or not case.twins:
        return None
    same = [
        name
        for name in case.twins
        if case.others[name].org_id is None and case.others[name].token_url == case.org.token_url
    ]
    if case.bound and not same:
        return None  # inspection names an org, and it is none of the others
    says = f"The request names no org, and its client is also {case.twins[0]}'s."
    evidence = [Evidence(f"{says} The answer: {heard(first)}.", (first.exchange_id,))]
    if same:
        evidence.append(Evidence(f"{same[0]} sends the very same request, which can be meant for one org only."))
    granted = first.outcome in TOKEN
    odds = {"wrong_org_context": 60.0, "works" if granted else "scope_not_granted": 18.0, "scope_unknown": 3.0}
    if granted:
        odds["scope_not_granted"] = 8.0
    if case.org.integration == "per-org":
        odds["credentials_of_another_org"] = 20.0
    check = "Give {org} its `org_id` and run again; an inspection of the token then shows whose it is."
    return case.conclude("inconclusive", odds, evidence, next_check=check)


def _bound_elsewhere(case: Case, row: Exchange) -> Verdict:
    whose = case.org_with_id(row.token_org) or "another org"
    evidence = [Evidence(f"A token was granted. {shown_by(row)} that it belongs to {whose}.", (row.exchange_id,))]
    if case.provider.has_org_parameter and case.org.org_id is None:
        asked = [each for each in case.tokens if each.probe_id == row.probe_id]
        evidence.append(Evidence("The request named no org: the investigation has no org_id for it.", ids(asked)))
        return case.conclude("wrong_org_context", {"wrong_org_context": 94, "credentials_of_another_org": 4}, evidence)
    if not (case.provider.has_org_parameter or case.provider.clients_belong_to_orgs):
        evidence.append(Evidence("On this platform the address asked decides whose token it is.", (row.exchange_id,)))
        advice = "Correct the token URL of {org}, or its id in the investigation: the address is another org's."
        odds = {"wrong_org_context": 94.0}
        return case.conclude("wrong_org_context", odds, evidence, advice=advice)
    if case.org.integration == "per-org" or not case.provider.has_org_parameter or case.twins:
        return _of_another_org(case, evidence)
    evidence.append(Evidence("The org's own org_id was sent, and had no effect.", (row.exchange_id,)))
    odds = {"wrong_org_context": 75.0, "credentials_of_another_org": 20.0}
    return case.conclude("wrong_org_context", odds, evidence)


def _of_another_org(case: Case, evidence: list[Evidence]) -> Verdict:
    if not case.provider.clients_belong_to_orgs:
        odds = {"scope_not_granted": 50.0, "integration_per_org": 20.0, "wrong_org_context": 20.0}
        check = "Look {org} up on the platform: does it admit client {client}, for the API that is asked for?"
        return case.conclude("inconclusive", odds, evidence, next_check=check)
    shared = [name for name in case.twins if name in case.accepted_in]
    if shared:
        evidence.append(
            Evidence(
                f"{shared[0]} presents the same client id and secret, and is accepted.", (case.accepted_in[shared[0]],)
            )
        )
    if case.provider.has_org_parameter and case.org.integration == "global":
        evidence.append(Evidence("The investigation calls the integration global; the server does not treat it so."))
        odds = {"integration_per_org": 90.0, "credentials_of_another_org": 7.0}
        return case.conclude("integration_per_org", odds, evidence, ruled_out=exclusions(case))
    odds = {"credentials_of_another_org": 94.0, "client_rejected": 3.0}
    return case.conclude("credentials_of_another_org", odds, evidence, ruled_out=exclusions(case))


def _unsettled_context(case: Case, first: Exchange) -> Verdict:
    evidence = [Evidence(f"The server refuses this client for this org: {heard(first)}.", (first.exchange_id,))]
    odds = {"integration_per_org": 45.0, "credentials_of_another_org": 40.0, "wrong_org_context": 10.0}
    return case.conclude(
        "inconclusive",
        odds,
        evidence,
        next_check="Look {client} up: in which org was it made, and is the integration global?",
    )
