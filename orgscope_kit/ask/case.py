"""One org's exchanges, with the questions that the rules put to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from ..providers import About, OAuth2, named
from ..records import Evidence, Exchange, Fault, Org, RuledOut, RunnerUp, Verdict
from ..scopes import CONTROL_SCOPE
from .answers import TOKEN, alike, org_id_to_send, token_rows
from .causes import CAUSES
from .evidence import Grant, Ledger, Style, about_here, grants
from .metadata import METADATA_FAULTS, Metadata, well_known

__all__ = ["Case", "Facts", "ids"]

#: Weight that "none of these" always keeps, beside weights that sum to about 100 (METHODS C).
_NONE_OF_THESE = 2.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside the exchanges.

    Attributes:
        twins: groups of orgs that present the same client id and secret.
        changes: when the grant of a scope in an org was changed last, by (org, scope).
        window_s: within which the platform promises that a change arrives.
        skipped: orgs left out because their secret is missing.
        ended_early: orgs whose inquiry ended before it was done, and why (``budget`` or ``interrupted``).
        metadata: what issuers say, by issuer.
    """

    twins: tuple[tuple[str, ...], ...] = ()
    changes: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    window_s: float = 900.0
    skipped: frozenset[str] = frozenset()
    ended_early: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Metadata] = field(default_factory=dict)


def ids(rows: Iterable[Exchange], most: int = 4) -> tuple[int, ...]:
    """The ids of the first ``most`` exchanges."""
    return tuple(sorted(row.exchange_id for row in rows)[:most])


