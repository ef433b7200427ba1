"""The commands as a user meets them: streams, exit statuses, and what is never sent or shown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from cli_asking import ORGSCOPE, SECRETS, Ended, ended, environment, orgscope, rewritten, start

import orgscope_kit as osk
from orgscope_kit.desk.terminal import as_status
from orgscope_kit.simulator import Sandbox, shipped


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """The story, served."""
    with Sandbox("story") as box:
        yield box


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory; run folders gather in its ``runs``."""
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def runs(box: Sandbox, place: Path) -> dict[str, Ended]:
    """The story's investigation, run in several ways at once."""
    reading, writing = os.pipe()
    os.close(reading)
    ways: dict[str, list[str]] = {
        "plain": [], "json": ["--json", "--out", "json"], "closed": ["--out", "closed"],
        "only": ["--only", " primary,", "--only", "primary", "--out", "only"], "other": ["--only", "primary,nope"],
    }  # fmt: skip
    under_way = {
        way: start("run", box.investigation_file, *words, cwd=place, **({"stdout": writing} if way == "closed" else {}))
        for way, words in ways.items()
    }
    os.close(writing)
    return {way: ended(process) for way, process in under_way.items()}


@pytest.fixture(scope="module")
def done(runs: dict[str, Ended]) -> Ended:
    """The story's investigation, run in the plainest way."""
    return runs["plain"]


def test_help_is_fast() -> None:
    """Help imports nothing that is slow."""
    code = (
        "import sys\nfrom orgscope_kit.desk.cli import app\napp(['--help'], standalone_mode=False)\n"
        "slow = {'pandas', 'matplotlib', 'httpx', 'pydantic', 'yaml', 'rich', 'starlette', 'jinja2'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "[]"
    for command in ("demo", "check", "plan", "run", "report", "sandbox", "lab"):
        assert f"\n  {command} " in said


def test_version_and_usage(tmp_path: Path) -> None:
    """The version is a result; wrong usage is 2, on standard error, and nothing is written."""
    assert orgscope("--version", cwd=tmp_path) == Ended(0, f"orgscope {osk.__version__}\n", "")
    wrong = [
        ("rnu", "x"),
        ("run",),
        ("run", "x", "--bogus"),
        ("sandbox", "--port", "70000"),
        ("run", "x", "--only", ","),
    ]
    for words, process in [(words, start(*words, cwd=tmp_path)) for words in wrong]:
        said = ended(process)
        assert (said.status, said.out) == (2, ""), words
        assert "Error" in said.err or "Invalid" in said.err, words
    assert list(tmp_path.iterdir()) == []


def test_demo(tmp_path: Path) -> None:
    """The story ends as it should: 0, a diagnosis, and the run folder's path alone on the last line."""
    said = orgscope("demo", "--out", "here", cwd=tmp_path)
    assert said.status == 0, said.err
    assert "simulation" in said.out
    assert "secondary: the client lacks a grant" in said.out
    folder = tmp_path / said.folder
    assert folder.parent == tmp_path / "here"
    assert {"run.json", "journal.sqlite", "diagnosis.json", "report.html", "observations.parquet"} <= set(
        os.listdir(folder)
    )
    assert "\x1b" not in said.out + said.err


def test_run_tells_what_failed(box: Sandbox, place: Path, done: Ended) -> None:
    """Some org fails: 1, the diagnosis as text, then the folder's path."""
    assert (done.status, done.err) == (1, "")
    assert "Who must act" in done.out
    assert json.loads((place / done.folder / "diagnosis.json").read_text("utf-8"))["run"] == done.folder.name
    for file in (place / done.folder).iterdir():
        content = file.read_bytes()
        assert not any(secret.encode() in content for secret in SECRETS), file.name


def test_json_is_the_file(place: Path, runs: dict[str, Ended]) -> None:
    """With ``--json`` standard output is diagnosis.json, byte for byte."""
    (folder,) = (place / "json").iterdir()
    assert runs["json"].status == 1
    assert runs["json"].out.encode() == (folder / "diagnosis.json").read_bytes()
    assert str(folder.relative_to(place)) in runs["json"].err


def test_only_those_that_work(place: Path, runs: dict[str, Ended]) -> None:
    """0 where every org that was asked works; ``--only`` asks no other, and 2 for an org that is not there."""
    assert runs["only"].status == 0
    assert set(osk.Run.open(place / runs["only"].folder).by_org) == {"primary"}
    assert (runs["other"].status, runs["other"].out) == (2, "")
    assert "'nope'" in runs["other"].err


def test_a_reader_that_has_gone(runs: dict[str, Ended]) -> None:
    """``| head`` changes no exit status, and shows no trace."""
    assert runs["closed"] == Ended(1, "", "")


def test_skip_incomplete(box: Sandbox, place: Path) -> None:
    """An org whose secret is missing stops everything; or it is left out, and the rest is incomplete: 3."""
    orgs = yaml.safe_load(box.investigation_file.read_text("utf-8"))["orgs"]
    orgs["secondary"]["client_secret"] = {"env": "ORGSCOPE_TEST_NOT_SET"}
    file = rewritten(box.investigation_file, {"orgs": orgs})
    stopped, left_out = [
        ended(each) for each in (start("run", file, cwd=place), start("run", file, "--skip-incomplete", cwd=place))
    ]
    assert (stopped.status, stopped.out) == (2, "")
    assert "1 problem, nothing was sent" in stopped.err
    assert "ORGSCOPE_TEST_NOT_SET" in stopped.err
    assert left_out.status == 3
    assert "Left out" in left_out.err
    assert "ORGSCOPE_TEST_NOT_SET" in left_out.err


def test_our_network(tmp_path: Path) -> None:
    """4 where every host fails alike: here no name can be resolved (RFC 6761 §6.4)."""
    org = {"client_id": "me", "auth_method": "none"}
    orgs = {name: {**org, "token_url": f"https://{name}.invalid/token"} for name in ("one", "two")}
    file = {"scopes": ["a"], "limits": {"attempts": 1}, "orgs": orgs}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(file), "utf-8")
    assert orgscope("run", "a.yaml", cwd=tmp_path).status == 4


