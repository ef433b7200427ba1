"""A run that is broken off, in whatever way, keeps every answer and is gone on with."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from cli_asking import SECRETS, environment, orgscope, slow, start

import orgscope_kit as osk
from orgscope_kit.desk.investigation import Investigation, Stop
from orgscope_kit.desk.run import Run
from orgscope_kit.errors import RunFolderError
from orgscope_kit.records import Exchange
from orgscope_kit.send.batch import Progress
from orgscope_kit.send.journal import Journal
from orgscope_kit.simulator import Sandbox

KILLS = 5


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """Orgs that answer slowly; one lacks a scope."""
    with Sandbox(slow(orgs=4, latency_ms=50)) as running:
        yield running


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same run, from its beginning to its end."""
    with Sandbox(slow(orgs=4, latency_ms=50)) as running:
        return osk.load(running.investigation_file).run_here(out=tmp_path_factory.mktemp("unbroken"))


@pytest.fixture
def investigation(box: Sandbox) -> Investigation:
    """That of the sandbox."""
    return osk.load(box.investigation_file)


def verdicts(run: Run) -> dict[str, tuple[Any, ...]]:
    """What is said of each org, without the ids of exchanges."""
    return {org: (each.cause, each.scopes, each.also) for org, each in run.diagnosis.items()}


def asked(rows: tuple[Exchange, ...]) -> Counter[tuple[Any, ...]]:
    """What was asked, and how often."""
    return Counter((row.probe_id, row.attempt, row.purpose, row.scope_requested, row.org_id_sent) for row in rows)


def assert_whole(run: Run, unbroken: Run, box: Sandbox, lost: int = 0) -> None:
    """Every question was journaled once, and asked no more often but for those that were ``lost``; as if unbroken."""
    assert "done" == run.state
    assert set(asked(run.exchanges).values()) == {1}
    assert len(run.exchanges) <= len(box.requests) <= len(run.exchanges) + lost
    assert list(range(1, len(run.exchanges) + 1)) == [row.exchange_id for row in run.exchanges]
    connections = [row.connection_id for row in run.exchanges if not row.connection_reused]
    assert len(connections) == len(set(connections))
    assert {org: each.cause for org, each in run.diagnosis.items()} == {org: t.cause for org, t in box.truth.items()}
    assert verdicts(unbroken) == verdicts(run)
    assert asked(unbroken.exchanges).keys() == asked(run.exchanges).keys()


