"""``orgscope explain`` and ``orgscope import``: what others recorded. Nothing is sent."""

from __future__ import annotations

import json
from pathlib import Path

from ...errors import InvestigationError, Problem
from ..explain import explain as explained
from ..explain import read_pasted
from ..importing import import_har as imported
from ..terminal import OK, at_terminal, out, out_bytes, say
from .running import tell

__all__ = ["explain", "import_har"]


def explain(file: str, provider: str | None, as_json: bool) -> int:
    """Say what a pasted text leaves open."""
    _known(provider)
    if file == "-" and at_terminal():
        say("Paste the error, then end the input (Ctrl-D; on Windows Ctrl-Z and Enter).")
    found = explained(read_pasted(file), provider=provider)
    out(json.dumps(found.as_json(), indent=1, ensure_ascii=False) if as_json else repr(found))
    return OK


def import_har(file: Path, folder: Path, provider: str, as_json: bool) -> int:
    """Make a run from a recording."""
    _known(provider)
    done = imported(file, out=folder, provider=provider)
    if as_json:
        out_bytes((done.path / "diagnosis.json").read_bytes())
    else:
        tell(done)
    return done.exit_status


def _known(provider: str | None) -> None:
    from ...providers import names

    if provider is not None and provider not in names():
        raise InvestigationError([Problem("--provider", f"{provider!r} is unknown", f"Use {', '.join(names())}")])
