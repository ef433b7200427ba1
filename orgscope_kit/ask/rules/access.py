"""The client is accepted in the right org, and some scope is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ...records import Evidence, Fault, Verdict
from ..case import Case, ids
from ..exclusions import exclusions
from .wording import heard, silence

__all__ = ["access", "access_faults"]

_EXISTS = "Is there a scope of the name {scopes} on this platform? If so, it is not granted in {org}."
#: What a missing scope can be called, in the order to mend.
_DETERMINED = (
    "scope_unknown", "scope_not_applicable", "scope_not_granted", "propagation_overdue", "propagating",
    "replicas_disagree",
)  # fmt: skip


def access(case: Case) -> Verdict | None:
    """The client is accepted in the right org, and some scope is not."""
    faults = access_faults(case)
    if not faults:
        return None
    order = [pair for name in _DETERMINED for pair in faults if pair[0].cause == name] + [
        p for p in faults if p[0].cause == "inconclusive"
    ]
    main, rest = order[0][0], [fault for fault, _ in order[1:]]
    evidence = [each for _, why in order for each in why]
    evidence += [*_good_ones(case), *_elsewhere(case, main.scopes), *_open_ones(case)]
    also = tuple(rest)
    if main.cause in ("scope_not_granted", "inconclusive") and case.bare is not None and not case.accepted:
        return _refused_whatever(case, evidence, main.scopes)
    if main.cause == "inconclusive":
        odds = {"scope_not_granted": 60.0, "scope_unknown": 30.0, "propagating": 6.0, "scope_not_applicable": 2.0}
        return case.conclude(
            "inconclusive", odds, evidence, also=also, ruled_out=exclusions(case),
            about=main.scopes, next_check=_EXISTS,
        )  # fmt: skip
    odds = {
        "scope_unknown": {"scope_unknown": 95.0},
        "scope_not_applicable": {"scope_not_applicable": 95.0},
        "scope_not_granted": {"scope_not_granted": 91.0, "propagating": 6.0},
        "propagation_overdue": {"propagation_overdue": 72.0, "scope_not_granted": 26.0},
        "propagating": {"propagating": 80.0, "scope_not_granted": 18.0},
        "replicas_disagree": {"replicas_disagree": 90.0, "propagating": 8.0},
    }[main.cause]
    return case.conclude(main.cause, odds, evidence, scopes=main.scopes, also=also, ruled_out=exclusions(case))


def _refused_whatever(case: Case, evidence: Sequence[Evidence], scopes: Sequence[str]) -> Verdict:
    """No token came, and the request without any scope is refused alike: it need not be about scopes at all."""
    assert case.bare is not None
    says = f"Without any scope the answer is the same: {heard(case.bare)}."
    odds = {"scope_not_granted": 48.0, "wrong_secret": 14.0, "unknown_client": 10.0, "client_rejected": 8.0}
    odds |= {"grant_not_allowed": 6.0, "scope_unknown": 6.0, "scope_not_applicable": 4.0}
    if case.provider.has_org_parameter:
        odds |= {"wrong_org_context": 8.0, "integration_per_org": 4.0, "credentials_of_another_org": 4.0}
    check = "Look {client} up in the admin console of {org}: does it exist, is its secret current, is {scopes} granted?"
    return case.conclude(
        "inconclusive", odds, [*evidence, Evidence(says, (case.bare.exchange_id,))], about=scopes, next_check=check
    )


def access_faults(case: Case) -> list[tuple[Fault, list[Evidence]]]:
    """The missing scopes grouped by cause, each group with its evidence."""
    groups: dict[str, list[str]] = {}
    for scope in case.org.scopes:
        name = _cause_of(case, scope)
        if name is not None:
            groups.setdefault(name, []).append(scope)
    return [
        (
            Fault(name, tuple(scopes)),
            [e for scope in scopes for e in (*_why(case, scope, name), *_listing(case, scope, name))],
        )
        for name, scopes in groups.items()
    ]


def _cause_of(case: Case, scope: str) -> str | None:
    grant = case.grants[scope]
    changed_at = case.facts.changes.get((case.org.name, scope))
    on_its_way = changed_at is not None and case.last_asked_at < changed_at + timedelta(seconds=case.facts.window_s)
    if grant.against:
        return "propagating" if on_its_way else "replicas_disagree"
    if grant.state != "missing":
        return None
    refused = [row for row in case.alone(scope) if row.outcome == "refused"]
    if any(case.provider.says_unknown_scope(row.error_description) for row in refused):
        return "scope_unknown"
    if any(case.provider.says_no_meaning(row.error_description) for row in refused):
        return "scope_not_applicable"
    if refused and not _is_known(case, scope) and _not_listed(case, scope):
        return "scope_unknown"
    if changed_at is not None:
        return "propagating" if on_its_way else "propagation_overdue"
    return "scope_not_granted" if _is_known(case, scope) else "inconclusive"


def _is_known(case: Case, scope: str) -> bool:
    """Whether anything shows that the server, or the platform, knows the scope."""
    if scope in case.ledger.known_scopes or (case.metadata and scope in (case.metadata.scopes or ())):
        return True
    return bool(case.differs_from_control(scope))


def _not_listed(case: Case, scope: str) -> bool:
    """Whether the issuer's list of scopes leaves it out, and is whole as far as the answers tell (RFC 8414 §2)."""
    metadata = case.metadata
    if metadata is None or metadata.scopes is None or not metadata.is_inventory:
        return False
    return scope not in metadata.scopes and set(case.in_state("granted")) <= set(metadata.scopes)