def until(true: Callable[[], bool]) -> None:
    """Wait for it, not for ever."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_killed(unbroken: Run, box: Sandbox, tmp_path: Path) -> None:
    """Killed at five moments, a run is the same in the end, and nothing that was journaled is asked again."""
    chance, resume = random.Random(7), list[str]()
    for _ in range(KILLS):
        process = start("run", box.investigation_file, "--out", "runs", "--yes", *resume, cwd=tmp_path)
        goal = len(box.requests) + chance.randint(1, 4)
        until(lambda goal=goal: len(box.requests) >= goal)
        time.sleep(chance.random() * 0.05)
        process.kill()
        process.communicate()
        (folder,) = (tmp_path / "runs").iterdir()
        before = kept(folder)
        assert "running" == Run.open(folder).state
        resume = ["--resume", folder.name]
    said = orgscope("run", box.investigation_file, "--out", "runs", "--yes", *resume, cwd=tmp_path)
    run = Run.open(folder)
    assert (1, run.exchanges[: len(before)]) == (said.status, before)
    assert_whole(run, unbroken, box, lost=2 * 2 * KILLS)  # two exchanges and their inspections may be under way


def kept(folder: Path) -> tuple[Exchange, ...]:
    """What the journal of a killed run holds, read from a copy, so that the log is left as it is."""
    copy = shutil.copytree(folder, folder.parents[1] / f"copy-{time.monotonic_ns()}")
    return Run.open(copy).exchanges


def after(count: int, act: Callable[[], object]) -> Callable[[Progress], None]:
    """An observer that acts once, when so many exchanges are journaled."""
    seen = []

    def observe(progress: Progress) -> None:
        if progress.kind == "exchange":
            seen.append(progress.exchange)
            if len(seen) == count:
                act()

    return observe


def assert_interrupted(folder: Path, box: Sandbox) -> Run:
    """The folder is finished as far as it goes: every answer that the server gave is in it."""
    (path,) = folder.iterdir()
    run = Run.open(path)
    assert "interrupted" == run.state and run.exit_status == 3
    assert len(box.requests) == len(run.exchanges) == len(run.observations) > 0
    assert {"diagnosis.json", "observations.parquet", "report.html"} <= {each.name for each in path.iterdir()}
    return run


@pytest.mark.parametrize("count", [1, 5])
def test_stopped(unbroken: Run, box: Sandbox, investigation: Investigation, tmp_path: Path, count: int) -> None:
    """`Stop` ends a run from any thread: what is under way is awaited and kept, and the rest is asked later."""
    stop = Stop()
    run = investigation.run_here(out=tmp_path, stop=stop, observer=after(count, stop))
    assert run.path == assert_interrupted(tmp_path, box).path
    assert_whole(investigation.run_here(out=tmp_path, resume=run.id), unbroken, box)


def test_stopped_before_it_began(unbroken: Run, box: Sandbox, investigation: Investigation, tmp_path: Path) -> None:
    """A stop asked for early sends nothing, and the run can be gone on with."""
    stop = Stop()
    stop()
    run = investigation.run_here(out=tmp_path, stop=stop)
    assert ("interrupted", 0, 0) == (run.state, len(run.exchanges), len(box.requests))
    assert_whole(investigation.run_here(out=tmp_path, resume=run.path), unbroken, box)


def test_a_stop_does_not_wait_for_its_turn(box: Sandbox, tmp_path: Path) -> None:
    """Who waits for the rate when the stop comes is not sent."""
    spec = osk.load(box.investigation_file).spec
    rare = Investigation({**spec.frozen, "limits": {"rate_per_s": 0.01, "concurrency": 3}}, folder=box.folder)
    stop = Stop()
    run = rare.run_here(out=tmp_path, stop=stop, observer=lambda progress: stop())
    assert "interrupted" == run.state and len(box.requests) == len(run.exchanges) <= 1


def test_cancelled(unbroken: Run, box: Sandbox, investigation: Investigation, tmp_path: Path) -> None:
    """Cancelling the awaiting task keeps every answer, finishes the folder, and goes on as a cancellation."""

    async def cancelled() -> None:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        assert task is not None
        await investigation.run(out=tmp_path, observer=after(3, lambda: loop.call_soon_threadsafe(task.cancel)))

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    run = assert_interrupted(tmp_path, box)
    assert_whole(asyncio.run(investigation.run(out=tmp_path, resume=run.id)), unbroken, box)


def test_interrupted(unbroken: Run, box: Sandbox, investigation: Investigation, tmp_path: Path) -> None:
    """Ctrl-C without an event loop gives the run as far as it came."""
    run = investigation.run_here(out=tmp_path, observer=after(3, lambda: os.kill(os.getpid(), signal.SIGINT)))
    assert run.path == assert_interrupted(tmp_path, box).path
    assert_whole(investigation.run_here(out=tmp_path, resume=run.id), unbroken, box)


class Odd(Exception):
    """What no one foresaw."""


def test_what_goes_wrong_inside_reaches_the_caller(
    unbroken: Run, box: Sandbox, investigation: Investigation, tmp_path: Path
) -> None:
    """An exception in the batch comes out as itself, in both ways of running, and the run can be gone on with."""

    def fail() -> None:
        raise Odd

    with pytest.raises(Odd):
        investigation.run_here(out=tmp_path, observer=after(3, fail))
    (path,) = tmp_path.iterdir()
    with pytest.raises(Odd):
        asyncio.run(investigation.run(out=tmp_path, resume=path, observer=after(1, fail)))
    assert_whole(investigation.run_here(out=tmp_path, resume=path), unbroken, box, lost=2 * 2 * 2)


@pytest.fixture
def stopped(investigation: Investigation, tmp_path: Path) -> Path:
    """The folder of a run that was stopped."""
    stop = Stop()
    return investigation.run_here(out=tmp_path / "runs", stop=stop, observer=after(3, stop)).path


def test_two_at_once(unbroken: Run, box: Sandbox, investigation: Investigation, stopped: Path, tmp_path: Path) -> None:
    """While one works on a run, no other process or thread can; afterwards it is as if none had tried."""
    info, requests = (stopped / "run.json").read_bytes(), len(box.requests)
    with closing(Journal(stopped / "journal.sqlite")):
        for act in (lambda: investigation.run_here(resume=stopped), lambda: Run.open(stopped).exchanges):
            with pytest.raises(RunFolderError, match="Another process works on this run"):
                act()
        said = orgscope("run", box.investigation_file, "--resume", stopped, "--yes", cwd=tmp_path)
    assert (2, "") == (said.status, said.out)
    assert "Another process works on this run" in said.err and "Traceback" not in said.err
    assert (info, requests) == ((stopped / "run.json").read_bytes(), len(box.requests))
    assert_whole(investigation.run_here(resume=stopped), unbroken, box)


def test_a_run_under_way_is_locked(box: Sandbox, investigation: Investigation, tmp_path: Path) -> None:
    """The lock lasts from before the first exchange until all is written."""
    told = []

    def try_it(progress: Progress) -> None:
        (path,) = tmp_path.iterdir()
        with pytest.raises(RunFolderError, match="Another process"):
            Journal(path / "journal.sqlite")
        told.append(progress.kind)

    investigation.only(["org1"]).run_here(out=tmp_path, observer=try_it)
    assert {"opened", "exchange", "settled"} == set(told)


def test_done_and_not_to_be_gone_on_with(box: Sandbox, investigation: Investigation, tmp_path: Path) -> None:
    """A run that is done is not resumed; one that was killed while it wrote what it found is, and asks nothing."""
    run = investigation.run_here(out=tmp_path)
    requests = len(box.requests)
    with pytest.raises(RunFolderError, match="is done"):
        investigation.run_here(out=tmp_path, resume=run.id)
    (run.path / "diagnosis.json").unlink()
    again = investigation.run_here(out=tmp_path, resume=run.id)
    assert (requests, "done", verdicts(run)) == (len(box.requests), again.state, verdicts(again))


def rows_spoilt(journal: Path) -> None:
    with closing(sqlite3.connect(journal)) as db, db:
        db.execute("UPDATE exchanges SET sent_at = 'yesterday'")


def pages_spoilt(journal: Path) -> None:
    content = journal.read_bytes()
    journal.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no journal": (Path.unlink, "Start a new run"),
    "no database": (lambda path: path.write_bytes(b"no database at all" * 400), "new run"),
    "cut": (lambda path: os.truncate(path, path.stat().st_size // 2), "new run"),
    "spoilt pages": (pages_spoilt, "new run"),
    "spoilt rows": (rows_spoilt, "new run"),
    "no run.json": (lambda path: path.with_name("run.json").unlink(), "Name the folder"),
    "half a run.json": (lambda path: path.with_name("run.json").write_text('{"schema": 1,'), "cannot be read"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Investigation, Path]]:
    """An investigation and the folder of its run that was stopped."""
    stop = Stop()
    with Sandbox(slow(orgs=4, latency_ms=10)) as running:
        investigation = osk.load(running.investigation_file)
        out = tmp_path_factory.mktemp("whole")
        yield investigation, investigation.run_here(out=out, stop=stop, observer=after(3, stop)).path


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged(whole: tuple[Investigation, Path], tmp_path: Path, damage: str) -> None:
    """A damaged folder is an error that says what to do, whatever the damage, and nothing is sent."""
    investigation, path = whole
    copy = shutil.copytree(path, tmp_path / path.name)
    spoil, fix = DAMAGE[damage]
    spoil(copy / "journal.sqlite")
    with pytest.raises(RunFolderError, match=fix) as caught:
        investigation.run_here(resume=copy)
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_damaged_on_the_command_line(box: Sandbox, stopped: Path, tmp_path: Path) -> None:
    """The same as a message and status 2, without a trace."""
    (stopped / "journal.sqlite").write_bytes(b"no database at all" * 400)
    said = orgscope("run", box.investigation_file, "--resume", stopped, "--yes", cwd=tmp_path)
    assert (2, "") == (said.status, said.out)
    assert "journal.sqlite" in said.err and "Traceback" not in said.err


def test_nowhere_to_write(box: Sandbox, tmp_path: Path) -> None:
    """`--out` that is a file, or below one, ends with a message before anything is sent."""
    (tmp_path / "taken").write_text("a file")
    for out in ("taken", "taken/runs"):
        said = orgscope("run", box.investigation_file, "--out", out, "--yes", cwd=tmp_path)
        assert (2, "") == (said.status, said.out)
        assert "--out" in said.err and "Traceback" not in said.err
    assert () == box.requests


READ_ONLY = """
import os, sys
from pathlib import Path
from orgscope_kit.send.journal import Journal
from orgscope_kit.desk.folder import Folder
from orgscope_kit.errors import RunFolderError
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
for act in (lambda: Journal(Path(sys.argv[1]) / "journal.sqlite"), lambda: Folder.make(Path(sys.argv[1])),
            lambda: Folder(Path(sys.argv[1])).write_info({})):
    try:
        act()
    except RunFolderError as error:
        assert "--out" in str(error) or "another folder" in str(error), error
        print("told")
