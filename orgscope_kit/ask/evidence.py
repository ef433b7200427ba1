"""What exchanges show, before any cause is named: the grants of an org, and the style of a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from ..providers import About, named
from ..records import Exchange, Org
from ..scopes import CONTROL_SCOPE
from .answers import TOKEN, Shape, about, host_of, inspections, org_id_to_send, shape, token_rows

__all__ = [
    "Background",
    "Grant",
    "Ledger",
    "Style",
    "about_here",
    "conflicts",
    "grants",
    "host_of",
    "learn",
    "settled",
]

#: A style is shown with so many exchanges of each kind at the most.
_SHOWN = 3

#: So many refusals alone make a pattern, and not two answers to one question.
_TIMES_ALONE = 3

State = Literal["granted", "missing", "unknown"]
Basis = Literal["asked", "inferred"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a server answers, learned from its answers and never guessed.

    Attributes:
        states_granted: exchanges in which ``scope`` was stated although it equals the request (RFC 6749 §5.1 does not
            ask for it): on such a server a token without ``scope`` carries none of what was asked.
        refuses_unknown: exchanges in which the made-up scope was refused like one that is not granted: on such a server
            a token without ``scope`` carries all that was asked.
        drops_unknown: exchanges in which the made-up scope was silently dropped.
        says_unknown: exchanges in which the made-up scope was refused as unknown; what becomes of a known scope that is
            not granted, these do not show. refuses_ungranted: exchanges that do: it is refused.
        scope_refusals: what the refusals of the made-up scope look like: a refusal that looks like one of them can be
            about scopes, whatever its code says.
    """

    states_granted: tuple[int, ...] = ()
    refuses_unknown: tuple[int, ...] = ()
    drops_unknown: tuple[int, ...] = ()
    says_unknown: tuple[int, ...] = ()
    refuses_ungranted: tuple[int, ...] = ()
    scope_refusals: tuple[Shape, ...] = ()

    @property
    def absent_means(self) -> Literal["all", "nothing"] | None:
        """What a token answer without ``scope`` grants of what was asked; ``None`` where nothing has shown it."""
        if self.states_granted:
            return "nothing"
        refuses = self.refuses_unknown or (self.says_unknown and self.refuses_ungranted)
        return "all" if refuses and not self.drops_unknown else None

    @property
    def because(self) -> tuple[int, ...]:
        """The exchanges that ``absent_means`` rests on."""
        refuses = self.refuses_unknown or (self.says_unknown[:1] + self.refuses_ungranted)[:_SHOWN]
        return self.states_granted or refuses


_KINDS = tuple(each.name for each in fields(Style) if each.name != "scope_refusals")


def learn(org: Org, exchanges: Iterable[Exchange], before: Style | None = None) -> Style:
    """The style of the org's server, from ``before`` and these exchanges."""
    before = before or Style()
    found = {name: list(getattr(before, name)) for name in _KINDS}
    looks = dict.fromkeys(before.scope_refusals)
    rows = token_rows(org, exchanges)
    accepted = any(row.org == org.name and row.outcome in TOKEN for row in rows)
    for row in rows:
        kind = _shows(org, row, accepted)
        if kind is not None and row.exchange_id not in found[kind]:
            found[kind].append(row.exchange_id)
        if kind in ("refuses_unknown", "says_unknown"):
            looks[shape(row)] = None
    kept = {name: tuple(ids[:_SHOWN]) for name, ids in found.items()}
    return replace(Style(**kept), scope_refusals=tuple(looks)[:_SHOWN])


def about_here(org: Org, row: Exchange, style: Style) -> About | None:
    """What a refusal is about on this server: one that a made-up scope gets too can be about scopes."""
    what = about(org, row)
    return "scope" if what in ("client", "grant", "other") and shape(row) in style.scope_refusals else what


