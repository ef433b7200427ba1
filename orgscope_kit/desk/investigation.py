"""An investigation to hold: loaded, checked, planned, run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from ..ask.spec import Draft, Spec, differences, from_mapping, read
from ..errors import InvestigationError, Problem, RunFolderError, capped
from ..send import credentials as secrets
from ..send.assertions import unusable
from ..send.batch import REVOKED, Observer
from ..send.credentials import Credentials
from ..send.discovery import METADATA
from ..send.journal import Journal
from .folder import Folder, find, versions
from .going import Going, Outcome
from .plan import Plan
from .run import Run, stamp

__all__ = ["Investigation", "Stop", "load", "problems_of"]


class Stop:
    """Ends a run cleanly from anywhere: no exchange is started any more, every answer is kept.

    Attributes:
        asked: whether it was called.
    """

    def __init__(self) -> None:
        self.asked = False
        self._listener: Callable[[], None] | None = None

    def __call__(self) -> None:
        """Ask for the end."""
        self.asked = True
        if self._listener is not None:
            self._listener()

    def tell(self, listener: Callable[[], None]) -> None:
        """Name what is to be called, at once where the end was asked for before."""
        self._listener = listener
        if self.asked:
            listener()


class Investigation:
    """What is asked, of whom, and how hard; see DESIGN §3 for the keys.

    Args:
        spec: made by ``osk.load``; or give the keys of an investigation file as a mapping or by name.
        folder: where relative paths and ``.env`` are looked up; default the working directory.

    Raises:
        InvestigationError: names every problem.

    >>> org = {"token_url": "https://auth.example/token", "client_id": "me", "client_secret": "env:MY_SECRET"}
    >>> Investigation(title="One org", scopes=["a"], orgs={"acme": org})
    Investigation: One org; 1 org, 1 scope, provider oauth2
    """

    def __init__(
        self, spec: Spec | Mapping[str, Any] | None = None, *, folder: str | Path | None = None, **keys: Any
    ) -> None:
        if not isinstance(spec, Spec):
            spec = _checked(
                from_mapping({**(spec or {}), **keys}, folder=Path(folder).resolve() if folder else Path.cwd())
            )
        self.spec: Spec = spec

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is worth a look, and does not stop a run."""
        return self.spec.warnings

    def problems(self) -> list[Problem]:
        """Everything that stands in the way of a run, and every warning; secrets are looked up, nothing is sent."""
        found = [*self.spec.warnings, *secrets.problems(self.spec.secrets, self._place)]
        if not any(problem.severity == "error" for problem in found):
            held = Credentials.of(self.spec)
            found += [*held.one_secret_two_hosts(), *unusable(self.spec, held)]
            held.drop()
        return found

    def plan(self) -> Plan:
        """Hosts, references, most requests, minutes and tokens; sends nothing."""
        return Plan.of(self.spec)

    def only(self, orgs: Iterable[str]) -> Investigation:
        """The same investigation of these orgs alone."""
        return Investigation(self.spec.only(orgs))

    async def run(
        self,
        *,
        out: str | Path = "runs",
        resume: str | Path | None = None,
        skip_incomplete: bool = False,
        observer: Observer | None = None,
        stop: Stop | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> Run:
        """Ask every org, and write a run folder.

        The exchanges run on a loop in a thread of their own. When the awaiting task is cancelled, or a cell
        interrupted, what is under way is awaited, everything that came back is kept and the folder finished (state
        ``interrupted``), and the cancellation goes on.

        Args:
            out: where run folders go. resume: path or id of an interrupted run to go on with.
            skip_incomplete: leave out orgs whose secret is missing, in place of raising.
            observer: told of progress, on another thread. stop: call it to end the run early and still get the run.
            transport: in place of the network, e.g. ``httpx.ASGITransport(app)``.

        Raises:
            InvestigationError: a secret is missing. RunFolderError: the folder cannot be written or resumed.
        """
        started = self._start(Path(out), resume, skip_incomplete, observer, stop, transport)
        ending = asyncio.wrap_future(started.going.result)
        try:
            outcome = await _patiently(ending)
        except (asyncio.CancelledError, KeyboardInterrupt):
            started.going.stop()
            while not started.going.result.done():
                try:
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    continue
            started.finish(started.going.result.result())
            raise
        return started.finish(outcome)

    def run_here(
        self,
        *,
        out: str | Path = "runs",
        resume: str | Path | None = None,
        skip_incomplete: bool = False,
        observer: Observer | None = None,
        stop: Stop | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> Run:
        """As ``run``, without an event loop. Ctrl-C stops cleanly and returns what came back; a second one raises."""
        started = self._start(Path(out), resume, skip_incomplete, observer, stop, transport)
        try:
            outcome = _wait(started.going)
        except KeyboardInterrupt:
            started.going.stop()
            outcome = _wait(started.going)
        return started.finish(outcome)

    def _start(
        self,
        out: Path,
        resume: str | Path | None,
        skip_incomplete: bool,
        observer: Observer | None,
        stop: Stop | None,
        transport: httpx.AsyncBaseTransport | None,
    ) -> _Started:
        held = Credentials.of(self.spec, skip_incomplete)
        unfit = unusable(self.spec, held)
        if unfit:
            raise InvestigationError(unfit)
        folder = find(resume, out) if resume else Folder.make(out)
        if resume:
            _require_same(self.spec, folder)
        journal = Journal(folder.journal)  # from here on the folder is ours alone
        try:
            info = self._info(held, _unfinished(folder) if resume else {})
            folder.write_info(info)
        except BaseException:
            journal.close()
            raise
        going = Going(self.spec, held, journal, transport, observer, stop is not None and stop.asked)
        if stop is not None:
            stop.tell(going.stop)
        return _Started(folder, info, journal, going)

    def _info(self, held: Credentials, before: Mapping[str, Any]) -> dict[str, Any]:
        """``run.json`` of a run that begins, or goes on after ``before``."""
        return {
            "investigation": dict(self.spec.frozen),
            "source": str(self.spec.source.resolve()) if self.spec.source else None,
            "folder": next((str(each.folder.resolve()) for each in self.spec.secrets.values()), None),
            "digest": self.spec.digest(),
            "state": "running",
            "started_at": before.get("started_at") or stamp(datetime.now(UTC)),
            "ended_at": None,
            "versions": versions(),
            "facts": {"twins": held.twins(), "skipped": held.missing},
            "clock_skew_s": before.get("clock_skew_s", {}),
            "simulation": before.get("simulation", False),
        }

    @property
    def _place(self) -> str:
        return self.spec.source.name if self.spec.source else "investigation"

    def __repr__(self) -> str:
        orgs, scopes = len(self.spec.orgs), len({scope for org in self.spec.orgs for scope in org.scopes})
        return (
            f"Investigation: {self.spec.title}; {orgs} org{'s' * (orgs != 1)}, {scopes} scope{'s' * (scopes != 1)}, "
            f"provider {self.spec.provider}"
        )  # fmt: skip


class _Started:
    """A run whose batch is under way, and what is left to do when it ends."""

    def __init__(self, folder: Folder, info: dict[str, Any], journal: Journal, going: Going) -> None:
        self.folder, self.info, self.journal, self.going = folder, info, journal, going

    def finish(self, outcome: Outcome) -> Run:
        """Complete ``run.json``, and write frames, diagnosis and report; then the folder is free again."""
        try:
            return self._finish(outcome)
        finally:
            self.journal.close()

    def _finish(self, outcome: Outcome) -> Run:
        endings, rows = self.journal.endings(), self.journal.exchanges()
        early = {org: reason for org, reason in endings.items() if reason != "settled"}
        if not outcome.complete:
            early |= {row.org: "interrupted" for row in rows if row.org not in endings}
        tokens = sum(1 for row in rows if row.outcome in ("granted", "narrowed") and row.purpose != "inspect")
        metadata = {each["issuer"]: each for each in self.journal.notes(METADATA).values()}
        ended = "incomplete" if self.info["facts"]["skipped"] else "done"
        self.folder.write_info(
            {
                **self.info,
                "state": ended if outcome.complete else "interrupted",
                "ended_at": stamp(datetime.now(UTC)),
                "counts": {
                    "orgs": len(self.info["investigation"]["orgs"]),
                    "exchanges": len(rows),
                    "tokens_minted": tokens,
                    "tokens_revoked": sum(self.journal.notes(REVOKED).values()),
                }
                | {"outcomes": dict(Counter(row.outcome for row in rows))},
                "facts": {**self.info["facts"], "ended_early": early, "metadata": metadata},
                "clock_skew_s": {
                    **self.info["clock_skew_s"],
                    **{h: {"ahead_s": s, "answers": n} for h, (s, n) in outcome.skew_s.items()},
                },
                "simulation": self.info["simulation"] or outcome.simulated,
            }
        )
        run = Run(self.folder)
        run.exchanges = tuple(rows)  # the journal is still ours alone
        try:
            run.write()
        except OSError as error:
            what = (
                f"{self.folder.path}: {error.strerror or error}. Make room, and go on with this run: nothing is lost."
            )
            raise RunFolderError(what) from error
        return run


def load(path: str | Path) -> Investigation:
    """Read an investigation file.

    Raises:
        InvestigationError: names every problem of the file, and every secret that is missing beside them. Where
            secrets alone are missing
            the file loads: it can be looked at and planned, and ``run`` raises.

    >>> load("nowhere.yaml")
    Traceback (most recent call last):
    orgscope_kit.errors.InvestigationError: 1 problem, nothing was sent:
      nowhere.yaml: there is no such file. Check the path
    """
    return Investigation(_checked(read(path), Path(path).name))


def problems_of(path: str | Path) -> list[Problem]:
    """Every problem and warning of a file, missing secrets among them."""
    draft = read(path)
    if draft.spec is not None:
        return Investigation(draft.spec).problems()
    return [*draft.problems, *secrets.problems(draft.secrets, Path(path).name)]


def _checked(draft: Draft, place: str = "investigation") -> Spec:
    if draft.spec is None:
        missing = secrets.problems(draft.secrets, place)
        raise InvestigationError([p for p in (*draft.problems, *missing) if p.severity == "error"])
    return replace(draft.spec, warnings=tuple(p for p in draft.problems if p.severity == "warning"))


def _require_same(spec: Spec, folder: Folder) -> None:
    """A run goes on with the investigation that it began with."""
    if not folder.journal.is_file():
        raise RunFolderError(f"{folder.journal}: there is no journal to go on from. Start a new run.")
    changed = differences(Run(folder).spec, spec)
    if changed:
        raise RunFolderError(
            f"{folder.path}: the file differs from the one that was run: {'; '.join(capped(changed, most=8))}. "
            "Start a new run."
        )


def _unfinished(folder: Folder) -> dict[str, Any]:
    """``run.json`` of a run that has not come to its end."""
    info = folder.info()
    if info["state"] == "done" and folder.diagnosis.is_file():  # else it was killed while it wrote what it found
        raise RunFolderError(f"{folder.path}: this run is done. Run the file again for a new one.")
    return info


async def _patiently(ending: asyncio.Future[Outcome]) -> Outcome:
    """Await, waking often, so that a notebook's interrupt does not wait for the whole run."""
    while not ending.done():
        await asyncio.wait([ending], timeout=0.2)
    return ending.result()


def _wait(going: Going) -> Outcome:
    """Wait, waking often, so that Ctrl-C is heard everywhere."""
    while not going.result.done():
        wait([going.result], timeout=0.2)
    return going.result.result()
