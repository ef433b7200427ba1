"""``orgscope import FILE.har``: a run made from a browser's or API client's recording. Nothing is sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import providers
from ..ask.places import Unfit
from ..ask.spec import Spec, from_mapping
from ..ask.urls import check_endpoint
from ..errors import InvestigationError, OrgscopeError
from ..read.har import Recorded, Recording
from ..read.har import read as read_har
from ..records import Exchange, Purpose
from ..scopes import CONTROL_SCOPE, is_scope
from ..send.journal import Journal
from .folder import Folder, versions
from .run import Run, stamp

__all__ = ["import_har"]

#: Stands where a recording names no scope at all: an investigation asks for at least one.
NOT_RECORDED = "not-recorded"
_UNKNOWN_CLIENT = "not-recorded"
_SETTINGS = ("grant_type", "auth_method")


@dataclass(slots=True)
class _Group:
    """Requests of one client with one credential to one token endpoint, for one org."""

    token_url: str
    client_id: str | None
    org_id: str | None
    exchanges: list[Recorded]
    name: str = ""
    entry: dict[str, Any] = field(default_factory=dict)


def import_har(path: str | Path, *, out: str | Path = "runs", provider: str = "oauth2") -> Run:
    """Make a run from the token requests in a HAR file.

    Each client, by token endpoint, ``org_id`` and secret, becomes an org. The run folder holds a redacted copy of the
    recording (``recording.har``) beside the usual files, and ``run.json`` says what it was imported from. Secrets are
    not kept: the investigation names a variable for each (``env:IMPORTED_…``), to be filled in before a rerun.

    Args:
        out: where run folders go. provider: how the answers are read.

    Raises:
        OrgscopeError: the file cannot be read, is no HAR file, or holds no token request.
    """
    place = Path(path)
    recording = read_har(place, provider)
    groups, left_out = _fit(_grouped(recording.exchanges))
    if not groups:
        why = f" ({left_out[0]['because']})" if left_out else ""
        raise OrgscopeError(
            f"{place}: none of its {recording.entries} requests is a token request that can be used{why}. Record again "
            "from before the token is asked for, with content (`Save all as HAR with content`)."
        )
    _name(groups)
    spec = _spec(groups, provider, f"Imported from {place.name}")
    rows = _rows(groups, spec)
    folder = Folder.make(Path(out))
    _journal(folder, rows, [org.name for org in spec.orgs])
    folder.write(folder.path / "recording.har", recording.copy)
    folder.write_info(_info(place, recording, spec, groups, rows, left_out))
    run = Run(folder)
    run.write()
    return run


def _grouped(exchanges: Iterable[Recorded]) -> list[_Group]:
    found: dict[tuple[str | None, ...], _Group] = {}
    for each in exchanges:
        key = (each.row.endpoint, each.client_id, each.org_id, each.credential)
        group = found.setdefault(key, _Group(each.row.endpoint, each.client_id, each.org_id, []))
        group.exchanges.append(each)
    return list(found.values())


def _fit(groups: Sequence[_Group]) -> tuple[list[_Group], list[dict[str, str]]]:
    """Those whose address an investigation may name, and why the others are left out."""
    fit, left_out = [], []
    for group in groups:
        try:
            check_endpoint(group.token_url)
            fit.append(group)
        except Unfit as error:
            left_out.append({"endpoint": group.token_url, "because": error.what})
    return fit, left_out


def _name(groups: Sequence[_Group]) -> None:
    """By host where that tells them apart, else by client id, else by host, path and client."""

    def host(group: _Group) -> str:
        return str(urlsplit(group.token_url).netloc)

    def client(group: _Group) -> str:
        return group.client_id or ""

    def whole(group: _Group) -> str:
        parts = urlsplit(group.token_url).path.strip("/").split("/")
        return " ".join(part for part in (host(group), *parts, client(group), group.org_id or "") if part)

    for way in (host, client, whole):
        names = [_usable(way(group)) for group in groups]
        if all(names) and len(set(map(str.casefold, names))) == len(names):
            break
    seen: Counter[str] = Counter()
    for group, name in zip(groups, names, strict=True):
        name = name or "client"
        seen[name.casefold()] += 1
        group.name = name if seen[name.casefold()] == 1 else f"{name} ({seen[name.casefold()]})"


def _usable(name: str) -> str:
    printable = "".join(c if c.isprintable() and c not in "/\\" else " " for c in name)
    return " ".join(printable.split())[:90].strip()


def _spec(groups: Sequence[_Group], provider: str, title: str) -> Spec:
    """The investigation; what a recording shows and an investigation does not take yet goes into ``tags``."""
    keys = providers.named(provider).org_keys
    for number, group in enumerate(groups, start=1):
        group.entry = _entry(group, number, keys)
    mapping = {"title": title, "provider": provider, "orgs": {group.name: group.entry for group in groups}}
    if from_mapping(mapping).spec is None:
        for group in groups:
            _fall_back(group, provider)
    draft = from_mapping(mapping)
    if draft.spec is None:
        raise InvestigationError([each for each in draft.problems if each.severity == "error"])
    return draft.spec


def _entry(group: _Group, number: int, provider_keys: frozenset[str]) -> dict[str, Any]:
    first = group.exchanges[0]
    asked = [scope for each in group.exchanges for scope in each.row.scope_requested or ()]
    granted = [scope for each in group.exchanges for scope in each.row.scope_granted or ()]
    scopes = [each for each in dict.fromkeys(asked or granted) if is_scope(each) and each != CONTROL_SCOPE]
    entry: dict[str, Any] = {
        "token_url": group.token_url,
        "client_id": group.client_id if group.client_id and group.client_id.isprintable() else _UNKNOWN_CLIENT,
        "scopes": scopes or [NOT_RECORDED],
        "grant_type": first.grant_type,
        "auth_method": first.row.auth_method,
    }
    if first.row.auth_method != "none":
        entry["client_secret"] = {"env": f"IMPORTED_{_variable(group.name)}_{number}_SECRET"}
    if group.org_id and "org_id" in provider_keys:
        entry["org_id"] = group.org_id
    elif group.org_id:
        entry["tags"] = {"recorded org": _usable(group.org_id)}
    return entry


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")[:40]


def _fall_back(group: _Group, provider: str) -> None:
    """Leave out, one by one, what this version's investigations do not take; what was recorded stays as a tag."""
    plain = {"grant_type": "client_credentials", "auth_method": "client_secret_basic"}
    for key in _SETTINGS:
        if _accepted(group, provider):
            return
        recorded = group.entry[key]
        if recorded != plain[key]:
            group.entry[key] = plain[key]
            group.entry.setdefault("tags", {})[f"recorded {key}"] = _usable(str(recorded))
    if "client_secret" not in group.entry and group.entry["auth_method"] != "none":
        group.entry["auth_method"] = "none"