def _shows(org: Org, row: Exchange, accepted: bool) -> str | None:
    """The member of :class:`Style` that an answer belongs to."""
    asked = set(row.scope_requested or ())
    if not asked:
        return None
    if row.outcome in TOKEN:
        if CONTROL_SCOPE in asked and CONTROL_SCOPE not in (row.scope_granted or ()):
            return "drops_unknown"
        if row.scope_stated is False:
            return None  # what the token itself claims is no word of the answer
        return "states_granted" if asked == set(row.scope_granted or ()) else None
    unknown = named(org.provider).says_unknown_scope(row.error_description)
    if CONTROL_SCOPE in asked:
        what = about(org, row)
        # the same client gets a token for other scopes: what does not speak of the client is for the made-up scope
        vague = what in ("grant", "other") or (what == "client" and row.error is None)
        shown = what == "scope" or (vague and accepted and row.org == org.name)
        return ("says_unknown" if unknown else "refuses_unknown") if shown else None
    refused = _refuses_scopes(org, row, accepted and row.org == org.name, Style())
    return "refuses_ungranted" if refused and not unknown else None


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
    """Exchanges that speak of a scope: by an answer to it, by the server's style, by its name in a refusal of several
    scopes, because it is the one left of a refused set, or because a request without scope brought it."""

    granted: list[int] = field(default_factory=list)
    granted_by_style: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    missing_by_style: list[int] = field(default_factory=list)
    named: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    unasked: list[int] = field(default_factory=list)


def grants(org: Org, exchanges: Sequence[Exchange], style: Style) -> dict[str, Grant]:
    """The state of each scope of the org, from its token requests in its own context.

    A request that varies the context (another ``org_id``) says nothing of the org's own grants. A set granted without
    ``scope`` counts by the server's style. A refused set whose other members all pass elsewhere shows the one that is
    left.
    """
    # a control may be shared with another org
    mine = [row for row in token_rows(org, exchanges) if row.org == org.name]
    own = [row for row in mine if row.org_id_sent == org_id_to_send(org) and row.scope_requested]
    refused = _refused(org, mine, style)
    inspected = {
        row.probe_id: row
        for row in inspections(org, exchanges, "token")
        if row.outcome == "granted" and row.scope_granted is not None
    }
    tallies = {scope: _Tally() for scope in org.scopes}
    alone = {row.scope_requested for row in refused if len(row.scope_requested or ()) == 1}
    for row in own:
        if row.outcome in TOKEN:
            _count_token(row, inspected.get(row.probe_id), style, alone, tallies)
    for row in mine:
        if row.outcome in TOKEN and row.scope_requested is None and row.org_id_sent == org_id_to_send(org):
            for scope in set(row.scope_granted or ()) & tallies.keys():
                tallies[scope].unasked.append(row.exchange_id)
    if not named(org.provider).names_scopes(org):
        _count_unnamed(org, mine, tallies)
    for row in refused:
        asked = [scope for scope in row.scope_requested or () if scope in tallies]
        if len(asked) == 1:
            tallies[asked[0]].missing.append(row.exchange_id)
        for scope in tallies.keys() & set(row.named_scopes if len(asked) > 1 else ()):
            # where a token carries all that was refused, the name is an answer that contradicts it, no misreading
            tally = tallies[scope]
            (tally.missing if _carrying(row, own) else tally.named).append(row.exchange_id)
        rest = [scope for scope in asked if not (tallies[scope].granted or tallies[scope].granted_by_style)]
        if len(asked) > 1 == len(rest):
            tallies[rest[0]].left.append(row.exchange_id)
    sizes = {row.exchange_id: len(row.scope_requested or ()) for row in own}
    return {scope: _with_company(_grant(tally), sizes) for scope, tally in tallies.items()}


def _with_company(grant: Grant, sizes: Mapping[int, int]) -> Grant:
    """A scope that is refused alone each time, and granted each time beside others, is granted: it needs company."""
    yes, no = (grant.exchanges, grant.against)[:: 1 if grant.state == "granted" else -1]
    alone = len(no) >= _TIMES_ALONE and all(sizes.get(each) == 1 for each in no)
    if grant.state == "unknown" or not yes or not alone or any(sizes.get(each, 2) == 1 for each in yes):
        return grant
    return Grant("granted", "asked", yes)


def _count_unnamed(org: Org, mine: Sequence[Exchange], tallies: dict[str, _Tally]) -> None:
    """Where a request names no scopes, a token that tells its own tells of each scope, and a refusal of all."""
    for row in mine:
        if row.scope_requested is not None or row.org_id_sent != org_id_to_send(org):
            continue
        told = row.scope_granted if row.outcome in TOKEN else () if about(org, row) == "scope" else None
        if told is None:
            continue
        for scope, tally in tallies.items():
            (tally.granted if scope in told else tally.missing).append(row.exchange_id)


