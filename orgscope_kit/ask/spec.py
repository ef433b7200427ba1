"""The investigation file (DESIGN §3): read, checked as a whole, and frozen.

Nothing here touches the network, and no secret is ever read: a [`Spec`][orgscope_kit.ask.spec.Spec] says where
secrets stand.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import providers
from ..errors import InvestigationError, Problem, ProviderError, capped
from ..records import Change, Limits, Org
from .credential_rules import Files
from .fleet_csv import Fleet, locate, read_fleet
from .org_rules import OrgRead, Setting, read_org, scope_warnings, shared
from .places import Finding, KeyPath, Places, Unfit
from .reference import Reference
from .schema import ChangeShape, FileShape, LimitsShape, WatchShape, shape
from .yaml_file import Document, parse_yaml, read_text

__all__ = ["Draft", "Reference", "Spec", "Watch", "differences", "from_mapping", "read"]

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Watch:
    """``window_s``: seconds in which a change should have spread everywhere. ``for_s``: seconds that it is followed."""

    window_s: float = 900.0
    for_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Spec:
    """An investigation that can be run.

    Attributes:
        reference: the org known to work.
        secrets: reference of the client secret, for each org that has one.
        source: the file; ``None`` where there is none.
        frozen: the whole as JSON-able data, orgs in full and in order, references instead of secrets.
            ``from_mapping(spec.frozen, source=spec.source)`` makes an equal Spec.
    """

    title: str
    provider: str
    reference: str | None
    contact: str | None
    orgs: tuple[Org, ...]
    secrets: Mapping[str, Reference]
    changes: tuple[Change, ...]
    limits: Limits
    watch: Watch
    frozen: Mapping[str, Any]
    source: Path | None = field(default=None, compare=False)
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    def digest(self) -> str:
        """SHA-256 of the frozen form: equal for files that ask the same, however they are written."""
        text = json.dumps(self.frozen, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def only(self, names: Iterable[str]) -> Spec:
        """The same investigation of these orgs alone; a reference org that is left out is no reference any more.

        Raises:
            InvestigationError: one of them is not in it, or none is named.
        """
        wanted = dict.fromkeys(names)
        there = [each.name for each in self.orgs]
        where = f"{self.source.name if self.source else 'investigation'}: orgs"
        known = "It has " + ", ".join(capped(there))
        problems = [Problem(where, f"there is no org {name!r}", known) for name in wanted if name not in there]
        if problems or not wanted:
            raise InvestigationError(problems or [Problem(where, "no org is named", known)])
        orgs = {name: entry for name, entry in self.frozen["orgs"].items() if name in wanted}
        frozen: dict[str, Any] = {**self.frozen, "orgs": orgs}
        if "changes" in frozen:
            frozen["changes"] = [each for each in frozen["changes"] if each["org"] in wanted]
        if self.reference not in wanted:
            frozen.pop("reference", None)
        return replace(
            self,
            reference=self.reference if self.reference in wanted else None,
            orgs=tuple(each for each in self.orgs if each.name in wanted),
            secrets={name: each for name, each in self.secrets.items() if name in wanted},
            changes=tuple(each for each in self.changes if each.org in wanted),
            frozen=frozen,
        )


@dataclass(frozen=True)
class Draft:
    """A file as far as it could be read: ``spec`` only where no problem is an error."""

    spec: Spec | None
    secrets: Mapping[str, Reference]
    problems: tuple[Problem, ...]


def read(path: str | Path) -> Draft:
    """Read an investigation file. Never raises for what is in it, or because it is not there: see ``problems``.

    >>> [str(each) for each in read("nowhere.yaml").problems]
    ['nowhere.yaml: there is no such file. Check the path']
    """
    source = Path(path)
    try:
        document = parse_yaml(read_text(source))
    except Unfit as error:
        return Draft(None, {}, (Problem(source.name, error.what, error.fix),))
    return _draft(document, source, Files(source.parent))


def from_mapping(
    mapping: Mapping[str, Any], *, source: Path | None = None, folder: Path | None = None, saved: bool = False
) -> Draft:
    """Read an investigation from data: what a Spec has frozen, or one made in Python.

    Args:
        source: the file that it came from, for messages and as folder.
        folder: where relative paths are looked up; default the folder of ``source``, else the working directory.
        saved: whether it was run before, maybe elsewhere: certificates need not be there to read it.

    >>> org = {"token_url": "https://auth.example/token", "client_id": "me", "client_secret": "env:MY_SECRET"}
    >>> draft = from_mapping({"scopes": "a b", "orgs": {"acme": org}})
    >>> draft.spec.orgs[0].scopes, str(draft.spec.secrets["acme"]), draft.spec == from_mapping(draft.spec.frozen).spec
    (('a', 'b'), 'env:MY_SECRET', True)
    """
    files = Files(folder or (source.parent if source else Path(".")), must_exist=not saved)
    return _draft(Document(mapping), source, files)


def differences(a: Spec, b: Spec) -> list[str]:
    """What ``b`` says otherwise than ``a``: key, old, new.

    >>> org = {"token_url": "https://auth.example/token", "client_id": "me", "auth_method": "none"}
    >>> a, b = (from_mapping({"scopes": s, "orgs": {"acme": org}}).spec for s in ("x", "x y"))
    >>> differences(a, b)
    ['orgs.acme.scopes: ["x"] → ["x", "y"]']
    """
    return list(_differing(a.frozen, b.frozen, ()))


def _draft(document: Document, source: Path | None, files: Files) -> Draft:
    places = Places(source.name if source else "investigation", document.lines)
    found = list(document.findings)
    data = document.data
    if not isinstance(data, Mapping):
        if not found:
            found.append(Finding((), "is empty or no mapping", "Write keys and values: `orgs:`, `scopes:`, …"))
        return Draft(None, {}, places.problems(found))
    file, bad, findings = shape(FileShape, data, ())
    found += findings
    try:
        setting = _setting(file, bad, files, found)
    except ProviderError as error:  # without it, nothing can be said of any org
        found.append(Finding(("provider",), f"{error.name} {error.what}", error.fix))
        return Draft(None, {}, places.problems(found, data))
    orgs = _orgs(file, bad, setting, places, found)
    reads = [read_org(name, entry, setting) for name, entry in orgs.items()]
    for each in reads:
        found += each.findings
    found += shared(reads, places)
    _check_reference(file.reference, reads, found)
    changes = [it for n, entry in enumerate(file.changes or []) if (it := _change(entry, ("changes", n), reads, found))]
    limits = _part(LimitsShape, file.limits, "limits", found)
    watch = _part(WatchShape, file.watch, "watch", found)
    problems = places.problems(found, data, orgs)
    secrets = {each.name: each.reference for each in reads if each.reference}
    if any(each.severity == "error" for each in problems):
        return Draft(None, secrets, problems)
    head: dict[str, Any] = {
        "title": file.title or (source.stem if source else "investigation"),
        "provider": setting.provider.name,
        "reference": file.reference,
        "contact": file.contact,
    }
    frozen = _frozen(head, reads, changes, limits, watch)
    ready = tuple(each.org for each in reads if each.org)
    spec = Spec(
        **head,
        orgs=ready,
        secrets=secrets,
        changes=tuple(changes),
        limits=Limits(**limits),
        watch=Watch(**watch),
        frozen=frozen,
        source=source,
        warnings=problems,
    )
    return Draft(spec, secrets, problems)


def _setting(file: FileShape, bad: Collection[str], files: Files, found: list[Finding]) -> Setting:
    name, known = file.provider or "oauth2", providers.names()
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        fix = f"Did you mean `{close[0]}`?" if close else f"Use one of {', '.join(known)}"
        found.append(Finding(("provider",), f"{name[:60]!r} is no provider of this version", fix))
        name = close[0] if close else "oauth2"  # the orgs are checked for the one that was meant
    if file.scopes:
        found += scope_warnings(file.scopes, ("scopes",))
    return Setting(
        providers.named(name), tuple(dict.fromkeys(file.scopes)) if file.scopes else None, "scopes" in bad, files
    )


def _orgs(
    file: FileShape, bad: Collection[str], setting: Setting, places: Places, found: list[Finding]
) -> Mapping[str, Any]:
    orgs = file.orgs
    if not orgs:
        if "orgs" not in bad:
            found.append(Finding(("orgs",), "no org is named", "Name at least one org below `orgs:`"))
        return {}
    if "from" not in orgs or isinstance(orgs["from"], Mapping):
        return orgs
    fleet = _fleet(orgs, setting, found)
    places.csv, places.rows = fleet.name, fleet.lines
    found += fleet.findings
    return fleet.orgs


def _fleet(orgs: Mapping[str, Any], setting: Setting, found: list[Finding]) -> Fleet:
    where: KeyPath = ("orgs", "from")
    if len(orgs) > 1:
        found.append(
            Finding(where, "`from` stands beside other orgs", "Put all orgs into the CSV file, or all into this file")
        )
    if not isinstance(orgs["from"], str):
        found.append(Finding(where, "`from` names no file", "Write `orgs: {from: orgs.csv}`"))
        return Fleet("")
    try:
        path = locate(orgs["from"], setting.files.folder)
    except Unfit as error:
        found.append(Finding(where, error.what, error.fix))
        return Fleet("")
    fleet = read_fleet(path, setting.provider.name, setting.provider.org_keys)
    if not fleet.orgs and not fleet.findings:
        found.append(Finding(where, f"{fleet.name} names no org", "Write one row an org below its column names"))
    return fleet


def _check_reference(reference: str | None, reads: Collection[OrgRead], found: list[Finding]) -> None:
    names = [each.name for each in reads]
    if reference is not None and names and reference not in names:
        what = f"{reference[:100]!r} is no org of this file"
        found.append(Finding(("reference",), what, f"Name one of {', '.join(capped(names, 8))}, or remove it"))


def _change(entry: Any, path: KeyPath, reads: Collection[OrgRead], found: list[Finding]) -> Change | None:
    if not isinstance(entry, Mapping):
        found.append(Finding(path, "is no mapping", "Write `{org: NAME, scope: SCOPE, at: 2026-11-24T09:00:00Z}`"))
        return None
    change, _, findings = shape(ChangeShape, entry, path)
    found += findings
    orgs = {each.name: each for each in reads}
    org, scope = entry.get("org"), entry.get("scope")
    if isinstance(org, str) and org not in orgs:
        found.append(
            Finding(
                (*path, "org"),
                f"{org[:100]!r} is no org of this file",
                f"Name one of {', '.join(capped(list(orgs), 8)) or 'its orgs'}",
            )
        )
    elif isinstance(org, str) and isinstance(scope, str):
        asked = orgs[org].scopes
        if asked is not None and scope not in asked:
            what = f"{scope[:80]!r} is not asked in {org}"
            found.append(
                Finding(
                    (*path, "scope"), what, f"Add it to the org's scopes, or name one of {', '.join(capped(asked, 8))}"
                )
            )
    return Change(change.org, change.scope, change.at) if change else None


def _part(
    model: type[LimitsShape] | type[WatchShape], data: Mapping[str, Any] | None, key: str, found: list[Finding]
) -> dict[str, Any]:
    part, _, findings = shape(model, data or {}, (key,))
    found += findings
    return dict(part.model_dump())


def _frozen(
    head: Mapping[str, Any],
    reads: Iterable[OrgRead],
    changes: Iterable[Change],
    limits: Mapping[str, Any],
    watch: Mapping[str, Any],
) -> dict[str, Any]:
    frozen = {key: value for key, value in head.items() if value is not None}
    frozen["orgs"] = {each.name: each.entry for each in reads}
    listed = [{**asdict(each), "at": _stamp(each.at)} for each in changes]
    if listed:
        frozen["changes"] = listed
    return {**frozen, "limits": dict(limits), "watch": dict(watch)}


def _stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _differing(a: Any, b: Any, path: KeyPath) -> Iterable[str]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys([*a, *b]):
            yield from _differing(a.get(key, _ABSENT), b.get(key, _ABSENT), (*path, key))
        if path == ("orgs",) and list(a) != list(b) and set(a) == set(b):
            yield "orgs: the same, in another order"
    elif a != b:
        yield f"{Places('').of(path).removeprefix(': ')}: {_told(a)} → {_told(b)}"


def _told(value: Any) -> str:
    if value is _ABSENT:
        return "(absent)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "…"
