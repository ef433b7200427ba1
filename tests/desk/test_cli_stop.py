"""The commands when a person stops them, or is asked first."""

from __future__ import annotations

import os
import pty
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cli_asking import Ended, ended, environment, orgscope, slow, start

import orgscope_kit as osk
from orgscope_kit.simulator import Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """Orgs that answer slowly."""
    with Sandbox(slow()) as box:
        yield box


def until_asked(process: subprocess.Popen[bytes], box: Sandbox, requests: int) -> None:
    """Wait until so many requests are answered, unless the process ends before."""
    end = time.monotonic() + 20
    while len(box.requests) < requests:
        assert time.monotonic() < end
        assert process.poll() is None, ended(process)
        time.sleep(0.01)


def hinted(said: Ended) -> list[str]:
    """The words of the command that standard error ends with, after ``orgscope``."""
    return shlex.split(said.err.splitlines()[-1].split("Go on with: orgscope ")[1])


def asked(run: osk.Run) -> list[tuple[str, str, tuple[str, ...] | None]]:
    """What was asked of each org, in order."""
    rows = sorted(run.exchanges, key=lambda row: (row.org, row.exchange_id))
    return [(row.org, row.purpose, row.scope_requested) for row in rows]


def test_stopped_once(box: Sandbox, tmp_path: Path) -> None:
    """Ctrl-C ends a run cleanly: 3, and the command that goes on with it, and asks for nothing that is journaled.

    A file that differs from the one that was run cannot go on with it: 2, and the difference.
    """
    process = start("run", box.investigation_file, "--out", "my runs", cwd=tmp_path)
    until_asked(process, box, 4)
    process.send_signal(signal.SIGINT)
    said = ended(process)
    assert said.status == 3
    assert said.err.startswith("Stopping; waiting for what is under way")
    run = osk.Run.open(tmp_path / said.folder)
    assert run.state == "interrupted"
    assert 4 <= len(run.exchanges) == len(box.requests)
    assert (run.path / "report.html").is_file()
    words = hinted(said)
    assert words == ["run", str(box.investigation_file), "--resume", run.id, "--out", "my runs"]
    before = len(box.requests)
    said = orgscope(*words, "--only", "org1", cwd=tmp_path)
    assert (said.status, said.out, len(box.requests)) == (2, "", before)
    assert "differs" in said.err
    assert "orgs.org2" in said.err

    said = orgscope(*words, cwd=tmp_path)
    resumed = osk.Run.open(tmp_path / said.folder)
    assert (said.status, resumed.state, resumed.id) == (1, "done", run.id)
    assert len(resumed.exchanges) == len(box.requests)
    causes = {org: verdict.cause for org, verdict in resumed.diagnosis.items()}
    assert causes == {org: truth.cause for org, truth in box.truth.items()}
    with Sandbox(slow(latency_ms=0)) as quick:
        unbroken = osk.load(quick.investigation_file).run_here(out=tmp_path / "unbroken")
    assert asked(resumed) == asked(unbroken)
    assert causes == {org: verdict.cause for org, verdict in unbroken.diagnosis.items()}


def test_stopped_twice(tmp_path: Path) -> None:
    """SIGTERM stops like Ctrl-C; a second of them leaves at once: 3, with the command that goes on."""
    with Sandbox(slow(orgs=3, latency_ms=900)) as box:
        process = start("run", box.investigation_file, cwd=tmp_path)
        until_asked(process, box, 2)
        time.sleep(0.4)  # the next are under way
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said = ended(process)
    assert (said.status, said.out) == (3, "")
    run = osk.Run.open(tmp_path / "runs" / hinted(said)[3])
    assert run.state == "running"
    assert len(run.exchanges) >= 2


def in_terminal(*words: str | Path, cwd: Path, typed: bytes) -> tuple[int, str, str]:
    """Status, standard output, and what a person at the terminal sees who types this when asked."""
    ours, theirs = pty.openpty()
    env = environment(TERM="xterm", COLUMNS="110")
    process = start(*words, cwd=cwd, stdin=theirs, stderr=theirs, env=env)
    os.close(theirs)
    seen, asked_yet = b"", False
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
            if b"[y/N]" in seen and not asked_yet:
                asked_yet = True
                os.write(ours, typed)
    except OSError:
        pass  # Linux says EIO when the other end is closed
    out, _ = process.communicate(timeout=30)
    os.close(ours)
    return process.returncode, out.decode(), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())


def test_the_first_run_asks(tmp_path: Path) -> None:
    """At a terminal the first run of a file asks for a yes; without it nothing is sent. Progress is drawn there."""
    with Sandbox("story") as box:
        host = box.url.removeprefix("http://")
        status, out, seen = in_terminal("run", box.investigation_file, cwd=tmp_path, typed=b"\n")
        assert (status, out, len(box.requests)) == (2, "", 0)
        assert f"dotenv:SECONDARY_SECRET → {host}" in seen and "Nothing was sent." in seen
        assert not (tmp_path / "runs").exists()
        status, out, seen = in_terminal("run", box.investigation_file, cwd=tmp_path, typed=b"y\n")
        assert (status, len(box.requests) > 0) == (1, True)
        assert "0/2 orgs" in seen and "2 of 2 orgs settled" in seen and "\x1b" not in out
        ways = (("--only", "primary"), ("--yes", "--out", "elsewhere"))
        with ThreadPoolExecutor() as threads:
            under_way = [
                threads.submit(in_terminal, "run", box.investigation_file, *words, cwd=tmp_path, typed=b"\n")
                for words in ways
            ]
        for (status, _, seen), expected in zip([each.result() for each in under_way], (0, 1), strict=True):
            assert (status, "[y/N]" in seen) == (expected, False)
