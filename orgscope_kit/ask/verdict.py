"""From exchanges to a cause for each org: plain rules, each with its evidence. Pure: no network, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..records import Exchange, Org, Verdict
from ..scopes import CONTROL_SCOPE
from .answers import about, host_of, presents_alike, token_rows
from .case import Case, Facts
from .evidence import settled
from .rules import access, context, credential, open_question, rights, transport, with_redirect

__all__ = ["Facts", "judge"]

#: Asked in this order, so that what must be mended first is the cause; the last one always speaks.
_RULES: tuple[Callable[[Case], Verdict | None], ...] = (transport, credential, context, access, rights, open_question)

#: Failures that can lie on our own side. A firewall of ours refuses connections too.
_OURS = frozenset(
    {"dns_failure", "timeout", "network_unreachable", "tls_untrusted", "proxy_failure", "connection_refused"}
)


def judge(
    orgs: Sequence[Org], exchanges: Mapping[str, Sequence[Exchange]], facts: Facts | None = None
) -> dict[str, Verdict]:
    """A verdict for each of ``orgs``, in their order.

    Args:
        exchanges: by org name; an org without any is ``not_asked``.
        facts: what is known beside the exchanges.
    """
    facts = facts or Facts()
    ledger = settled(orgs, exchanges)
    by_name = {org.name: org for org in orgs}
    ours = _our_network(orgs, exchanges)
    accepted, controls = _accepted(orgs, exchanges), _controls(exchanges)

    def one(org: Org) -> Verdict:
        rows, asked_by = tuple(exchanges.get(org.name, ())), None
        if not token_rows(org, rows) and org.name not in facts.skipped:
            asked_by = next(_told_of(org, by_name, exchanges, facts), None)
            rows = tuple(exchanges[asked_by]) if asked_by else rows
        case = Case(org, rows, by_name, ledger, facts, accepted, controls, ours if rows else (), asked_by)
        return with_redirect(case, next(verdict for rule in _RULES if (verdict := rule(case)) is not None))

    return {org.name: one(org) for org in orgs}


def _told_of(
    org: Org, orgs: Mapping[str, Org], exchanges: Mapping[str, Sequence[Exchange]], facts: Facts
) -> Iterator[str]:
    """Orgs whose failure is this one's too, so that it was not asked: its twin's rejection, or its issuer's silence."""
    twins = {name for group in facts.twins if org.name in group for name in group} - {org.name}
    for name in twins:
        answers = token_rows(orgs[name], exchanges.get(name, ())) if name in orgs else []
        rejected = bool(answers) and all(about(orgs[name], row) == "client" for row in answers)
        if rejected and presents_alike(orgs[name], org):
            yield name
    if org.discovers_token_url:
        for name, other in orgs.items():
            rows = exchanges.get(name, ())
            same = (other.issuer, other.verify) == (org.issuer, org.verify)
            if name != org.name and same and rows and not token_rows(other, rows):
                yield name


def _accepted(orgs: Sequence[Org], exchanges: Mapping[str, Sequence[Exchange]]) -> dict[str, int]:
    """For each org that got a token, an exchange that shows it."""
    found = {}
    for org in orgs:
        rows = token_rows(org, exchanges.get(org.name, ()))
        tokens = [row.exchange_id for row in rows if row.outcome in ("granted", "narrowed")]
        if tokens:
            found[org.name] = tokens[0]
    return found


def _controls(exchanges: Mapping[str, Sequence[Exchange]]) -> dict[str, Exchange]:
    """The request for the made-up scope, by token endpoint."""
    asked = (row for rows in exchanges.values() for row in rows if CONTROL_SCOPE in (row.scope_requested or ()))
    return {row.endpoint: row for row in asked}


def _our_network(orgs: Sequence[Org], exchanges: Mapping[str, Sequence[Exchange]]) -> tuple[int, ...]:
    """Exchanges that show that every host, of two or more, failed alike and in a way that can be our own fault."""
    errors: set[str | None] = set()
    first_of_host: dict[str, int] = {}
    for org in orgs:
        for row in exchanges.get(org.name, ()):
            if row.outcome != "unreachable":
                return ()
            errors.add(row.error)
            first_of_host.setdefault(host_of(row.endpoint), row.exchange_id)
    alike = len(errors) == 1 and errors <= _OURS
    return tuple(sorted(first_of_host.values())[:4]) if alike and len(first_of_host) > 1 else ()
