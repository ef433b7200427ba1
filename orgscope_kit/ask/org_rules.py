"""What every org of an investigation must have, and what orgs must not share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import capped
from ..providers import OAuth2
from ..records import Org
from ..scopes import is_scope
from .credential_rules import CREDENTIAL_KEYS, Files, credential, frozen_credential
from .places import Finding, KeyPath, Places, Unfit, shown_key
from .reference import Reference
from .schema import OrgShape, shape
from .urls import check_endpoint, host_port, secret_hosts

__all__ = ["OrgRead", "Setting", "read_org", "scope_warnings", "shared"]

_LONGEST_NAME = 100
_SHAPED = frozenset(OrgShape.model_fields) - {*CREDENTIAL_KEYS, "tags", "scopes", "verify"}
_RECORDED = frozenset(each.name for each in fields(Org))


@dataclass(frozen=True, slots=True)
class Setting:
    """What the top of the file says to every org; ``scopes`` is ``None`` where absent or faulty (``bad_scopes``)."""

    provider: OAuth2
    scopes: tuple[str, ...] | None
    bad_scopes: bool
    files: Files


@dataclass(slots=True)
class OrgRead:
    """One org as far as it could be read: ``org`` only where nothing is wrong, the rest for the checks across orgs."""

    name: str
    org: Org | None = None
    reference: Reference | None = None
    entry: dict[str, Any] = field(default_factory=dict)
    client_id: str | None = None
    hosts: tuple[str, ...] = ()
    scopes: tuple[str, ...] | None = None
    findings: list[Finding] = field(default_factory=list)

    def find(self, key: str, what: str, fix: str, *, warning: bool = False) -> None:
        """Note something about a key of the org."""
        path: KeyPath = ("orgs", self.name, key) if key else ("orgs", self.name)
        self.findings.append(Finding(path, what, fix, "warning" if warning else "error"))


def read_org(name: str, data: Any, setting: Setting) -> OrgRead:
    """Read one org; everything wrong with it is in its ``findings``."""
    read = OrgRead(name)
    _check_name(read)
    if not isinstance(data, Mapping):
        read.find("", "is no mapping of keys", "Write its token_url, client_id and client_secret below it")
        return read
    provider = setting.provider
    own = {key: value for key, value in data.items() if key in provider.org_keys}
    rest = {key: value for key, value in data.items() if key not in provider.org_keys}
    model, bad, findings = shape(OrgShape, rest, ("orgs", name), sorted(provider.org_keys), provider.name)
    read.findings += findings
    keys = model.model_dump(exclude_none=True)
    keys.update(_provider_keys(read, own))
    _complete(read, keys, provider, bad | set(own))
    asked = keys.get("scopes") or setting.scopes or ()
    for key, what, fix in provider.needs({**keys, "scopes": asked}):
        if key not in bad:
            read.find(key, what, fix, warning=True)
    _scopes(read, keys, setting, "scopes" in bad)
    _required(read, keys, bad, provider.url_from)
    _note_hosts(read, keys)
    read.reference = credential(read.find, model, keys, setting.files, bad)
    verify = _verified(read, keys.get("verify", True), setting.files)
    if not any(each.severity == "error" for each in read.findings):
        _finish(read, model, keys, verify, provider)
    return read


def scope_warnings(scopes: Sequence[str], path: KeyPath) -> list[Finding]:
    """Scopes that stand twice, and a comma where a space was meant.

    >>> [each.what for each in scope_warnings(["a", "a", "b,c"], ("scopes",))]
    ["'a' stands twice, it is asked once", "'b,c' holds a comma"]
    """
    found, seen = [], set()
    for n, scope in enumerate(scopes):
        if scope in seen:
            found.append(Finding((*path, n), f"{scope!r} stands twice, it is asked once", "Remove one", "warning"))
        seen.add(scope)
        if "," in scope:
            found.append(
                Finding(
                    (*path, n),
                    f"{scope!r} holds a comma",
                    "Scopes are separated by spaces or entries, not by commas",
                    "warning",
                )
            )
    return found


def shared(reads: Iterable[OrgRead], places: Places) -> list[Finding]:
    """What orgs share that they must not, or that is worth a second look."""
    orgs = list(reads)
    return [*_shared_secrets(orgs, places), *_shared_clients(orgs), *_similar_names(orgs)]


def _check_name(read: OrgRead) -> None:
    name = read.name
    if not name.strip() or name != name.strip() or not name.isprintable() or "/" in name or len(name) > _LONGEST_NAME:
        fix = f"Name it with 1 to {_LONGEST_NAME} printable characters, without / and without spaces around"
        read.find("", f"the org's name {shown_key(name)!r} cannot be used", fix)


def _provider_keys(read: OrgRead, own: Mapping[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {}
    for key, value in own.items():
        if key == "permissions":
            good[key] = _permissions(read, value)
        elif isinstance(value, str) and value.strip() and value.isprintable():
            good[key] = value
        elif value is not None:
            number = isinstance(value, int | float)
            read.find(
                key,
                f"is {'a number' if number else 'no text on one line, or empty'}",
                "Put it in quotes" if number else "Write text",
            )
    return good


def _permissions(read: OrgRead, value: Any) -> tuple[str, ...]:
    names = value.split() if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else [value]
    good = [name for name in names if isinstance(name, str) and is_scope(name)]
    if len(good) < len(names) or not good:
        fix = "Write a list of permissions, e.g. `permissions: [routing:queue:view]`"
        read.find("permissions", "is no list of permissions", fix)
    return tuple(dict.fromkeys(good))


def _complete(read: OrgRead, keys: dict[str, Any], provider: OAuth2, given: Iterable[str]) -> None:
    """What the provider derives is checked like what was written: a region in the file ends up in a URL."""
    for key, value in provider.complete(keys).items():
        if keys.get(key) is not None or key in given:
            continue
        try:
            keys[key] = check_endpoint(value) if key.endswith("_url") else value
        except Unfit as error:
            read.find(key, error.what, error.fix)


def _scopes(read: OrgRead, keys: dict[str, Any], setting: Setting, bad: bool) -> None:
    own = keys.pop("scopes", None)
    if own:
        read.findings += scope_warnings(own, ("orgs", read.name, "scopes"))
        read.scopes = tuple(dict.fromkeys(own))
    elif not bad:
        read.scopes = setting.scopes
        if setting.scopes is None and not setting.bad_scopes and setting.provider.needs_scopes(keys):
            read.find(
                "scopes", "no scopes, neither here nor at the top of the file", "Add `scopes:` with at least one scope"
            )


def _required(read: OrgRead, keys: dict[str, Any], bad: Iterable[str], url_from: str) -> None:
    if "token_url" not in keys and "issuer" in keys and "token_url" not in bad:
        keys.update(token_url=keys["issuer"], discovers_token_url=True)
    elif "token_url" not in keys and not {"token_url", "issuer"} & set(bad):
        fix = "the token endpoint's URL: `token_url: https://…`"
        read.find("token_url", "is missing", f"Add {url_from}, or {fix}" if url_from else f"Add {fix}")
    if "client_id" not in keys and "client_id" not in bad:
        read.find("client_id", "is missing", "Add the id of the client whose token requests are looked into")
    client_id = keys.get("client_id", "")
    if client_id != client_id.strip():
        read.find(
            "client_id",
            "begins or ends with a space",
            "Remove it unless it belongs to the id: was it pasted?",
            warning=True,
        )
    read.client_id = keys.get("client_id")


def _note_hosts(read: OrgRead, keys: Mapping[str, Any]) -> None:
    urls = [keys[key] for key in ("token_url", "introspection_url", "revocation_url") if key in keys]
    read.hosts = tuple(dict.fromkeys(map(host_port, urls)))


def _verified(read: OrgRead, verify: bool | str, files: Files) -> bool | str:
    if isinstance(verify, bool):
        return verify
    fix = "Give a CA file (PEM), its path relative to this file, or leave `verify` out"
    return files.named(read.find, "verify", verify, fix)


def _finish(read: OrgRead, model: OrgShape, keys: dict[str, Any], verify: bool | str, provider: OAuth2) -> None:
    entry = {key: value for key, value in sorted(keys.items()) if key in _SHAPED or key in provider.org_keys}
    if read.scopes:
        entry["scopes"] = list(read.scopes)
    if keys.get("permissions"):
        entry["permissions"] = list(keys["permissions"])
    if verify is not True:
        entry["verify"] = keys["verify"]
    if keys.get("tags"):
        entry["tags"] = dict(keys["tags"])
    if keys.get("discovers_token_url"):
        del entry["token_url"]
    entry |= frozen_credential(model, read.reference)
    recorded = {key: value for key, value in keys.items() if key in _RECORDED}
    recorded["settings"] = {key: keys[key] for key in sorted(provider.org_keys - _RECORDED) if key in keys}
    recorded.update(name=read.name, provider=provider.name, scopes=read.scopes or (), verify=verify)
    read.org, read.entry = Org(**recorded), entry
    read.hosts = secret_hosts(read.org)


def _shared_secrets(orgs: Sequence[OrgRead], places: Places) -> list[Finding]:
    users: defaultdict[str, list[OrgRead]] = defaultdict(list)
    for each in orgs:
        if each.reference and each.reference.is_sent and each.hosts:
            users[each.reference.identity].append(each)
    found = []
    for group in users.values():
        first, seen = group[0], {group[0].hosts[0]}
        for each in group:
            new = [host for host in each.hosts if host not in seen]
            seen.update(new)
            if not new:
                continue
            path: KeyPath = ("orgs", each.name, "client_secret")
            if each is first:
                also = f"{new[0]} for introspection or revocation"
                what = f"{each.reference} would go to two hosts: {each.hosts[0]}, and {also}"
                found.append(Finding(path, what, "Name URLs on the token endpoint's own host, or remove them"))
            else:
                there = places.of(("orgs", first.name, "client_secret"))
                here = places.of(path)
                what = f"{each.reference} would go to two hosts: {first.hosts[0]} ({there}) and {new[0]} ({here})"
                found.append(Finding(path, what, "Give each host its own reference"))
    return found


def _shared_clients(orgs: Sequence[OrgRead]) -> list[Finding]:
    users: defaultdict[str, list[str]] = defaultdict(list)
    for each in orgs:
        if each.client_id:
            users[each.client_id].append(each.name)
    return [
        Finding(
            ("orgs", names[1], "client_id"),
            f"the client id {client_id[:80]!r} is shared by {', '.join(capped(names, 8))}",
            "Check that it is meant: one client for all of them, or one pasted into the wrong org",
            "warning",
        )
        for client_id, names in users.items()
        if len(names) > 1
    ]


def _similar_names(orgs: Sequence[OrgRead]) -> list[Finding]:
    users: defaultdict[str, list[str]] = defaultdict(list)
    for each in orgs:
        users[each.name.casefold()].append(each.name)
    return [
        Finding(
            ("orgs", names[1]),
            f"{' and '.join(names[:2])} differ only by case",
            "Check that they are two orgs",
            "warning",
        )
        for names in users.values()
        if len(names) > 1
    ]
