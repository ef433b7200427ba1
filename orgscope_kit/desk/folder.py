"""The run folder (DESIGN §5): its name, ``run.json``, and where each file lies."""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import RunFolderError

__all__ = ["Folder", "find", "runs_in", "versions"]

_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")
_SCHEMA = 1


class Folder:
    """Where one run keeps what it found. The folder is readable by its owner alone.

    Raises:
        RunFolderError: the folder cannot be made or read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name

    @classmethod
    def make(cls, out: Path, at: datetime | None = None) -> Folder:
        """A new folder under ``out``, named by UTC time and four random hex digits."""
        at = at or datetime.now(UTC)
        try:
            out.mkdir(parents=True, exist_ok=True)
            while True:
                path = out.resolve() / f"{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
                try:
                    path.mkdir(mode=0o700)
                    return cls(path)
                except FileExistsError:
                    continue
        except OSError as error:
            raise RunFolderError(f"{out}: {error.strerror}. Name another folder with --out.") from error

    @property
    def journal(self) -> Path:
        return self.path / "journal.sqlite"

    @property
    def parquet(self) -> Path:
        return self.path / "observations.parquet"

    @property
    def csv(self) -> Path:
        return self.path / "observations.csv"

    @property
    def diagnosis(self) -> Path:
        return self.path / "diagnosis.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def info(self) -> dict[str, Any]:
        """``run.json``."""
        place = self.path / "run.json"
        try:
            info = json.loads(place.read_text("utf-8"))
        except FileNotFoundError:
            raise RunFolderError(
                f"{self.path}: no run.json here. Name a run folder, or a run's id with --out."
            ) from None
        except (OSError, ValueError) as error:
            raise RunFolderError(
                f"{place}: cannot be read ({error}). The journal beside it still holds every exchange."
            ) from error
        if not isinstance(info, dict) or info.get("schema") != _SCHEMA:
            raise RunFolderError(f"{place}: not of schema {_SCHEMA}. Open it with the version that wrote it.")
        return info

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Replace ``run.json`` at once, never half."""
        self.write(
            self.path / "run.json", json.dumps({"schema": _SCHEMA, "id": self.id, **info}, indent=1, ensure_ascii=False)
        )

    def write(self, path: Path, text: str) -> None:
        """Write a file of the folder at once, for its owner alone."""
        draft = path.with_name(path.name + ".part")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            draft.replace(path)
        except OSError as error:
            raise RunFolderError(
                f"{path}: {error.strerror}. Make room or name another folder; the journal is kept."
            ) from error


def find(run: str | Path, out: Path) -> Folder:
    """The folder of a run given by path or id.

    Raises:
        RunFolderError: neither is a run folder.
    """
    for path in (Path(run), out / str(run)):
        if (path / "run.json").is_file():
            return Folder(path.resolve())
    raise RunFolderError(f"{run}: no run of this path or id (looked in {out} too). Name the folder that a run printed.")


def runs_in(out: Path) -> list[Folder]:
    """The run folders under ``out``, oldest first."""
    if not out.is_dir():
        return []
    return [
        Folder(path) for path in sorted(out.iterdir()) if _ID.fullmatch(path.name) and (path / "run.json").is_file()
    ]


def versions() -> dict[str, str]:
    """What ran: the kit, Python, and the libraries that can matter."""
    names = ("httpx", "pandas", "pydantic", "matplotlib")
    return {
        "orgscope_kit": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in names},
    }
