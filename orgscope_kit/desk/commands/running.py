"""``orgscope run`` and ``orgscope report``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from ...ask.urls import secret_hosts
from ...errors import InvestigationError, RunFolderError, capped
from ..folder import runs_in
from ..investigation import Investigation, Stop, load
from ..live import Live, shown
from ..run import Run
from ..terminal import INCOMPLETE, OK, WRONG, agreed, at_terminal, on_stop, out, out_bytes, say, warn
from .checking import size_of

__all__ = ["Wanted", "followed", "report", "run", "tell"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of ``run``; ``only`` empty: all orgs."""

    file: Path
    out: Path
    resume: str | None = None
    only: tuple[str, ...] = ()
    skip_incomplete: bool = False
    json: bool = False
    yes: bool = False

    def resumed(self, run_id: str) -> str:
        """The command that goes on with a run."""
        words = ["orgscope", "run", str(self.file), "--resume", run_id]
        words += ["--out", str(self.out)] if self.out != Path("runs") else []
        words += ["--only", ",".join(self.only)] if self.only else []
        return shlex.join([*words, *["--skip-incomplete"] * self.skip_incomplete, *["--json"] * self.json])


def run(wanted: Wanted) -> int:
    """Ask every org, and tell what was found."""
    whole = load(wanted.file)
    investigation = whole.only(wanted.only) if wanted.only else whole
    _check(investigation, wanted)
    if not _may_ask(whole, investigation, wanted):
        say("Nothing was sent.")
        return WRONG
    done = followed(investigation, wanted, lambda run_id: f"Go on with: {wanted.resumed(run_id)}")
    if wanted.json:
        if done.simulation:
            say("A simulation: a sandbox answered.")
        say(str(done.path))
        out_bytes((done.path / "diagnosis.json").read_bytes())
    else:
        tell(done)
    return INCOMPLETE if done.state == "interrupted" else done.diagnosis.exit_status


def report(run: str, folder: Path) -> int:
    """Write the report of a run afresh."""
    opened = Run.open(run, folder)
    if opened.state != "done":
        say(f"{opened.id} did not come to its end: the report shows what came back.")
    out(str(opened.report()))
    return OK


def tell(done: Run) -> None:
    """The diagnosis, and where everything lies; the folder's path stands alone on the last line."""
    note = ["A simulation: a sandbox answered.", ""] if done.simulation else []
    out("\n".join([*note, repr(done.diagnosis), "", f"Report: {done.path / 'report.html'}", str(done.path)]))


def followed(investigation: Investigation, wanted: Wanted, go_on: Callable[[str], str]) -> Run:
    """Run it with live progress; Ctrl-C stops it cleanly. ``go_on`` makes the hint for a run that was interrupted."""
    live, stop = Live(len(investigation.spec.orgs)), Stop()
    before = {folder.id for folder in runs_in(wanted.out)}

    def ask_to_stop() -> None:
        live.note = "stopping"
        say("Stopping; waiting for what is under way (Ctrl-C again leaves at once) …")
        stop()

    def leave() -> None:
        begun = [wanted.resume] if wanted.resume else [each.id for each in runs_in(wanted.out) if each.id not in before]
        say("Left at once; every answer that was counted is kept. " + "".join(go_on(Path(each).name) for each in begun[-1:]))

    with on_stop(ask_to_stop, leave), shown(live):
        done = investigation.run_here(
            out=wanted.out, resume=wanted.resume, skip_incomplete=wanted.skip_incomplete, observer=live, stop=stop
        )
    say_end(...)
    return done
