"""References: where a secret stands, never the secret."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from .places import Unfit

__all__ = ["KINDS", "Kind", "Reference", "parse"]

Kind = Literal["env", "file", "dotenv"]
KINDS: tuple[Kind, ...] = ("env", "file", "dotenv")
_LATER = ("keyring", "prompt")

_GIVE = "Give the secret by reference: `{env: NAME}`, `{file: PATH}` or `{dotenv: NAME}`"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_FORM = re.compile(r"([a-z]+):(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret stands.

    Attributes:
        value: a variable's name, a path, or for ``dotenv`` ``NAME`` or ``path#NAME``.
        folder: relative paths, and the ``.env`` of ``dotenv``, are looked up here.
        key: of the org in the file that holds it.

    >>> print(Reference("env", "PRIMARY_SECRET", Path(".")))
    env:PRIMARY_SECRET
    """

    kind: Kind
    value: str
    folder: Path
    key: str = field(default="client_secret", compare=False)

    @property
    def is_sent(self) -> bool:
        """Whether servers get what stands there: a private key never leaves."""
        return self.key == "client_secret"

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"

    @property
    def name(self) -> str:
        """The variable; empty for ``file``."""
        return "" if self.kind == "file" else self.value.rpartition("#")[2]

    @property
    def path(self) -> Path | None:
        """The file that is read; ``None`` for ``env``.

        >>> Reference("dotenv", "secrets.env#A", Path("/srv")).path.as_posix()
        '/srv/secrets.env'
        """
        if self.kind == "env":
            return None
        relative = self.value if self.kind == "file" else self.value.rpartition("#")[0] or ".env"
        return self.folder / Path(relative).expanduser()

    @property
    def identity(self) -> str:
        """Equal for two references that read the same place, however it is written."""
        if self.path is None:
            return str(self)
        return f"{self.kind}:{os.path.abspath(self.path)}#{self.name}"

    def as_json(self) -> dict[str, str]:
        """As a file writes it: ``{"env": "NAME"}``."""
        return {self.kind: self.value}


def parse(value: Any) -> tuple[Kind, str]:
    """Read what a file says of a secret: a mapping of one key, or ``env:NAME``, ``file:PATH``, ``dotenv:NAME``.

    >>> parse({"env": "PRIMARY_SECRET"}), parse("file:/run/secrets/primary")
    (('env', 'PRIMARY_SECRET'), ('file', '/run/secrets/primary'))

    Raises:
        Unfit: it is no reference. What was written is not shown: it may be the secret.
    """
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if not isinstance(value, str):
        raise Unfit("is no reference to a secret (its value is not shown)", _GIVE)
    match = _FORM.fullmatch(value)
    if value in _LATER or (match and match[1] in _LATER):
        raise _later(value.partition(":")[0])
    if not match or match[1] not in KINDS:
        raise Unfit(
            "is a literal secret, which a file must not hold (it is not shown)",
            f"{_GIVE}, and replace the secret if the file was shared",
        )
    return _checked(match[1], match[2])


def _of_mapping(value: Mapping[Any, Any]) -> tuple[Kind, str]:
    kinds = [str(key) for key in value]
    unknown = [kind for kind in kinds if kind not in (*KINDS, *_LATER)]
    if unknown:
        # The key itself may be a secret: `{hunter2}` is a mapping in YAML. Only what is close to a kind is shown.
        near = next(
            ((kind, close[0]) for kind in unknown if (close := difflib.get_close_matches(kind, (*KINDS, *_LATER), 1))),
            None,
        )
        told = (
            f"has an unknown kind of reference, `{near[0]}`" if near else "has an unknown kind of reference (not shown)"
        )
        raise Unfit(told, f"Did you mean `{near[1]}`?" if near else _GIVE)
    if len(kinds) != 1:
        raise Unfit(f"needs exactly one kind of reference, found {', '.join(kinds) or 'none'}", _GIVE)
    if kinds[0] in _LATER:
        raise _later(kinds[0])
    return _checked(kinds[0], value[kinds[0]])


def _later(kind: str) -> Unfit:
    return Unfit(
        f"a reference of kind `{kind}` is not supported yet by this version",
        "Use `{env: NAME}`, `{file: PATH}` or `{dotenv: NAME}`",
    )


def _checked(kind: str, value: Any) -> tuple[Kind, str]:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise Unfit(f"`{kind}` names nothing", "Name a variable for `env` and `dotenv`, a path for `file`")
    path, _, name = text.rpartition("#") if kind == "dotenv" else ("", "", text)
    if kind != "file" and not _NAME.fullmatch(name):
        fix = "Name the variable that holds the secret: letters, digits, `_`, `-`, `.`, no digit first"
        raise Unfit(f"`{kind}` is not followed by a variable's name (what stands there is not shown)", fix)
    if not (text if kind == "file" else path or "x").isprintable():
        raise Unfit(
            f"`{kind}` is not followed by a path (what stands there is not shown)",
            "Give the path of a file that holds the secret alone",
        )
    return cast(Kind, kind), text
