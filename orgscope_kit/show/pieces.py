"""A diagnosis for people: who must act, then why, as HTML for notebooks and as text for terminals."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orgscope_kit.ask.causes import CAUSES
from orgscope_kit.show.words import WHO, action, certainty, listed, percent, visible

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Group", "diagnosis_html", "diagnosis_text", "environment", "grouped"]

_WIDTH = 100
_NAMED = 6  # orgs alike that are named one by one
_SINGLY = 12  # failing orgs shown one by one; more than that, those alike share a card
_CARDS = 24  # such cards; more than that, those of one cause share a card whatever their scopes


@dataclass(frozen=True, slots=True)
class Group:
    """Orgs alike: the same cause, scopes and faults beside, and the same one who acts. Of very many, scopes may differ.

    Attributes:
        entries: each org's entry in ``diagnosis.json``, in its order.
        clients: each org's client id; empty where it is not known.
    """

    entries: Mapping[str, Mapping[str, Any]]
    clients: Mapping[str, str]

    @property
    def first(self) -> Mapping[str, Any]:
        """The entry that stands for all of them."""
        return next(iter(self.entries.values()))

    @property
    def names(self) -> str:
        """The orgs, counted where there are too many to name."""
        if len(self.entries) <= _NAMED:
            return listed(self.entries, most=_NAMED)
        return f"{len(self.entries)} orgs ({listed(self.entries)})"

    @property
    def works(self) -> bool:
        """Whether there is nothing to mend."""
        return bool(self.first["cause"] == "works")

    @property
    def differ(self) -> bool:
        """Whether the scopes are not the same for all of them."""
        return any(entry["scopes"] != self.first["scopes"] for entry in self.entries.values())

    @property
    def words(self) -> str:
        """Whose words stand for all of them."""
        others = "the others differ in their scopes" if self.differ else "those for the others are alike"
        return f"In the words for {next(iter(self.entries))}; {others}."

    @property
    def who(self) -> str:
        """Who acts, in words."""
        return WHO[self.first["who"]]

    @property
    def title(self) -> str:
        """The cause in words."""
        return title(self.first["cause"])

    @property
    def todo(self) -> str:
        """What to do, and what else is to be mended; names in backticks."""
        also = [f"{title(fault['cause'])}{_brackets(fault['scopes'])}" for fault in self.first["also"]]
        return "; also: ".join([action(self.clients, self.first["cause"], self.first["scopes"]), *also])

    @property
    def sure(self) -> str:
        """How sure the diagnosis is, over all of them, in words and as a number."""
        chances = sorted(float(entry["probability"]) for entry in self.entries.values())
        spread = f" to {percent(chances[-1])}" if percent(chances[0]) != percent(chances[-1]) else ""
        return certainty(chances[0]) + spread

    @property
    def rest(self) -> float:
        """The probability of none of the causes named, for the first of them."""
        named = float(self.first["probability"]) + sum(float(each["probability"]) for each in self.first["runners_up"])
        return max(0.0, 1.0 - named)


def grouped(diagnosis: Mapping[str, Any], clients: Mapping[str, str] | None = None) -> tuple[Group, ...]:
    """The orgs of a diagnosis by what is to be done, sorted by who acts; what works comes last."""
    alike: dict[tuple[Any, ...], dict[str, Mapping[str, Any]]] = {}
    for org, entry in diagnosis["orgs"].items():
        also = tuple((fault["cause"], *fault["scopes"]) for fault in entry["also"])
        alike.setdefault((entry["who"], entry["cause"], tuple(entry["scopes"]), also), {})[org] = entry
    known = clients or {}
    groups = [Group(entries, {org: known.get(org, "") for org in entries}) for entries in alike.values()]
    order = list(WHO)
    return tuple(sorted(groups, key=lambda group: (group.works, order.index(group.first["who"]))))


def singly(groups: Sequence[Group]) -> tuple[Group, ...]:
    """One group an org; one for those alike, where too many fail to read of them one by one; else one a cause."""
    failing = tuple(group for group in groups if not group.works)
    if sum(len(group.entries) for group in failing) <= _SINGLY:
        return tuple(
            Group({org: entry}, {org: group.clients[org]}) for group in failing for org, entry in group.entries.items()
        )
    if len(failing) <= _CARDS:
        return failing
    alike: dict[tuple[Any, ...], list[Group]] = {}
    for group in failing:
        also = tuple(fault["cause"] for fault in group.first["also"])
        alike.setdefault((group.first["who"], group.first["cause"], also), []).append(group)
    return tuple(map(_merged, alike.values()))


def _merged(groups: Sequence[Group]) -> Group:
    entries = {org: entry for group in groups for org, entry in group.entries.items()}
    return Group(entries, {org: client for group in groups for org, client in group.clients.items()})


def title(cause: str) -> str:
    """A cause in words, as the end of the sentence "In this org …"."""
    return CAUSES[cause].title if cause in CAUSES else cause


def diagnosis_html(diagnosis: Mapping[str, Any], clients: Mapping[str, str] | None = None) -> str:
    """The diagnosis as a piece of HTML, for notebooks.

    Args:
        diagnosis: as in ``diagnosis.json`` (DESIGN §7).
        clients: the client id of each org, to be named in what is to be done.
    """
    groups = grouped(diagnosis, clients)
    return environment().get_template("diagnosis.html.j2").render(
        diagnosis=diagnosis, groups=groups, cards=singly(groups), linked=frozenset()
    )  # fmt: skip


def diagnosis_text(diagnosis: Mapping[str, Any], clients: Mapping[str, str] | None = None) -> str:
    """The diagnosis as plain text for terminals: who must act, then a block an org. Arguments as above."""
    groups = grouped(diagnosis, clients)
    lines = [str(diagnosis["investigation"]), "", "Who must act"]
    for group in groups:
        lines += _wrapped(f"{group.names} — {group.who}: {group.todo}".replace("`", ""), "  ", "      ")
    for group in singly(groups):
        lines += ["", *_block(group)]
    return "\n".join(visible(line) for line in lines)


def environment() -> Environment:
    """Templates in which every value is made visible and escaped, whoever wrote it."""
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    def seen(value: object) -> object:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    made = Environment(
        loader=PackageLoader("orgscope_kit.show"), autoescape=True, finalize=seen, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {
        "certainty": certainty, "percent": percent, "listed": listed, "title_of": title, "ticks": _ticks,
        "capped": lambda text: visible(str(text), 300),
    }  # fmt: skip
    return made


def _ticks(text: str) -> str:
    """What stands between backticks as code, the rest escaped."""
    from markupsafe import Markup, escape

    parts = visible(text).split("`")
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if number % 2 else escape(part) for number, part in enumerate(parts))


def _block(group: Group) -> Iterator[str]:
    first = group.first
    yield f"{group.names}: {group.title} ({group.sure})"
    if len(group.entries) > 1:
        yield f"  {group.words}"
    if first["scopes"]:
        yield from _labelled("scopes", listed(first["scopes"], most=12))
    for fault in first["also"]:
        yield from _labelled("also", title(fault["cause"]) + _brackets(fault["scopes"]))
    yield from _labelled("do", first["advice"])
    yield from _labelled("then check", first["next_check"])
    for number, each in enumerate(first["evidence"]):
        yield from _labelled("" if number else "evidence", each["says"] + _references(each))
    for number, each in enumerate(first["ruled_out"]):
        text = f"not that {title(each['cause'])}: {each['because']}{_references(each)}"
        yield from _labelled("" if number else "ruled out", text)
    for number, each in enumerate(first["runners_up"]):
        yield from _labelled("" if number else "still open", f"{title(each['cause'])} ({percent(each['probability'])})")


def _labelled(label: str, text: str) -> list[str]:
    return _wrapped(text, f"  {label:<11} ", " " * 14)


def _wrapped(text: str, first: str, later: str) -> list[str]:
    return textwrap.wrap(visible(text), _WIDTH, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)


def _references(piece: Mapping[str, Any]) -> str:
    return "".join(f" #{number}" for number in piece["exchanges"])


def _brackets(scopes: Iterable[str]) -> str:
    names = listed(scopes, most=6)
    return f" ({names})" if names else ""
