"""The client is accepted in the right org, and permissions or a resource decide what it may do."""

from __future__ import annotations

from ...records import Evidence, Exchange, Fault, Verdict
from ..answers import inspections
from ..case import Case, ids
from ..exclusions import exclusions
from .wording import heard

__all__ = ["rights"]

_SCOPE_TOO_SMALL = "insufficient_scope"


def rights(case: Case) -> Verdict | None:
    """A permission is missing, a resource refuses the token, or scopes are asked for where they have no meaning."""
    if not case.issued:
        return None
    refused = [row for row in inspections(case.org, case.exchanges, "resource") if row.outcome == "refused"]
    lacking, evidence = _lacking(case, refused)
    idle = case.org.scopes if not case.provider.scopes_apply(case.org) else ()
    also = [Fault("scope_not_applicable", idle)] if idle else []
    if lacking:
        odds = {"permission_missing": 93.0, "propagating": 4.0}
        return case.conclude(
            "permission_missing", odds, evidence, scopes=lacking, also=also, ruled_out=exclusions(case)
        )
    if refused:
        return _refused_resource(case, refused[0], evidence, also)
    held, rows = _held(case)
    if held == () and not case.org.permissions and case.provider.scopes_apply(case.org):
        says = "The token carries no role at all, and the investigation names none that it must carry."
        check = "Name what the integration needs as `permissions` of {org}, and run again."
        odds = {"permission_missing": 55.0, "works": 35.0}
        return case.conclude("inconclusive", odds, [Evidence(says, ids(rows)), *evidence], next_check=check)
    if not idle:
        return None
    says = "With this grant type the platform decides by roles: the token request carries no scopes."
    evidence = [Evidence(says, ids(case.issued)), *evidence]
    odds = {"scope_not_applicable": 96.0}
    return case.conclude("scope_not_applicable", odds, evidence, scopes=idle, ruled_out=exclusions(case))


def _lacking(case: Case, refused: list[Exchange]) -> tuple[tuple[str, ...], list[Evidence]]:
    """The permissions that the client lacks, by its roles or by the word of a resource; and what shows it."""
    lacking: dict[str, None] = {}
    evidence = []
    held, rows = _held(case)
    if held is not None and case.org.permissions:
        missing = case.provider.lacks(held, case.org.permissions)
        lacking.update(dict.fromkeys(missing))
        says = (
            f"The client's roles do not hold {', '.join(missing)}." if missing else "The client's roles hold all of it."
        )
        evidence.append(Evidence(says, ids(rows)))
    for row in refused:
        if row.error != _SCOPE_TOO_SMALL:
            lacking.update(dict.fromkeys(row.named_scopes))
        evidence.append(Evidence(f"The resource refuses the token: {heard(row)}.", (row.exchange_id,)))
    return tuple(lacking), evidence


def _held(case: Case) -> tuple[tuple[str, ...] | None, list[Exchange]]:
    """The permissions that the client has, by inspection or by what its token carries; and the answers that tell."""
    told = [row for row in inspections(case.org, case.exchanges, "permissions") if row.outcome == "granted"]
    if told:
        return told[-1].scope_granted or (), told
    carrying = [row for row in case.issued if case.provider.permissions_carried(row) is not None]
    return (case.provider.permissions_carried(carrying[-1]), carrying) if carrying else (None, [])


def _refused_resource(case: Case, row: Exchange, evidence: list[Evidence], also: list[Fault]) -> Verdict:
    """The resource names no permission: the scope is too small (RFC 6750 §3.1), or it stays open."""
    wanted = tuple(scope for scope in row.named_scopes if scope not in case.in_state("granted"))
    if row.error == _SCOPE_TOO_SMALL and wanted:
        odds = {"scope_not_granted": 85.0, "permission_missing": 8.0, "propagating": 4.0}
        advice = (
            "Ask for {scopes} in the token request, and have it granted to {client} in {org}: the resource needs it."
        )
        return case.conclude(
            "scope_not_granted", odds, evidence, scopes=wanted, also=also, advice=advice, ruled_out=exclusions(case)
        )
    odds = {"permission_missing": 55.0, "scope_not_granted": 25.0, "wrong_org_context": 10.0}
    check = "Compare what the client may do in {org} with what the resource needs: roles, permissions, audience."
    return case.conclude("inconclusive", odds, evidence, also=also, next_check=check)
