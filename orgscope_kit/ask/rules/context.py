"""The token, or the client, belongs to another org than the one that is meant."""

from __future__ import annotations

import re

from ...records import Evidence, Exchange, Verdict
from ..case import Case, ids
from ..exclusions import exclusions
from .wording import heard

__all__ = ["context"]


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
    if re.search(
        r"(unknown|no such|invalid) (organi[sz]ation|org_id)|organi[sz]ation (was )?not found",
        first.error_description or "",
        re.I,
    ):
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
        evidence.append(
            Evidence(f"That token belongs to {whose}: the client is that org's own.", (case.home.exchange_id,))
        )
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
