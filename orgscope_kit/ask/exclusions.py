"""What the answers exclude, and by which exchange."""

from __future__ import annotations

from ..records import RuledOut
from .answers import alike
from .case import Case, ids

__all__ = ["exclusions"]


def exclusions(case: Case) -> list[RuledOut]:
    """Every cause that this case's answers exclude; the verdict leaves out those that it names itself."""
    return [*_credential(case), *_context(case), *_access(case), *_transport(case)]


def _credential(case: Case) -> list[RuledOut]:
    found = []
    if case.accepted:
        shown = ids(case.accepted, 2)
        because = "The server accepts the client: it gives it tokens, or answers otherwise without a scope."
        if case.issued:
            because = "The server accepts the client: it gives it tokens."
        found += [RuledOut(name, because, shown) for name in ("unknown_client", "wrong_secret", "client_rejected")]
    first = case.baseline
    asks = case.org.grant_type == "client_credentials" and case.org.redirect_uri is not None
    if first is not None and asks and first.outcome == "refused":
        because = "The token request, which carries no redirect URI (RFC 6749 §4.4), is refused already."
        found.append(RuledOut("redirect_uri_mismatch", because, (first.exchange_id,)))
    return found


def _context(case: Case) -> list[RuledOut]:
    right = [row for row in case.bound if case.meant and row.token_org == case.meant]
    found = []
    if right:
        shown = ids(right, 2)
        found = [
            RuledOut("wrong_org_context", "What the token tells names this org.", shown),
            RuledOut("credentials_of_another_org", "With these credentials the token belongs to this org.", shown),
            RuledOut("integration_per_org", "The client is accepted in this org.", shown),
        ]
    varied, first = case.without_org_id, case.answer
    if (
        not right
        and varied is not None
        and first is not None
        and case.is_about(first) == "scope"
        and not alike(varied, first)
    ):
        because = "The org_id takes effect: without it the same request is answered otherwise."
        found.append(RuledOut("wrong_org_context", because, (first.exchange_id, varied.exchange_id)))
    return found


def _access(case: Case) -> list[RuledOut]:
    found = []
    if case.issued:
        found.append(RuledOut("grant_not_allowed", "A token was issued for this grant type.", ids(case.issued, 2)))
    missing = case.in_state("missing")
    known = case.known_elsewhere(missing)
    if missing and len(known) == len(missing):
        shown = tuple(sorted(set(known.values())))
        found.append(RuledOut("scope_unknown", "Another org is granted the same scopes.", shown[:4]))
    elif missing and case.metadata and set(missing) <= set(case.metadata.scopes or ()):
        found.append(RuledOut("scope_unknown", "The issuer's metadata list them.", (case.metadata.exchange_id,)))
    elif missing and case.control is not None and all(case.differs_from_control(scope) for scope in missing):
        because = "A made-up scope is answered otherwise."
        alone = [row for scope in missing for row in case.differs_from_control(scope)]
        found.append(RuledOut("scope_unknown", because, (case.control.exchange_id, *ids(alone, 2))))
    return found


def _transport(case: Case) -> list[RuledOut]:
    if not case.accepted:
        return []
    shown = ids(case.accepted, 1)
    return [
        RuledOut("unreachable", "The server answers.", shown),
        RuledOut("wrong_endpoint", "A token endpoint answers at this address.", shown),
        RuledOut("wrong_region", "The client is known at this host.", shown),
    ]