@dataclass(frozen=True)
class Case:
    """An org, its exchanges, and what the whole run knows.

    Attributes:
        others: all orgs of the run. ledger: what all exchanges together show.
        accepted_in: for each org that was accepted by its server, an exchange that shows it.
        our_network: exchanges of other hosts that failed just as this org's did, when all of them do.
        asked_by: the org whose exchanges these are, where this one was not asked because they tell of it too.
    """

    org: Org
    exchanges: tuple[Exchange, ...]
    others: Mapping[str, Org]
    ledger: Ledger
    facts: Facts
    accepted_in: Mapping[str, int]
    controls: Mapping[str, Exchange]
    our_network: tuple[int, ...] = ()
    asked_by: str | None = None

    @cached_property
    def provider(self) -> OAuth2:
        return named(self.org.provider)

    @cached_property
    def metadata(self) -> Metadata | None:
        """What the org's issuer says of its server."""
        return self.facts.metadata.get(self.org.issuer) if self.org.issuer else None

    @cached_property
    def discovery(self) -> list[Exchange]:
        """The requests for the metadata of the org's issuer; the one that tells most stands last."""
        urls = well_known(self.org.issuer) if self.org.issuer else ()
        rows = [row for row in self.exchanges if row.purpose == "inspect" and row.endpoint in urls]
        return sorted(rows, key=lambda row: row.error in METADATA_FAULTS)

    @cached_property
    def style(self) -> Style:
        return self.ledger.style(self.org)

    @cached_property
    def tokens(self) -> list[Exchange]:
        """Final attempts of token requests."""
        return token_rows(self.org, self.exchanges)

    @cached_property
    def last_asked_at(self) -> datetime:
        """When the last token request was sent."""
        return max(row.sent_at for row in self.tokens)

    @cached_property
    def baseline(self) -> Exchange | None:
        """The first question's answer."""
        return next((row for row in self.tokens if row.purpose == "baseline"), self.tokens[0] if self.tokens else None)

    @cached_property
    def answer(self) -> Exchange | None:
        """What the rest builds on: the baseline's answer, or the first to another way of presenting the credential."""
        first = self.baseline
        if first is not None and self.is_about(first) == "client":
            asked = (row for row in self.tokens if row.purpose == "verify")
            return next(
                (row for row in asked if row.outcome in TOKEN or self.is_about(row) not in ("client", None)), first
            )
        return first

    def is_about(self, row: Exchange) -> About | None:
        """What a refusal is about; ``None`` for an answer that is none."""
        return about_here(self.org, row, self.style)

    @cached_property
    def issued(self) -> list[Exchange]:
        """Requests that were answered with a token."""
        return [row for row in self.tokens if row.outcome in TOKEN]

    @cached_property
    def accepted(self) -> list[Exchange]:
        """Answers that show that the server accepts the client: a token, or a refusal that is about scopes alone.

        Where no token was issued, refusals count only if a request without scope is answered otherwise: some servers
        look at the scope first, or say the same whatever is wrong.
        """
        bare = self.bare
        refused = [row for row in self.tokens if self.is_about(row) == "scope"]
        told = bool(self.issued) or (bare is not None and not any(alike(bare, row) for row in refused))
        return [row for row in self.tokens if row.outcome in TOKEN or (told and row in refused)]

    @cached_property
    def bare(self) -> Exchange | None:
        """The answer to the request without any scope."""
        return next((row for row in self.tokens if row.purpose == "control" and row.scope_requested is None), None)

    @property
    def heard_here(self) -> list[Exchange]:
        """Answers in the org's own context, as far as the request names it, that speak of scopes or bring a token."""
        own = (row for row in self.tokens if row.org_id_sent == org_id_to_send(self.org))
        return [row for row in own if row.outcome in TOKEN or self.is_about(row) == "scope"]

    @cached_property
    def grants(self) -> dict[str, Grant]:
        return grants(self.org, self.exchanges, self.style)

    def in_state(self, state: str) -> tuple[str, ...]:
        """The org's scopes in that state, in their order."""
        return tuple(scope for scope, grant in self.grants.items() if grant.state == state)

    @cached_property
    def meant(self) -> str | None:
        """The id that the org's tokens must be bound to, as answers write it."""
        return self.provider.org_meant(self.org)

    @cached_property
    def bound(self) -> list[Exchange]:
        """Answers that tell the org of a token asked for in this org's own context: inspections, or its claims."""
        own = {row.probe_id for row in self.tokens if row.org_id_sent == org_id_to_send(self.org)}
        return [row for row in self.exchanges if row.token_org and row.probe_id in own]

    @cached_property
    def without_org_id(self) -> Exchange | None:
        """The context check: the same request without the org parameter."""
        return next((row for row in self.tokens if row.purpose == "context"), None)

    @cached_property
    def home(self) -> Exchange | None:
        """The answer that tells where the client's token belongs when no org is named."""
        varied = self.without_org_id
        if varied is None:
            return None
        return next(
            (row for row in self.exchanges if row.token_org and row.probe_id == varied.probe_id),
            None,
        )

    def org_with_id(self, org_id: str | None) -> str | None:
        """The name of the org of the investigation that has this id."""
        same = (org.name for org in self.others.values() if named(org.provider).org_meant(org) == org_id)
        return next(same, None) if org_id else None

    @cached_property
    def twins(self) -> tuple[str, ...]:
        """Other orgs that present the same client id and secret."""
        return tuple(
            name for group in self.facts.twins if self.org.name in group for name in group if name != self.org.name
        )

    def alone(self, scope: str) -> list[Exchange]:
        """Requests for this scope alone, in the org's own context, by a client that the server accepted."""
        own = (
            row for row in self.tokens if row.org_id_sent == org_id_to_send(self.org) and self.is_about(row) != "client"
        )
        return [row for row in own if row.scope_requested == (scope,)]

    @cached_property
    def control(self) -> Exchange | None:
        """The answer to the made-up scope alone at this org's endpoint, whoever asked for it."""
        row = self.controls.get(self.org.token_endpoint)
        if row is None or row.scope_requested != (CONTROL_SCOPE,):
            return None
        return row if row.outcome in TOKEN or self.is_about(row) in ("scope", "other") else None

    def differs_from_control(self, scope: str) -> list[Exchange]:
        """Answers to this scope alone that a made-up scope does not get: the server knows the scope."""
        control = self.control
        if control is None:
            return []
        rows = [row for row in self.alone(scope) if row.outcome in TOKEN or self.is_about(row) in ("scope", "other")]
        both = (self.org, self.others[control.org])
        names = [name for org in both for name in (org.name, org.client_id, org.org_id, org.label) if name]
        return [row for row in rows if not alike(row, control, *names)]

    def known_elsewhere(self, scopes: Sequence[str]) -> dict[str, int]:
        """Those of ``scopes`` that another org of the run was granted, with an exchange that shows it."""
        own = {row.exchange_id for row in self.exchanges}
        known = self.ledger.known_scopes
        return {scope: known[scope] for scope in scopes if scope in known and known[scope] not in own}

    def words(self, text: str, scopes: Sequence[str] = ()) -> str:
        """``text`` with its placeholders filled in."""
        named_ones = ", ".join(scopes or self.in_state("missing")) or "the scope"
        return text.format(org=self.org.name, scopes=named_ones, client=self.org.client_id, endpoint=self.org.token_url)

    def conclude(
        self,
        cause: str,
        odds: Mapping[str, float],
        evidence: Sequence[Evidence],
        *,
        scopes: Sequence[str] = (),
        about: Sequence[str] = (),
        also: Sequence[Fault] = (),
        next_check: str | None = None,
        advice: str | None = None,
        ruled_out: Sequence[RuledOut] = (),
    ) -> Verdict:
        """A verdict; ``odds`` weigh ``cause`` and its runners-up against each other (about 100 in sum).

        For ``inconclusive``, whose own probability is that of its likeliest runner-up, all of ``odds`` are runners-up.
        ``about``: the scopes that the words name where none is proven missing.
        """
        entry = CAUSES[cause]
        total = sum(odds.values()) + _NONE_OF_THESE
        shares = {name: round(weight / total, 3) for name, weight in odds.items()}
        rivals = sorted(((name, share) for name, share in shares.items() if name != cause), key=lambda pair: -pair[1])
        open_names = {cause, *shares, *(fault.cause for fault in also)}
        return Verdict(
            cause=cause,
            who=entry.who,
            probability=shares.get(cause, max(shares.values(), default=0.0)),
            advice=self.words(advice or entry.advice, scopes or about),
            next_check=self.words(next_check or entry.next_check, scopes or about),
            scopes=tuple(scopes),
            also=tuple(also),
            runners_up=tuple(RunnerUp(name, share) for name, share in rivals),
            evidence=tuple(evidence),
            ruled_out=tuple(each for each in ruled_out if each.cause not in open_names),
        )