"""


def test_read_only(tmp_path: Path) -> None:
    """In a folder that cannot be written each part says so."""
    place = tmp_path / "place"
    place.mkdir()
    Journal(place / "journal.sqlite").close()
    (place / "journal.sqlite").chmod(0o444)
    for each in (place, *place.parents):
        if each.is_relative_to(tmp_path.parents[1]):
            each.chmod(0o755)
    place.chmod(0o555)
    done = subprocess.run([sys.executable, "-c", READ_ONLY, place], capture_output=True, text=True, env=environment())
    assert (0, ["told"] * 3) == (done.returncode, done.stdout.split()), done.stderr


FULL = """
import resource, sys
import orgscope_kit as osk
from orgscope_kit.errors import RunFolderError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    osk.load(sys.argv[1]).run_here(out=sys.argv[2])
except RunFolderError as error:
    print(error)
"""


def test_no_room_left(unbroken: Run, box: Sandbox, investigation: Investigation, tmp_path: Path) -> None:
    """A file that cannot grow ends the run with an error that says so, and with room the run goes on."""
    words = [sys.executable, "-c", FULL, box.investigation_file, tmp_path / "runs"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=environment(), check=False)
    assert (0, "") == (done.returncode, done.stderr)
    assert "Make room" in done.stdout
    (path,) = (tmp_path / "runs").iterdir()
    assert_whole(investigation.run_here(resume=path), unbroken, box, lost=4)


def test_through_the_app(tmp_path: Path) -> None:
    """The story without a socket: the sandbox is handed in as a transport, and the diagnosis is the same."""
    with Sandbox("story", base_url="http://localhost") as box:
        investigation = osk.load(box.investigation_file)
        run = asyncio.run(investigation.run(out=tmp_path, transport=httpx.ASGITransport(app=box.app)))
        assert {org: (t.cause, t.scopes) for org, t in box.truth.items()} == {
            org: (each.cause, each.scopes) for org, each in run.diagnosis.items()
        }
        assert len(box.requests) == len(run.exchanges)
    assert run.simulation and "done" == run.state
    assert {(None, None)} == {(row.connection_id, row.connect_ms) for row in run.exchanges}
    assert all(row.total_ms > 0 and row.queue_ms >= 0 for row in run.exchanges if row.total_ms is not None)
