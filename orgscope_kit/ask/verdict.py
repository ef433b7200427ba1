"""From exchanges to a cause for each org: plain rules, each with its evidence. Pure: no network, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..records import Exchange, Org, Verdict
from ..scopes import CONTROL_SCOPE
from .answers import host_of, token_rows
from .case import Case, Facts
from .evidence import settled
from .rules import access, context, credential, open_question, rights, transport, with_redirect

__all__ = ["Facts", "judge"]

#: Asked in this order, so that what must be mended first is the cause; the last one always speaks.
_RULES: tuple[Callable[[Case], Verdict | None], ...] = (transport, credential, context, access, rights, open_question)

#: Failures that can lie on our own side. A refused connection is an answer of the other side.
_OURS = frozenset({"dns_failure", "timeout", "network_unreachable", "tls_untrusted", "proxy_failure"})


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
        rows = tuple(exchanges.get(org.name, ()))
        case = Case(org, rows, by_name, ledger, facts, accepted, controls, ours if rows else ())
        return with_redirect(case, next(verdict for rule in _RULES if (verdict := rule(case)) is not None))

    return {org.name: one(org) for org in orgs}


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
