"""What an org must say of its client's credential, whichever way it is presented."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .places import shown_key
from .reference import Reference
from .schema import OrgShape

__all__ = ["CREDENTIAL_KEYS", "Files", "Find", "credential", "frozen_credential"]

#: Keys that hold a reference or a path, not a value to send.
CREDENTIAL_KEYS = frozenset({"client_secret", "client_key", "client_certificate_key"})
_BY_CERTIFICATE = ("tls_client_auth", "self_signed_tls_client_auth")
_BY_KEY = "private_key_jwt"
_FOR_ASSERTIONS = ("client_key_id", "client_key_alg", "client_assertion_audience")


@dataclass(frozen=True, slots=True)
class Files:
    """Where relative paths are looked up; and whether a file must be there: not to read what was run elsewhere."""

    folder: Path
    must_exist: bool = True

    def named(self, find: Find, key: str, value: str, fix: str) -> str:
        """The path that a key names, and a finding where no file is there."""
        path = self.folder / Path(value).expanduser()
        try:
            found = not self.must_exist or path.is_file()
        except (OSError, ValueError):
            found = False
        if not found:
            find(key, f"there is no file {shown_key(value)!r}", fix)
        return str(path.absolute())


class Find(Protocol):
    """Notes something about a key of the org."""

    def __call__(self, key: str, what: str, fix: str, *, warning: bool = False) -> None: ...


def credential(
    find: Find, model: OrgShape, keys: dict[str, Any], files: Files, bad: Collection[str]
) -> Reference | None:
    """The reference of the org's credential; sets ``certificate`` in ``keys``, and takes the references out of it."""
    for key in CREDENTIAL_KEYS:
        keys.pop(key, None)
    method = keys["auth_method"]
    certificate = _certificate(find, model, files)
    if certificate:
        keys["certificate"] = certificate
    _check_unused(find, model, method)
    if method == "none":
        return None
    if method in _BY_CERTIFICATE:
        return _certificate_reference(find, model, files.folder, method, bad)
    key = "client_key" if method == _BY_KEY else "client_secret"
    given = getattr(model, key)
    if given:
        kind, value = given
        return Reference(kind, value, files.folder, key)
    if key not in bad:
        find(key, "is missing", _fix_missing(model, key))
    return None


def frozen_credential(model: OrgShape, reference: Reference | None) -> dict[str, Any]:
    """The references as a file writes them."""
    found = {reference.key: reference.as_json()} if reference else {}
    if model.client_certificate_key:
        kind, value = model.client_certificate_key
        found["client_certificate_key"] = {kind: value}
    found.pop("client_certificate", None)  # a path, which stands there as it is
    return found


def _check_unused(find: Find, model: OrgShape, method: str) -> None:
    if model.client_secret and method in ("none", _BY_KEY, *_BY_CERTIFICATE):
        find("client_secret", f"is never sent with `auth_method: {method}`", "Remove one of the two", warning=True)
    if model.client_key and method != _BY_KEY:
        fix = f"Set `auth_method: {_BY_KEY}`, or remove it"
        find("client_key", f"is not used with `auth_method: {method}`", fix, warning=True)
    if method in (_BY_KEY, "client_secret_jwt"):
        return
    for key in _FOR_ASSERTIONS:
        if getattr(model, key):
            find(key, f"is not used with `auth_method: {method}`", "Remove it, or set the method", warning=True)


def _fix_missing(model: OrgShape, key: str) -> str:
    if key == "client_key":
        return "Add `client_key: {file: key.pem}`: the private key (PEM or JWK) whose public half the server knows"
    if model.client_key:
        return f"Set `auth_method: {_BY_KEY}` for the client_key, or add `client_secret: {{env: NAME}}`"
    return "Add `client_secret: {env: NAME}`, or `auth_method: none` for a public client"


def _certificate(find: Find, model: OrgShape, files: Files) -> tuple[str, str] | None:
    """Paths of the certificate and of its key, which may stand in one file."""
    if model.client_certificate is None:
        if model.client_certificate_key:
            find("client_certificate_key", "is a key without a certificate", "Add `client_certificate: client.pem`")
        return None
    fix = "Give the client's certificate (PEM), its path relative to this file"
    path = files.named(find, "client_certificate", model.client_certificate, fix)
    if model.client_certificate_key is None:
        return path, path
    kind, value = model.client_certificate_key
    if kind != "file":
        find("client_certificate_key", f"is of kind `{kind}`", "Name a file: `client_certificate_key: {file: key.pem}`")
        return None
    fix = "Give the certificate's private key (PEM), its path relative to this file"
    return path, files.named(find, "client_certificate_key", value, fix)


def _certificate_reference(
    find: Find, model: OrgShape, folder: Path, method: str, bad: Collection[str]
) -> Reference | None:
    if model.client_certificate is None:
        if "client_certificate" not in bad:
            fix = "Add `client_certificate: client.pem`, and `client_certificate_key: {file: key.pem}`"
            find("client_certificate", f"is missing, and `auth_method: {method}` needs it", fix)
        return None
    if model.client_certificate_key and model.client_certificate_key[0] == "file":
        return Reference("file", model.client_certificate_key[1], folder, "client_certificate_key")
    return Reference("file", model.client_certificate, folder, "client_certificate")
