"""The client is accepted in the right org, and some scope is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ...records import Evidence, Fault, Verdict
from ..case import Case, ids, signature
from ..exclusions import exclusions
from .redirect import redirect_fault
from .wording import heard

__all__ = ["access", "access_faults"]

_EXISTS = "Is there a scope of the name {scopes} on this platform? If so, it is not granted in {org}."
#: What a missing scope can be called, in the order to mend.
_DETERMINED = ("scope_unknown", "scope_not_granted", "propagation_overdue", "propagating", "replicas_disagree")


def access(case: Case) -> Verdict | None:
    """The client is accepted in the right org, and some scope is not."""
    faults = access_faults(case)
    if not faults:
        return None
    order = [pair for name in _DETERMINED for pair in faults if pair[0].cause == name] + [
        p for p in faults if p[0].cause == "inconclusive"
    ]
    (main, evidence), rest = order[0], [fault for fault, _ in order[1:]]
    evidence = [*evidence, *_good_ones(case), *_elsewhere(case, main.scopes)]
    also = (*rest, *redirect_fault(case))
    if main.cause == "inconclusive":
        odds = {"scope_not_granted": 62.0, "scope_unknown": 30.0, "propagating": 6.0}
        return case.conclude(
            "inconclusive", odds, evidence, also=also, ruled_out=exclusions(case),
            next_check=case.words(_EXISTS, main.scopes),
        )  # fmt: skip
    odds = {
        "scope_unknown": {"scope_unknown": 95.0},
        "scope_not_granted": {"scope_not_granted": 91.0, "propagating": 6.0},
        "propagation_overdue": {"propagation_overdue": 72.0, "scope_not_granted": 26.0},
        "propagating": {"propagating": 80.0, "scope_not_granted": 18.0},
        "replicas_disagree": {"replicas_disagree": 90.0, "propagating": 8.0},
    }[main.cause]
    return case.conclude(main.cause, odds, evidence, scopes=main.scopes, also=also, ruled_out=exclusions(case))


def access_faults(case: Case) -> list[tuple[Fault, list[Evidence]]]:
    """The missing scopes grouped by cause, each group with its evidence."""
    groups: dict[str, list[str]] = {}
    for scope in case.org.scopes:
        name = _cause_of(case, scope)
        if name is not None:
            groups.setdefault(name, []).append(scope)
    return [
        (Fault(name, tuple(scopes)), [e for scope in scopes for e in _why(case, scope, name)])
        for name, scopes in groups.items()
    ]


def _cause_of(case: Case, scope: str) -> str | None:
    grant = case.grants[scope]
    change = next((c for c in case.facts.changes if c.org == case.org.name and c.scope == scope), None)
    last = max(row.sent_at for row in case.tokens)
    on_its_way = change is not None and last < change.at + timedelta(seconds=case.facts.window_s)
    if grant.against:
        return "propagating" if on_its_way else "replicas_disagree"
    if grant.state != "missing":
        return None
    refused = [row for row in case.alone(scope) if row.outcome == "refused"]
    if any(case.provider.says_unknown_scope(row.error_description) for row in refused):
        return "scope_unknown"
    if change is not None:
        return "propagating" if on_its_way else "propagation_overdue"
    return "scope_not_granted" if _is_known(case, scope) else "inconclusive"


def _is_known(case: Case, scope: str) -> bool:
    """Whether anything shows that the server, or the platform, knows the scope."""
    if scope in case.ledger.known_scopes:
        return True
    control = case.control
    return control is not None and any(signature(row) != signature(control) for row in case.alone(scope))


def _why(case: Case, scope: str, cause: str) -> list[Evidence]:
    grant = case.grants[scope]
    if grant.against:
        return [
            Evidence(
                f"{scope}: granted in one answer …", grant.exchanges if grant.state == "granted" else grant.against
            ),
            Evidence(
                f"{scope}: … and refused in another to the same question.",
                grant.against if grant.state == "granted" else grant.exchanges,
            ),
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
        found.append(
            Evidence(
                f"A token answer without `scope` means {case.style.absent_means} on this server.", case.style.because
            )
        )
    return found


def _elsewhere(case: Case, scopes: Sequence[str]) -> list[Evidence]:
    found = []
    known = {scope: case.ledger.known_scopes[scope] for scope in scopes if scope in case.ledger.known_scopes}
    if known:
        says = f"{', '.join(known)}: granted in another org of this run, so the name is right."
        found.append(Evidence(says, tuple(sorted(set(known.values()))[:4])))
    varied = case.without_org_id
    if varied is not None and varied.outcome == "granted":
        found.append(
            Evidence(
                "Without org_id the same request is granted: what is missing is missing in this org.",
                (varied.exchange_id,),
            )
        )
    elif varied is not None and varied.outcome == "refused":
        found.append(Evidence(f"Without org_id it is refused too: {heard(varied)}.", (varied.exchange_id,)))
    return found
