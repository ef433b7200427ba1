"""What exchanges show, before any cause is named: the grants of an org, and the style of a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from ..providers import named
from ..records import Exchange, Org
from ..scopes import CONTROL_SCOPE

__all__ = ["Background", "Grant", "Ledger", "Style", "grants", "host_of", "learn", "settled", "token_rows"]

#: A style is shown with so many exchanges of each kind at the most.
_SHOWN = 3

State = Literal["granted", "missing", "unknown"]
Basis = Literal["asked", "inferred"]


def host_of(url: str) -> str:
    """``host:port`` of a URL, the port filled in.

    >>> host_of("https://login.example/oauth/token")
    'login.example:443'
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.hostname}:{port}"


def token_rows(org: Org, exchanges: Iterable[Exchange]) -> list[Exchange]:
    """The last attempt of each token request: inspections, the authorization endpoint and earlier attempts left out."""
    last: dict[str, Exchange] = {}
    for row in exchanges:
        if row.endpoint == org.token_url and row.purpose != "inspect":
            last[row.probe_id] = row
    return list(last.values())


@dataclass(frozen=True, slots=True)
class Style:
    """How a server answers, learned from its answers and never guessed.

    Attributes:
        states_granted: exchanges in which ``scope`` was stated although it equals the request (RFC 6749 §5.1 does not
            ask for it): on such a server a token without ``scope`` carries none of what was asked.
        refuses_unknown: exchanges in which the made-up scope was refused as a scope: on such a server a token without
            ``scope`` carries all that was asked.
        drops_unknown: exchanges in which the made-up scope was silently dropped.
    """

    states_granted: tuple[int, ...] = ()
    refuses_unknown: tuple[int, ...] = ()
    drops_unknown: tuple[int, ...] = ()

    @property
    def absent_means(self) -> Literal["all", "nothing"] | None:
        """What a token answer without ``scope`` grants of what was asked; ``None`` where nothing has shown it."""
        if self.states_granted:
            return "nothing"
        return "all" if self.refuses_unknown and not self.drops_unknown else None

    @property
    def because(self) -> tuple[int, ...]:
        """The exchanges that ``absent_means`` rests on."""
        return self.states_granted or self.refuses_unknown