def _accepted(group: _Group, provider: str) -> bool:
    return from_mapping({"provider": provider, "orgs": {group.name: group.entry}}).spec is not None


def _rows(groups: Sequence[_Group], spec: Spec) -> list[Exchange]:
    """The exchanges of all orgs in the order of their start, each with its org and purpose."""
    found = []
    methods = {org.name: org.auth_method for org in spec.orgs}
    for group in groups:
        first = group.exchanges[0]
        for number, each in enumerate(group.exchanges, start=1):
            row = replace(
                each.row,
                org=group.name,
                credentials_of=group.name,
                probe_id=f"{group.name}/{number}",
                purpose=_purpose(each, first, number),
                auth_method=each.row.auth_method or methods[group.name],
            )
            found.append(row)
    return sorted(found, key=lambda row: row.sent_at)


def _purpose(each: Recorded, first: Recorded, number: int) -> Purpose:
    """What a request is evidence for. The same credential presented otherwise is a check; else a part of the search."""
    asked = each.row.scope_requested
    if number == 1:
        return "baseline"
    if asked == (CONTROL_SCOPE,) or (asked is None and first.row.scope_requested is not None):
        return "control"
    if each.way != first.way or (asked is not None and len(asked) == 1):
        return "verify"
    return "isolate"


def _journal(folder: Folder, rows: Sequence[Exchange], orgs: Sequence[str]) -> None:
    journal = Journal(folder.journal)
    try:
        steps: Counter[str] = Counter()
        for row in rows:
            journal.append([row], steps[row.org], closes=True)
            steps[row.org] += 1
        for org in orgs:
            journal.end_org(org, "settled")
    finally:
        journal.close()


def _info(
    place: Path,
    recording: Recording,
    spec: Spec,
    groups: Sequence[_Group],
    rows: Sequence[Exchange],
    left_out: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    started = min(row.sent_at for row in rows)
    ended = max(row.sent_at + timedelta(milliseconds=row.total_ms or 0.0) for row in rows)
    tokens = sum(1 for row in rows if row.outcome in ("granted", "narrowed"))
    return {
        "investigation": dict(spec.frozen),
        "source": None,
        "digest": spec.digest(),
        "imported_from": place.name,
        "imported": {"creator": recording.creator, "requests": recording.entries, "left_out": list(left_out)[:100]},
        "state": "done",
        "started_at": stamp(started),
        "ended_at": stamp(ended),
        "versions": versions(),
        "counts": {"orgs": len(groups), "exchanges": len(rows), "tokens_minted": tokens}
        | {"outcomes": dict(Counter(row.outcome for row in rows))},
        "facts": {"twins": _twins(groups), "skipped": [], "ended_early": {}},
        "clock_skew_s": {},
        "simulation": any(each.simulated for group in groups for each in group.exchanges),
    }


def _twins(groups: Sequence[_Group]) -> list[list[str]]:
    """Orgs that present the same client id and the same secret, where a secret was recorded."""
    by_credential: dict[tuple[str | None, str], list[str]] = {}
    for group in groups:
        first = group.exchanges[0]
        if group.client_id and first.has_secret:
            by_credential.setdefault((group.client_id, first.credential), []).append(group.name)
    return [names for names in by_credential.values() if len(names) > 1]