def test_a_wrong_file(box: Sandbox, place: Path) -> None:
    """Every fault at once, each with its place; no secret is repeated, and nothing is sent."""
    orgs = yaml.safe_load(box.investigation_file.read_text("utf-8"))["orgs"]
    orgs["primary"] |= {"client_secret": "slow-secret-in-the-file", "colour": "blue"}
    orgs["secondary"] |= {"client_secret": {"env": "ORGSCOPE_TEST_NOT_SET"}, "token_url": "http://auth.example/token"}
    file = rewritten(box.investigation_file, {"orgs": orgs, "scope": "a", "reference": "tertiary"})
    before = len(box.requests)
    wrong = ("orgs.primary.client_secret", "primary.colour", "ORGSCOPE_TEST_NOT_SET", "auth.example", "reference")
    for process in [start(command, file, cwd=place) for command in ("check", "run", "plan")]:
        said = ended(process)
        assert (said.status, said.out) == (2, "")
        assert all(place_of in said.err for place_of in wrong)
        count, listed = said.err.split(" problems, nothing was sent:\n")
        assert int(count.split()[-1]) == len(listed.splitlines()) >= 6
    assert len(box.requests) == before


def test_files_that_hold_no_org(tmp_path: Path) -> None:
    """Whatever is in a file: 2, and words."""
    texts = ["", "- a", "orgs: {}", "orgs: {from: nowhere.csv}", "a: [", "\0"]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yaml").write_text(text, "utf-8")
    for process in [start("check", f"{number}.yaml", cwd=tmp_path) for number in range(len(texts))]:
        said = ended(process)
        assert (said.status, said.out) == (2, "")
        assert "nothing was sent" in said.err
        assert "Traceback" not in said.err


def test_check_and_plan(box: Sandbox, place: Path) -> None:
    """A good file: which secret would go where, what a run would send at most; nothing is sent."""
    before, host = len(box.requests), box.url.removeprefix("http://")
    check = orgscope("check", box.investigation_file, cwd=place)
    assert check.status == 0
    assert check.out.startswith(f"{box.investigation_file}: 2 orgs, 3 scopes, 1 host; nothing was sent\n")
    assert f"  secondary  dotenv:SECONDARY_SECRET → {host}\n" in check.out
    plan = orgscope("plan", box.investigation_file, cwd=place)
    assert (plan.status, plan.out) == (0, osk.load(box.investigation_file).plan().as_text() + "\n")
    assert len(box.requests) == before


