"""The server does not accept the client as it presents itself."""

from __future__ import annotations

from dataclasses import replace

from ...records import Evidence, Exchange, Verdict
from ..case import Case, ids
from ..exclusions import exclusions
from .access import access_faults
from .wording import heard

__all__ = ["credential"]
#: ``client_rejected`` covers its runners-up: it is as probable as they are together.
_PAIR = 0.9


def credential(case: Case) -> Verdict | None:
    """The server does not accept the client as it presents itself."""
    first = case.baseline
    assert first is not None
    if case.is_about(first) != "client":
        return None
    if case.answer is not None and case.answer is not first:
        return _presented_otherwise(case, first, case.answer)
    refusals = [row for row in case.tokens if case.is_about(row) == "client" and row.purpose in ("baseline", "verify")]
    evidence = [Evidence(f"The server refuses the client: {heard(first)}.", ids(refusals))]
    if len(refusals) > 1:
        evidence.append(Evidence("Presenting the same credential in another way changes nothing.", ids(refusals[1:])))
    if all(case.provider.says_disabled(row.error_description) for row in refusals):
        evidence.append(Evidence("It says that the client is disabled.", ids(refusals)))
        advice = "Enable client {client} in {org}: the server says that it is disabled."
        check = "Run {org} again once the client is enabled."
        return case.conclude("client_rejected", {"client_rejected": 95}, evidence, advice=advice, next_check=check)
    working = [name for name in case.twins if name in case.accepted_in]
    other_way = [name for name in working if _presented_there(case, name)]
    if other_way:
        says = f"{other_way[0]} presents the same client id and secret to the same address in another way: accepted."
        evidence.append(Evidence(says, (case.accepted_in[other_way[0]],)))
        return case.conclude("auth_method_mismatch", {"auth_method_mismatch": 92, "client_rejected": 5}, evidence)
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
    if case.org.auth_method == "client_secret_basic" and {row.auth_method for row in refusals} == {
        "client_secret_basic"
    }:
        odds["auth_method_mismatch"] = 8.0
    if first.error is None:
        odds["scope_not_granted"] = 4.0
    evidence.append(
        Evidence("Its answer does not tell a wrong secret from an unknown or disabled client.", ids(refusals))
    )
    verdict = case.conclude("client_rejected", {"client_rejected": 0, **odds}, evidence)
    return replace(verdict, probability=_PAIR)


def _presented_otherwise(case: Case, first: Exchange, way: Exchange) -> Verdict:
    name = "secret_encoding" if way.auth_method == first.auth_method else "auth_method_mismatch"
    evidence = [
        Evidence(
            f"As the file says ({first.auth_method}), the client is refused: {heard(first)}.", (first.exchange_id,)
        ),
        Evidence(
            "The same secret without percent-encoding is accepted."
            if name == "secret_encoding"
            else f"By {way.auth_method} it is accepted.",
            (way.exchange_id,),
        ),
    ]
    faults = access_faults(case)
    evidence += [each for _, why in faults for each in why]
    return case.conclude(
        name, {name: 96}, evidence, also=tuple(fault for fault, _ in faults), ruled_out=exclusions(case)
    )


def _presented_there(case: Case, twin: str) -> bool:
    other = case.others[twin]
    same = (other.token_url, other.org_id) == (case.org.token_url, case.org.org_id)
    return same and other.auth_method != case.org.auth_method