def conflicts(org: Org, exchanges: Sequence[Exchange]) -> list[tuple[int, int]]:
    """Pairs of a refused request for several scopes and a token that carries them all: both cannot hold at once."""
    mine = [row for row in token_rows(org, exchanges) if row.org == org.name and row.org_id_sent == org_id_to_send(org)]
    return [
        (row.exchange_id, other.exchange_id)
        for row in _refused(org, mine, Style())
        if len(row.scope_requested or ()) > 1
        for other in _carrying(row, mine)
    ]


def _carrying(refused: Exchange, rows: Iterable[Exchange]) -> list[Exchange]:
    """Tokens with all the scopes of a refused request, in the same context."""
    asked = refused.scope_requested or ()
    return [
        row
        for row in rows
        if row.outcome in TOKEN
        and (set(asked) <= set(row.scope_granted or ()) or (row.scope_granted is None and row.scope_requested == asked))
    ]


def _refused(org: Org, mine: Sequence[Exchange], style: Style) -> list[Exchange]:
    """Requests in the org's own context that were refused for their scopes, the control's left out."""
    own = [row for row in mine if row.org_id_sent == org_id_to_send(org)]
    accepted = any(row.outcome in TOKEN for row in own)
    return [
        row
        for row in own
        if row.scope_requested
        and CONTROL_SCOPE not in row.scope_requested
        and _refuses_scopes(org, row, accepted, style)
    ]


def _refuses_scopes(org: Org, row: Exchange, accepted: bool, style: Style) -> bool:
    """Whether a refusal is about the scopes: it says so, or the same client got a token with the same grant type."""
    what = about_here(org, row, style)
    return what == "scope" or (accepted and what in ("grant", "other"))


def _count_token(
    row: Exchange,
    inspection: Exchange | None,
    style: Style,
    refused_alone: set[tuple[str, ...] | None],
    tallies: dict[str, _Tally],
) -> None:
    asked = [scope for scope in row.scope_requested or () if scope in tallies]
    told = row.scope_granted if row.scope_granted is not None else inspection.scope_granted if inspection else None
    source = row if row.scope_granted is not None or inspection is None else inspection
    for scope in asked:
        tally = tallies[scope]
        if told is not None:
            (tally.granted if scope in told else tally.missing).append(source.exchange_id)
        elif CONTROL_SCOPE in (row.scope_requested or ()):
            continue
        elif style.absent_means == "nothing":
            tally.missing_by_style.append(row.exchange_id)
        elif style.absent_means == "all" or row.scope_requested in refused_alone:
            tally.granted_by_style.append(row.exchange_id)  # refused alone at another time: the opposite of that


def _grant(tally: _Tally) -> Grant:
    yes, no = sorted(tally.granted + tally.granted_by_style), sorted(tally.missing + tally.missing_by_style)
    if yes and (not no or yes[-1] > no[-1]):
        return Grant("granted", "asked" if tally.granted else "inferred", tuple(yes), tuple(no))
    if no:
        return Grant("missing", "asked" if tally.missing else "inferred", tuple(no), tuple(yes))
    if tally.named or tally.left:  # an inference, which never stands against an answer to the scope itself
        return Grant("missing", "asked" if tally.named else "inferred", tuple(sorted({*tally.named, *tally.left})))
    return Grant("granted", "inferred", tuple(tally.unasked)) if tally.unasked else Grant("unknown", "inferred")


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
        style = self.style(org)
        kept = replace(style, says_unknown=(), refuses_ungranted=())  # what the journal keeps
        return Background(known, kept, org.token_endpoint in self.controlled)

    def style(self, org: Org) -> Style:
        """The style of the org's server, as far as it is known."""
        return self.styles.get(host_of(org.token_url), Style())

    def _learn(self, org: Org, exchanges: Sequence[Exchange]) -> None:
        self.styles[host_of(org.token_url)] = learn(org, exchanges, self.style(org))

    def _note(self, org: Org, exchanges: Sequence[Exchange]) -> None:
        if any(CONTROL_SCOPE in (row.scope_requested or ()) for row in exchanges):
            self.controlled.add(org.token_endpoint)
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