def _listing(case: Case, scope: str, cause: str) -> list[Evidence]:
    """What the issuer's list says of a scope, where the cause rests on it."""
    metadata = case.metadata
    if metadata is None or metadata.scopes is None or cause not in ("scope_unknown", "scope_not_granted"):
        return []
    if scope in metadata.scopes:
        return [Evidence(f"{scope}: among the scopes that the issuer's metadata list.", (metadata.exchange_id,))]
    if cause == "scope_unknown":
        return [Evidence(f"{scope}: not among the scopes that the issuer's metadata list.", (metadata.exchange_id,))]
    return []


def _why(case: Case, scope: str, cause: str) -> list[Evidence]:
    grant = case.grants[scope]
    if grant.against:
        yes, no = (grant.exchanges, grant.against)[:: 1 if grant.state == "granted" else -1]
        return [
            Evidence(f"{scope} is granted in one answer.", yes[:4]),
            Evidence(f"{scope} is not granted in another.", no[:4]),
        ]
    rows = case.alone(scope)
    refused = [row for row in rows if row.outcome == "refused"]
    if refused:
        return [Evidence(f"{scope}, asked for alone: {heard(refused[0])}.", ids(refused))]
    if any(row.exchange_id in grant.exchanges and row.outcome == "refused" for row in case.tokens):
        return [Evidence(f"Requests that hold {scope} are refused.", grant.exchanges[:4])]
    return [Evidence(f"{scope} was asked for, and the token does not carry it.", grant.exchanges[:4])]


def _good_ones(case: Case) -> list[Evidence]:
    good = case.in_state("granted")
    if not good:
        asked = [row for row in case.tokens if row.scope_requested]
        return [Evidence("No answer grants any of the scopes asked for.", ids(asked))]
    rows = sorted({i for scope in good for i in case.grants[scope].exchanges})[:4]
    found = [Evidence(f"{', '.join(good)}: granted to the same client.", tuple(rows))]
    found += silence(case)
    return found


def _elsewhere(case: Case, scopes: Sequence[str]) -> list[Evidence]:
    found = []
    known = case.known_elsewhere(scopes)
    if known:
        says = f"{', '.join(known)}: granted in another org of this run, so the name is right."
        found.append(Evidence(says, tuple(sorted(set(known.values()))[:4])))
    varied = case.without_org_id
    if varied is not None and varied.outcome == "granted" and case.style.absent_means != "nothing":
        found.append(
            Evidence(
                "Without org_id the same request is granted: what is missing is missing in this org.",
                (varied.exchange_id,),
            )
        )
    elif varied is not None and varied.outcome == "refused":
        found.append(Evidence(f"Without org_id it is refused too: {heard(varied)}.", (varied.exchange_id,)))
    return found


def _open_ones(case: Case) -> list[Evidence]:
    left = ", ".join(case.in_state("unknown"))
    if not left:
        return []
    ended = case.facts.ended_early.get(case.org.name) == "budget"
    says = f"The budget of requests ended before {left} could be settled." if ended else f"{left}: not settled yet."
    return [Evidence(says, ids(case.tokens))]
