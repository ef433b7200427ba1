"""``orgscope run`` and ``orgscope report``."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...ask.spec import Spec
from ...errors import InvestigationError, RunFolderError, capped
from ..folder import runs_in
from ..investigation import Investigation, Stop, load
from ..live import Live, shown
from ..run import Run
from ..terminal import (
    OK,
    WRONG,
    agreed,
    at_terminal,
    near,
    on_stop,
    out,
    out_bytes,
    out_path,
    say,
    warn,
    watched,
)
from .checking import secret_and_hosts, size_of

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
    _check(investigation, wanted.skip_incomplete)
    if not (wanted.yes or wanted.resume or _asked_before(whole, investigation, wanted.out) or _agreed(investigation)):
        say("Nothing was sent.")
        return WRONG
    done = followed(
        investigation,
        wanted.out,
        lambda run_id: f"Go on with: {wanted.resumed(run_id)}",
        wanted.resume,
        wanted.skip_incomplete,
    )
    if wanted.json:
        say(f"{_SIMULATED} {near(done.path)}" if done.simulation else near(done.path))
        out_bytes((done.path / "diagnosis.json").read_bytes())
    else:
        tell(done)
    return done.exit_status


def report(run: str, folder: Path) -> int:
    """Write the report of a run afresh."""
    opened = Run.open(run, folder)
    if opened.state in ("running", "interrupted"):
        say(f"{opened.id} did not come to its end: the report shows what came back.")
    out_path(opened.report())
    return OK


def tell(done: Run) -> None:
    """The diagnosis, and where everything lies; the folder's path stands alone on the last line."""
    note = [_SIMULATED, ""] if done.simulation else []
    out("\n".join([*note, repr(done.diagnosis), "", f"Report: {near(done.path / 'report.html')}"]))
    out_path(done.path)


def followed(
    investigation: Investigation,
    folder: Path,
    go_on: Callable[[str], str],
    resume: str | None = None,
    skip_incomplete: bool = False,
) -> Run:
    """Run it with live progress; Ctrl-C stops it cleanly. ``go_on`` makes the hint for a run that was interrupted."""
    live, stop = Live(len(investigation.spec.orgs)), Stop()
    before = {each.id for each in runs_in(folder)}

    def ask_to_stop() -> None:
        live.note = "stopping"
        say("Stopping; waiting for what is under way (Ctrl-C again leaves at once) …")
        stop()

    try:
        with on_stop(ask_to_stop), shown(live):
            done = investigation.run_here(
                out=folder, resume=resume, skip_incomplete=skip_incomplete, observer=live, stop=stop
            )
    except SystemExit:
        begun = [Path(resume).name] if resume else [each.id for each in runs_in(folder) if each.id not in before]
        say("\n".join(["Left at once; every answer that was counted is kept.", *map(go_on, begun[-1:])]))
        raise
    if done.state == "interrupted":
        say(f"Interrupted: {live.summary} Every answer is kept.\n{go_on(done.id)}")
    elif watched():
        say(live.summary)
    if done.state == "incomplete":
        say(f"Some orgs were left out. When their secrets are there: {go_on(done.id)}")
    return done


_SIMULATED = "A simulation: a sandbox on this machine answered."


def _check(investigation: Investigation, skip_incomplete: bool) -> None:
    problems = investigation.problems()
    warn(problems)
    errors = [each for each in problems if each.severity == "error"]
    if errors and not skip_incomplete:
        raise InvestigationError(errors)
    if errors:
        say("\n  ".join(["Left out, and marked not_asked:", *capped([str(each) for each in errors])]))


def _asked_before(whole: Investigation, investigation: Investigation, folder: Path) -> bool:
    """Whether a run folder holds this investigation, or the whole of which it is a part."""
    digests = {whole.spec.digest(), investigation.spec.digest()}
    for each in reversed(runs_in(folder)):
        try:
            if each.info().get("digest") in digests:
                return True
        except RunFolderError:
            continue
    return False


def _agreed(investigation: Investigation) -> bool:
    """A person's yes to where the secrets go; without a person at a terminal, yes."""
    if not at_terminal():
        return True
    spec, plan = investigation.spec, investigation.plan()
    say(f"{spec.title}: its first run here. These secrets would go to these hosts:")
    say("\n".join(f"  {line}" for line in capped(_where_secrets_go(spec))))
    say(f"{size_of(spec)}; {plan.usual[0]} to {plan.usual[1]} requests are usual, at most {plan.requests}.")
    return agreed("Send them?")


def _where_secrets_go(spec: Spec) -> list[str]:
    lines = Counter(secret_and_hosts(spec, org) for org in spec.orgs)
    return [f"{line} ({count} orgs)" if count > 1 else line for line, count in lines.items()]
