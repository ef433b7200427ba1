"""The panel's choice: which orgs are asked for which scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from ..ask.spec import Spec

__all__ = ["Choice", "narrowed"]

_MANY = 12  # options from which on a list gets a field to find some of them
_ROWS = 8


def narrowed(spec: Spec, orgs: Iterable[str], scopes: Iterable[str]) -> Spec:
    """The same investigation of these orgs and these scopes alone; orgs that ask for none of them are left out.

    Secrets stay where they stand, and where everything is chosen the investigation is the same.

    Raises:
        InvestigationError: nothing is left to ask.
    """
    wanted = frozenset(scopes)
    left = {org.name: tuple(scope for scope in org.scopes if scope in wanted) for org in spec.orgs}
    some = spec.only(name for name in dict.fromkeys(orgs) if left.get(name, (name,)))
    frozen: dict[str, Any] = {**some.frozen}
    frozen["orgs"] = {name: {**entry, "scopes": list(left[name])} for name, entry in some.frozen["orgs"].items()}
    changes = [each for each in frozen.pop("changes", ()) if each["scope"] in wanted]
    if changes:
        frozen["changes"] = changes
    return replace(
        some,
        orgs=tuple(replace(org, scopes=left[org.name]) for org in some.orgs),
        changes=tuple(each for each in some.changes if each.scope in wanted),
        frozen=frozen,
    )


class Choice:
    """Two lists, each with the buttons All and None.

    Attributes:
        orgs, scopes: ``SelectMultiple`` widgets; their ``value`` is what is chosen.
        failing: selects the orgs that failed in the last run; hidden before there is one.

    Args:
        changed: called after either choice changed.
    """

    def __init__(
        self, spec: Spec, orgs: Sequence[str] | None, scopes: Sequence[str] | None, changed: Callable[[], None]
    ) -> None:
        self._spec = spec
        named = [(f"{org.name} ({org.label})" if org.label else org.name, org.name) for org in spec.orgs]
        every = list(dict.fromkeys(scope for org in spec.orgs for scope in org.scopes))
        self.orgs = _several(named, orgs)
        self.scopes = _several([(scope, scope) for scope in every], scopes)
        self.failing = _small("Failing", "the orgs that failed in the last run")
        self.failing.layout.display = "none"
        self._failed: tuple[str, ...] = ()
        self.failing.on_click(lambda _: setattr(self.orgs, "value", self._failed))
        columns = [_column("Orgs", self.orgs, self.failing), _column("Scopes", self.scopes)]
        self.box = widgets.HBox(columns, layout=widgets.Layout(flex_flow="row wrap", grid_gap="1.5rem"))
        for each in (self.orgs, self.scopes):
            each.observe(lambda _: changed(), "value")

    def spec(self) -> Spec:
        """The investigation, as far as it is chosen.

        Raises:
            InvestigationError: nothing is left to ask.
        """
        return narrowed(self._spec, self.orgs.value, self.scopes.value)

    def offer_failing(self, orgs: Iterable[str]) -> None:
        """Have the orgs that failed chosen with one press."""
        self._failed = tuple(orgs)
        self.failing.layout.display = "" if self._failed else "none"

    def lock(self, locked: bool) -> None:
        """Whether the choice can be changed."""
        for each in (self.orgs, self.scopes, self.failing):
            each.disabled = locked


def _several(options: list[tuple[str, str]], chosen: Sequence[str] | None) -> widgets.SelectMultiple:
    value = [name for _, name in options] if chosen is None else list(chosen)
    rows = min(max(len(options), 3), _ROWS)
    return widgets.SelectMultiple(options=options, value=value, rows=rows, layout=widgets.Layout(width="auto"))


def _small(word: str, tip: str) -> widgets.Button:
    return widgets.Button(description=word, tooltip=tip, layout=widgets.Layout(width="auto"))


def _column(name: str, several: widgets.SelectMultiple, *more: widgets.Button) -> widgets.VBox:
    """A list with what selects in it; a press with Ctrl or ⌘ held adds one, with Shift a range."""
    head = widgets.HTML()
    every = [name for _, name in several.options]

    def count(_: object = None) -> None:
        head.value = f"<b>{name}</b> {len(several.value)} of {len(every)}"

    count()
    several.observe(count, "value")
    several.tooltip = "Ctrl or ⌘ and a click adds or removes one, Shift and a click a range"
    whole, none = _small("All", f"all {name.lower()}"), _small("None", f"no {name.lower()}")
    whole.on_click(lambda _: setattr(several, "value", tuple(every)))
    none.on_click(lambda _: setattr(several, "value", ()))
    rows: list[widgets.Widget] = [widgets.HBox([head, whole, none, *more], layout=_HEAD), several]
    if len(every) > _MANY:
        rows.insert(1, _finder(name, several))
    return widgets.VBox(rows, layout=widgets.Layout(flex="1 1 18rem"))


def _finder(name: str, several: widgets.SelectMultiple) -> widgets.Text:
    """Selects every option that holds what is typed; empty, all of them."""
    find = widgets.Text(placeholder=f"select {name.lower()} that contain …", layout=widgets.Layout(width="auto"))

    def select(change: Any) -> None:
        part = change["new"].strip().casefold()
        several.value = tuple(value for label, value in several.options if part in label.casefold())

    find.observe(select, "value")
    return find


_HEAD = widgets.Layout(align_items="baseline", grid_gap="0.3rem")
