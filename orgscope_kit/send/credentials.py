"""The secrets that an investigation refers to: read when it starts, shown nowhere, dropped when it ends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import os
import secrets as randomness
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn
from urllib.parse import quote, quote_plus

from dotenv import dotenv_values

from ..ask.places import dotted
from ..ask.spec import Reference, Spec
from ..ask.urls import secret_hosts
from ..errors import CredentialError, InvestigationError, Problem
from ..records import Org

__all__ = ["SHORTEST_TEXT", "Credentials", "Secret", "problems", "resolve", "texts"]

_MOST_BYTES = 64 * 2**10  # of a file that holds one secret
_MOST_DOTENV_BYTES = 5 * 2**20
#: Shorter secrets are not looked for by themselves: they would be found in any text.
SHORTEST_TEXT = 8


class Secret:
    """A value that shows itself only to ``reveal``: no text, copy, pickle or hash of it exists.

    >>> secret = Secret("hunter2-hunter2")
    >>> print(secret, repr(secret), f"{secret:>20}", secret == Secret("hunter2-hunter2"))
    Secret(…) Secret(…) Secret(…) True
    """

    __slots__ = ("__value",)
    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value itself, for the request that needs it."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(
            self.__value.encode("utf-8", "surrogatepass"), other.__value.encode("utf-8", "surrogatepass")
        )

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError("a Secret is neither copied nor pickled: pass its Reference, and resolve it where it is used")

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse


def resolve(reference: Reference) -> Secret:
    """Read a secret where its reference says it stands.

    A file's secret is its whole text without ONE newline at its end (and without a byte order mark). Files are read
    afresh at every call: what was put into ``.env`` after JupyterLab started counts.

    >>> try:
    ...     resolve(Reference("env", "ORGSCOPE_NOT_SET", Path(".")))
    ... except CredentialError as error:
    ...     print(error.reference, "-", error.what)
    env:ORGSCOPE_NOT_SET - the environment variable is not set

    Raises:
        CredentialError: there is no secret; the message names the reference, never a content.
    """
    return _Reader().secret(reference)


def problems(secrets: Mapping[str, Reference], place: str) -> list[Problem]:
    """Every secret that cannot be read (errors), and what looks wrong with one that can (warnings).

    Args:
        secrets: reference of each org.
        place: name of the investigation file.
    """
    reader, found = _Reader(), []
    told: set[str] = set()
    for org, reference in secrets.items():
        where = f"{place}: {dotted(('orgs', org, reference.key))}"
        try:
            secret = reader.secret(reference)
        except CredentialError as error:
            found.append(Problem(where, f"{reference}: {error.what}", error.fix))
            continue
        for what, fix in [*_suspicious(reference, secret), *_readable_by_others(reference)]:
            if what not in told:
                told.add(what)
                found.append(Problem(where, what, fix, "warning"))
    return found


class Credentials:
    """The secrets of one run, in memory only.

    Attributes:
        missing: orgs left out because their secret cannot be read.
    """

    def __init__(
        self, orgs: Iterable[Org], references: Mapping[str, Reference], secrets: Mapping[str, Secret], place: str
    ) -> None:
        self._orgs = {each.name: each for each in orgs}
        self._references, self._secrets, self._place = dict(references), dict(secrets), place
        self.missing = tuple(name for name in self._orgs if name in self._references and name not in self._secrets)

    @classmethod
    def of(cls, spec: Spec, skip_incomplete: bool = False) -> Credentials:
        """Read the secrets of an investigation.

        Args:
            skip_incomplete: leave orgs out whose secret cannot be read, instead of stopping.

        Raises:
            InvestigationError: some secrets cannot be read; names all of them.
        """
        place = spec.source.name if spec.source else "investigation"
        reader, held = _Reader(), {}
        for org, reference in spec.secrets.items():
            try:
                held[org] = reader.secret(reference)
            except CredentialError:
                continue
        if len(held) < len(spec.secrets) and not skip_incomplete:
            raise InvestigationError([each for each in problems(spec.secrets, place) if each.severity == "error"])
        return cls(spec.orgs, spec.secrets, held, place)

    def __repr__(self) -> str:
        return f"Credentials({len(self._secrets)} held, {len(self.missing)} missing)"

    def secret(self, org: str) -> Secret | None:
        """The secret of ``org``; ``None`` for a public client, a missing secret, and after ``drop``."""
        return self._secrets.get(org)

    def twins(self) -> tuple[tuple[str, ...], ...]:
        """Groups of orgs, in file order, whose client id and secret are the same."""
        return tuple(map(tuple, self._alike(lambda org: org.client_id)))

    def one_secret_two_hosts(self) -> list[Problem]:
        """Secrets that go to two ``host:port`` because different references hold the same value: a warning each.

        One reference sent to two hosts is an error of the file; here the file names a secret for each host, as asked.
        """
        found = []
        for names in self._alike(lambda org: ""):
            first = names[0]
            if not self._references[first].is_sent:
                continue
            host = secret_hosts(self._orgs[first])[0]
            for name in names[1:]:
                if self._references[name].identity == self._references[first].identity:
                    continue  # the file's own check speaks of these
                other = next((each for each in secret_hosts(self._orgs[name]) if each != host), None)
                if other:
                    one, two = self._references[first], self._references[name]
                    what = f"{one} ({first}, {host}) and {two} ({name}, {other}) hold the same secret"
                    where = f"{self._place}: {dotted(('orgs', name, 'client_secret'))}"
                    fix = "Give each host its own secret: one server must not see another's"
                    found.append(Problem(where, what, fix, "warning"))
        return found

    def forms(self) -> list[str]:
        """Every form in which a secret in use could stand in a text, longest first: what redaction looks for.

        Secrets under 8 characters count only as part of an ``Authorization: Basic`` value.
        """
        found: set[str] = set()
        for name, secret in self._secrets.items():
            if not self._references[name].is_sent:
                continue
            value, client_id = secret.reveal(), self._orgs[name].client_id
            pairs = [(client_id, value), *((form(client_id), form(value)) for form in (_percent, quote_plus))]
            for pair in pairs:
                found |= _base64(":".join(pair))
            if len(value) >= SHORTEST_TEXT:
                found |= texts(value)
        return sorted(found, key=lambda text: (-len(text), text))

    def drop(self) -> None:
        """Forget every secret; Python gives no way to wipe them."""
        self._secrets.clear()

    def _alike(self, key: Callable[[Org], str]) -> list[list[str]]:
        """Orgs that hold the same secret and agree in ``key``: compared by a digest under a key of this call only."""
        salt = randomness.token_bytes(32)
        groups: defaultdict[tuple[str, bytes], list[str]] = defaultdict(list)
        for name, secret in self._secrets.items():
            digest = hmac.digest(salt, secret.reveal().encode(), hashlib.sha256)
            groups[key(self._orgs[name]), digest].append(name)
        return [names for names in groups.values() if len(names) > 1]


class _Reader:
    """Reads references; a file of many secrets once."""

    def __init__(self) -> None:
        self._dotenv: dict[Path, dict[str, str | None]] = {}

    def secret(self, reference: Reference) -> Secret:
        path = reference.path
        if path is None:
            value = _of_environment(reference)
        elif reference.kind == "file":
            value = _without_newline(_text(reference, path, _MOST_BYTES))
        else:
            value = self._of_dotenv(reference, path)
        if not value:
            raise CredentialError(str(reference), "is empty", "Put the secret there")
        return Secret(value)

    def _of_dotenv(self, reference: Reference, path: Path) -> str:
        if path not in self._dotenv:
            text = _text(reference, path, _MOST_DOTENV_BYTES)
            self._dotenv[path] = dotenv_values(stream=io.StringIO(text), interpolate=False)
        values = self._dotenv[path]
        if reference.name not in values:
            raise CredentialError(
                str(reference), f"{path} has no variable {reference.name}", f"Add a line {reference.name}=…"
            )
        return values[reference.name] or ""


def _of_environment(reference: Reference) -> str:
    value = os.environ.get(reference.name)
    if value is None:
        raise CredentialError(
            str(reference), "the environment variable is not set", "Set it before Python starts, or in os.environ"
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise CredentialError(str(reference), "is no UTF-8 text", "Set it again") from None
    return value


def _text(reference: Reference, path: Path, most: int) -> str:
    try:
        if not path.is_file():
            what = f"{path} is no ordinary file" if path.exists() else f"there is no file {path}"
            raise CredentialError(str(reference), what, "Create it, or correct the path")
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except (OSError, ValueError) as error:
        raise CredentialError(
            str(reference), f"{path} cannot be read ({type(error).__name__})", "Check its permissions"
        ) from None
    if len(content) > most:
        raise CredentialError(
            str(reference), f"{path} is larger than {most >> 10} KiB", "Name a file that holds the secret alone"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CredentialError(str(reference), f"{path} is no UTF-8 text", "Save it as UTF-8") from None


def _without_newline(text: str) -> str:
    return text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")


def _suspicious(reference: Reference, secret: Secret) -> Iterable[tuple[str, str]]:
    if not reference.is_sent:
        return  # lines and spaces belong to a PEM
    value = secret.reveal()
    for edge, at in (("begins", value[0]), ("ends", value[-1])):
        if at.isspace():
            name = "a space" if at == " " else "white space"
            yield (
                f"the value of {reference} {edge} with {name}: was it pasted?",
                "Remove it unless it belongs to the secret",
            )
    if not value.strip().isprintable():
        yield (
            f"the value of {reference} holds control or invisible characters: was it pasted?",
            "Type or copy the secret again",
        )


def _readable_by_others(reference: Reference) -> Iterable[tuple[str, str]]:
    if reference.path is None or os.name != "posix":
        return
    try:
        mode = reference.path.stat().st_mode
    except OSError:
        return
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        who = "everyone on this machine" if mode & stat.S_IROTH else "its group"
        yield f"{reference.path} can be read by {who}", f"Run: chmod 600 {reference.path}"


def _percent(text: str) -> str:
    return quote(text, safe="")


def _base64(text: str) -> set[str]:
    plain = base64.b64encode(text.encode()).decode()
    safe = base64.urlsafe_b64encode(text.encode()).decode()
    return {form for each in (plain, safe) for form in (each, each.rstrip("="))}


def texts(value: str) -> set[str]:
    """The forms in which a server may write ``value``: as it is, percent-encoded, escaped for JSON, in base64."""
    encoded = {quote(value), _percent(value), quote_plus(value)}
    lowered = {_lower_escapes(each) for each in encoded}
    escaped = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return {value, *encoded, *lowered, *escaped, *_base64(value)}


def _lower_escapes(text: str) -> str:
    head, *rest = text.split("%")
    return head + "".join(f"%{each[:2].lower()}{each[2:]}" for each in rest)