def learn(org: Org, exchanges: Iterable[Exchange], before: Style | None = None) -> Style:
    """The style of the org's server, from ``before`` and these exchanges."""
    before = before or Style()
    states, refuses, drops = list(before.states_granted), list(before.refuses_unknown), list(before.drops_unknown)
    rows = token_rows(org, exchanges)
    accepted = any(row.org == org.name and row.outcome in ("granted", "narrowed") for row in rows)
    for row in rows:
        asked = set(row.scope_requested or ())
        if row.outcome in ("granted", "narrowed"):
            if row.scope_granted is not None and asked and asked == set(row.scope_granted):
                states.append(row.exchange_id)
            if CONTROL_SCOPE in asked and CONTROL_SCOPE not in (row.scope_granted or ()):
                drops.append(row.exchange_id)
        elif row.outcome == "refused" and CONTROL_SCOPE in asked and accepted:
            refuses.append(row.exchange_id)  # the client is accepted, so the refusal is about the scope
    return Style(tuple(states[:_SHOWN]), tuple(refuses[:_SHOWN]), tuple(drops[:_SHOWN]))


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether an org grants a scope, as far as the exchanges tell.

    Attributes:
        basis: ``asked`` where an answer speaks of this very scope, ``inferred`` where it follows from others.
        exchanges: those that show it. against: those that show the opposite (replicas, or a change under way).
    """

    state: State
    basis: Basis
    exchanges: tuple[int, ...] = ()
    against: tuple[int, ...] = ()


@dataclass(slots=True)
class _Tally:
    granted: list[int] = field(default_factory=list)
    granted_inferred: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    missing_inferred: list[int] = field(default_factory=list)


def grants(org: Org, exchanges: Sequence[Exchange], style: Style) -> dict[str, Grant]:
    """The state of each scope of the org, from its token requests in its own context.

    A request that varies the context (another ``org_id``) says nothing of the org's own grants. A set granted without
    ``scope`` counts by the server's style. A refused set whose other members all pass elsewhere shows the one that is
    left.
    """
    mine = [
        row for row in token_rows(org, exchanges) if row.org == org.name
    ]  # a control may be shared with another org
    own = [row for row in mine if row.org_id_sent == org.org_id and row.scope_requested]
    accepted = any(row.outcome in ("granted", "narrowed") for row in own)
    inspected = _inspected(exchanges)
    tallies = {scope: _Tally() for scope in org.scopes}
    refused_sets: list[tuple[set[str], int]] = []
    for row in own:
        asked = [scope for scope in row.scope_requested or () if scope in tallies]
        if row.outcome in ("granted", "narrowed"):
            _count_token(row, asked, inspected.get(row.probe_id), style, tallies)
        elif _refuses_scopes(org, row, accepted) and CONTROL_SCOPE not in (row.scope_requested or ()):
            if len(asked) == 1:
                tallies[asked[0]].missing.append(row.exchange_id)
            elif row.named_scopes:
                for scope in row.named_scopes:
                    if scope in tallies:
                        tallies[scope].missing.append(row.exchange_id)
            else:
                refused_sets.append((set(asked), row.exchange_id))
    for members, exchange_id in refused_sets:
        rest = [scope for scope in members if not (tallies[scope].granted or tallies[scope].granted_inferred)]
        if len(rest) == 1:
            tallies[rest[0]].missing_inferred.append(exchange_id)
    return {scope: _grant(tally) for scope, tally in tallies.items()}


def _refuses_scopes(org: Org, row: Exchange, accepted: bool) -> bool:
    """Whether a refusal is about the scopes: it says so, or the same client got a token for others."""
    if row.outcome != "refused":
        return False
    about = named(org.provider).about(row.status, row.error, row.error_description)
    return about == "scope" or (accepted and about != "endpoint")


def _inspected(exchanges: Sequence[Exchange]) -> dict[str, Exchange]:
    return {
        row.probe_id: row
        for row in exchanges
        if row.purpose == "inspect" and row.outcome == "granted" and row.scope_granted is not None
    }


def _count_token(
    row: Exchange, asked: list[str], inspection: Exchange | None, style: Style, tallies: dict[str, _Tally]
) -> None:
    told = row.scope_granted if row.scope_granted is not None else inspection.scope_granted if inspection else None
    source = row if row.scope_granted is not None or inspection is None else inspection
    for scope in asked:
        tally = tallies[scope]
        if told is not None:
            (tally.granted if scope in told else tally.missing).append(source.exchange_id)
        elif CONTROL_SCOPE in (row.scope_requested or ()):
            continue
        elif style.absent_means == "all":
            tally.granted_inferred.append(row.exchange_id)
        elif style.absent_means == "nothing":
            tally.missing_inferred.append(row.exchange_id)


def _grant(tally: _Tally) -> Grant:
    yes, no = tally.granted + tally.granted_inferred, tally.missing + tally.missing_inferred
    if tally.missing and not tally.granted:
        yes = []  # an inference does not stand against an answer
    if tally.granted and not tally.missing:
        no = []
    if yes and (not no or max(yes) > max(no)):
        return Grant("granted", "asked" if tally.granted else "inferred", tuple(sorted(yes)), tuple(sorted(no)))
    if no:
        return Grant("missing", "asked" if tally.missing else "inferred", tuple(sorted(no)), tuple(sorted(yes)))
    return Grant("unknown", "inferred")


@dataclass(frozen=True, slots=True)
class Background:
    """What settled orgs have shown, as far as it concerns one org: where its inquiry starts.

    Attributes:
        known_scopes: scopes of the org that another org was granted, with an exchange that shows it.
        style: of the org's server.
        controlled: whether the made-up scope was already asked for at the org's token endpoint.
    """

    known_scopes: Mapping[str, int] = field(default_factory=dict)
    style: Style = field(default_factory=Style)
    controlled: bool = False


@dataclass(slots=True)
class Ledger:
    """What the settled orgs have shown so far; gives each further org its :class:`Background`."""

    known_scopes: dict[str, int] = field(default_factory=dict)
    styles: dict[str, Style] = field(default_factory=dict)
    controlled: set[str] = field(default_factory=set)

    def settle(self, org: Org, exchanges: Sequence[Exchange]) -> None:
        """Add what an org's exchanges show."""
        self._learn(org, exchanges)
        self._note(org, exchanges)

    def background(self, org: Org) -> Background:
        """What concerns ``org``."""
        known = {scope: self.known_scopes[scope] for scope in org.scopes if scope in self.known_scopes}
        return Background(known, self.style(org), org.token_url in self.controlled)

    def style(self, org: Org) -> Style:
        """The style of the org's server, as far as it is known."""
        return self.styles.get(host_of(org.token_url), Style())

    def _learn(self, org: Org, exchanges: Sequence[Exchange]) -> None:
        self.styles[host_of(org.token_url)] = learn(org, exchanges, self.style(org))

    def _note(self, org: Org, exchanges: Sequence[Exchange]) -> None:
        if any(CONTROL_SCOPE in (row.scope_requested or ()) for row in exchanges):
            self.controlled.add(org.token_url)
        for scope, grant in grants(org, exchanges, self.style(org)).items():
            if grant.state == "granted":
                self.known_scopes.setdefault(scope, grant.exchanges[0])


def settled(orgs: Sequence[Org], exchanges: Mapping[str, Sequence[Exchange]]) -> Ledger:
    """The ledger of a whole run; all styles first, since they decide how grants are read."""
    ledger = Ledger()
    for org in orgs:
        ledger._learn(org, exchanges.get(org.name, ()))
    for org in orgs:
        ledger._note(org, exchanges.get(org.name, ()))
    return ledger
