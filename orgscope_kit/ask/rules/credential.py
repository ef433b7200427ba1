"""The server does not accept the client as it presents itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...records import Evidence, Exchange, Fault, Verdict
from ..case import Case, ids
from ..causes import CAUSES
from ..exclusions import exclusions
from .access import access_faults
from .wording import heard

__all__ = ["credential"]
#: ``client_rejected`` covers its runners-up: it is as probable as they are together.
_PAIR = 0.9
_OTHER_WAY = (
    "Look {client} up in the admin console of {org}: does it exist there, is it enabled, and is it registered for "
    "`client_secret_basic`? `limits.auth_tries: 3` lets the kit present the same secret by post too."
)


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
    if case.asked_by:
        says = (
            f"That is {case.asked_by}'s answer: it presents the same client id and secret here, so no one asks again."
        )
        evidence.append(Evidence(says, ids(refusals)))
    if all(case.provider.says_disabled(row.error_description) for row in refusals):
        evidence.append(Evidence("It says that the client is disabled.", ids(refusals)))
        advice = "Enable client {client} in {org}: the server says that it is disabled."
        check = "Run {org} again once the client is enabled."
        return case.conclude("client_rejected", {"client_rejected": 95}, evidence, advice=advice, next_check=check)
    if any(case.provider.says_wrong_region(row.error_description) for row in refusals):
        evidence.append(Evidence("It says that another region is the right one.", ids(refusals)))
        return case.conclude("wrong_region", {"wrong_region": 93, "unknown_client": 4}, evidence)
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
    return _by_words(case, first, refusals, evidence)


def _by_words(case: Case, first: Exchange, refusals: list[Exchange], evidence: list[Evidence]) -> Verdict:
    """Nothing but the refusal's own words is left: which half of the credential they name, if any."""
    told = case.provider.client_fault(first.error_description)
    doubt = case.provider.region_doubt(case.org, [*case.others.values()])
    region = {} if doubt is None else {"wrong_region": 25.0}
    evidence += [] if doubt is None else [Evidence(doubt)]
    other_region = None if doubt is None else CAUSES["wrong_region"].next_check
    if told == "unknown_client":
        odds = {"unknown_client": 82.0, "wrong_region": 8.0, "credentials_of_another_org": 7.0, **region}
        return case.conclude("unknown_client", odds, evidence, next_check=other_region)
    if told == "wrong_secret":
        return case.conclude("wrong_secret", {"wrong_secret": 88, "client_rejected": 8}, evidence)
    methods = case.metadata.auth_methods if case.metadata else None
    if case.metadata and methods and case.org.auth_method not in methods:
        return _method_not_supported(case, methods, case.metadata.exchange_id, evidence)
    odds = {"wrong_secret": 40.0, "unknown_client": 30.0, "credentials_of_another_org": 12.0, **region}
    if case.org.auth_method == "client_secret_basic" and {row.auth_method for row in refusals} == {
        "client_secret_basic"
    }:
        odds["auth_method_mismatch"] = 8.0 if case.accepted_in else 25.0  # all clients refused alike: a common cause
    if first.error is None:
        odds["scope_not_granted"] = 4.0
    evidence.append(
        Evidence("Its answer does not tell a wrong secret from an unknown or disabled client.", ids(refusals))
    )
    check = other_region or (_OTHER_WAY if "auth_method_mismatch" in odds else None)
    verdict = case.conclude("client_rejected", {"client_rejected": 0, **odds}, evidence, next_check=check)
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
    also = [fault for fault, _ in faults]
    if case.is_about(way) == "grant" and not case.issued:
        evidence.append(Evidence(f"Then the grant type is refused: {heard(way)}.", (way.exchange_id,)))
        also.insert(0, Fault("grant_not_allowed"))
    return case.conclude(name, {name: 96}, evidence, also=also, ruled_out=exclusions(case))


def _method_not_supported(case: Case, methods: Sequence[str], told: int, evidence: list[Evidence]) -> Verdict:
    """The issuer's metadata list the methods of its token endpoint, and the file's is not among them."""
    listed = ", ".join(methods[:8])
    says = f"The server takes {listed} (its metadata), and the file says {case.org.auth_method}."
    odds = {"auth_method_mismatch": 88.0, "client_rejected": 8.0}
    check = f"Set `auth_method` of {{org}} to what the client is registered for (one of {listed}), and run again."
    return case.conclude("auth_method_mismatch", odds, [*evidence, Evidence(says, (told,))], next_check=check)


def _presented_there(case: Case, twin: str) -> bool:
    other = case.others[twin]
    same = (other.token_url, other.org_id) == (case.org.token_url, case.org.org_id)
    return same and other.auth_method != case.org.auth_method