def test_a_run_by_its_name(box: Sandbox, place: Path, done: Ended) -> None:
    """A report is made afresh from a run's id; 2 for a run that is not there, or is done and cannot be resumed."""
    (place / done.folder / "report.html").unlink()
    resume = ("run", box.investigation_file, "--resume")
    commands = [("report", done.folder.name), ("report", "nope"), (*resume, "nope"), (*resume, done.folder.name)]
    made, *wrong = [ended(each) for each in [start(*words, cwd=place) for words in commands]]
    assert made == Ended(0, f"{done.folder / 'report.html'}\n", "")
    assert (place / done.folder / "report.html").is_file()
    assert [(said.status, said.out) for said in wrong] == [(2, "")] * 3
    for said, why in zip(wrong, ("no run of", "no run of", "is done"), strict=True):
        assert why in said.err


def test_a_console_of_few_characters(box: Sandbox, place: Path) -> None:
    """Where the locale knows no arrows, they are written all the same."""
    said = orgscope("check", box.investigation_file, cwd=place, env=environment(PYTHONIOENCODING="ascii", LC_ALL="C"))
    assert said.status == 0
    assert "→" in said.out


def test_a_fault_of_the_program(capfd: pytest.CaptureFixture[str]) -> None:
    """70 in one line, without the values that were at hand."""

    def broken() -> int:
        raise ExceptionGroup("many", [KeyError("hunter2-hunter2")])

    with pytest.raises(typer.Exit) as end:
        as_status(broken)()
    said = capfd.readouterr()
    assert end.value.exit_code == 70
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "KeyError" in said.err and "please report" in said.err and "hunter2" not in said.err


def test_sandbox(tmp_path: Path) -> None:
    """It says where everything is, serves until it is ended, and leaves nothing."""
    process = start("sandbox", "--scenario", "scope-missing", cwd=tmp_path)
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("Investigate"):
        lines.append(process.stdout.readline().decode())
        assert lines[-1], lines
    said = dict(line.split(": ", 1) for line in lines if ": " in line)
    file, token = Path(said["investigation"].strip()), Path(said["control token"].strip())
    assert token.stat().st_mode & 0o077 == 0
    taken = orgscope("sandbox", "--port", said["url"].rsplit(":", 1)[1], cwd=tmp_path)
    assert (taken.status, taken.out) == (2, "") and "--port" in taken.err
    ran = orgscope("run", file, cwd=tmp_path)
    assert ran.status == 1 and "A simulation" in ran.out
    process.send_signal(signal.SIGTERM)
    assert ended(process).status == 0
    assert not file.parent.exists()


def test_the_list_of_scenarios(tmp_path: Path) -> None:
    """Every shipped scenario, with its title; another name is 2."""
    listed = orgscope("sandbox", "--list", cwd=tmp_path)
    assert [line.split()[0] for line in listed.out.splitlines()] == shipped()
    assert orgscope("sandbox", "--scenario", "nowhere", cwd=tmp_path).status == 2


def test_lab(tmp_path: Path) -> None:
    """JupyterLab on loopback, with notebooks, a sandbox and no news; both end with us. A stand-in plays JupyterLab."""
    (tmp_path / "jupyterlab").mkdir()
    (tmp_path / "jupyterlab" / "__init__.py").touch()
    (tmp_path / "jupyterlab" / "__main__.py").write_text(
        "import json, os, pathlib, sys, time\n"
        "config = pathlib.Path(os.environ['JUPYTER_CONFIG_PATH'].split(os.pathsep)[0], 'labconfig')\n"
        "settings = json.loads((config / 'default_setting_overrides.json').read_text())\n"
        "print(json.dumps([sys.argv[1:], settings, os.environ.get('ORGSCOPE_SANDBOX_FILE')]), flush=True)\n"
        "time.sleep(60)\n", "utf-8"
    )  # fmt: skip
    for options, sandboxed in (([], True), (["--no-sandbox"], False)):
        process = start("lab", *options, "--", "--no-browser", cwd=tmp_path, env=environment(PYTHONPATH=str(tmp_path)))
        assert process.stdout is not None
        words, settings, file = json.loads(process.stdout.readline())
        notebooks = Path(osk.__file__).parents[1] / "notebooks"
        assert {"--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={notebooks}", "--no-browser"} <= set(words)
        assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
        assert (file is not None and Path(file).is_file()) == sandboxed
        process.send_signal(signal.SIGINT)
        assert ended(process).status == 0
        assert file is None or not Path(file).exists()


def test_the_script_is_installed() -> None:
    """``orgscope`` stands beside the interpreter."""
    script = Path(sys.executable).with_name("orgscope")
    said = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)
    plain = subprocess.run([*ORGSCOPE, "--version"], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, plain.stdout)
