"""What stands in two places says the same in both."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

import orgscope_kit

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_environment_yml_follows_pyproject() -> None:
    """The conda environment asks for the same Python, and takes everything else from pyproject."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    named = [each for each in environment["dependencies"] if isinstance(each, str)]
    (from_pip,) = [each["pip"] for each in environment["dependencies"] if isinstance(each, dict)]
    assert [f"python{PROJECT['project']['requires-python']}", "pip"] == named
    assert ["-e .[test]"] == from_pip
    assert "test" in PROJECT["project"]["optional-dependencies"]


def test_version_stands_once_more_only() -> None:
    """The package knows the version that pyproject gives."""
    assert PROJECT["project"]["version"] == orgscope_kit.__version__


def test_top_level_is_as_designed() -> None:
    """Nothing stands at the top level beyond the design."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    allowed = {
        "notebooks", "orgscope_kit", "data", "tests", "environment.yml", "README.md", "pyproject.toml", "Makefile",
        "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
    }  # fmt: skip
    assert not {name for path in listed if not (name := path.split("/")[0]).startswith(".")} - allowed


def test_every_requirement_is_imported() -> None:
    """No dependency is carried along that nothing uses."""
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "orgscope_kit").rglob("*.py"))
    imported = {
        "PyYAML": "yaml", "python-dotenv": "dotenv", "Jinja2": "jinja2",
    }  # fmt: skip
    beside = {"sniffio", "python-multipart", "jupyterlab", "ipykernel"}  # used by httpx, Starlette, `orgscope lab`
    for requirement in PROJECT["project"]["dependencies"]:
        name = re.split(r"[<>=\[ ]", requirement)[0]
        module = imported.get(name, name)
        assert name in beside or re.search(rf"^\s*(from|import) {module}\b", sources, re.MULTILINE), name


@pytest.mark.slow
def test_installed_wheel_runs_the_demo_outside_a_checkout(tmp_path: Path) -> None:
    """`orgscope demo` works from the wheel alone: what it needs is package data."""
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert any(name.endswith("scenarios/story.yaml") for name in archive.namelist())
        assert not [name for name in archive.namelist() if name.startswith(("tests/", "notebooks/"))]
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    site = next(home.glob("lib*/python*/site-packages"), home / "Lib" / "site-packages")
    (site / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    python = next(path for path in (home / "bin" / "python", home / "Scripts" / "python.exe") if path.exists())
    code = "import orgscope_kit; print(orgscope_kit.__file__); from orgscope_kit.desk.cli import main; main()"
    done = subprocess.run([str(python), "-c", code, "demo"], cwd=tmp_path, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(str(site))
    assert (tmp_path / lines[-1] / "report.html").is_file()
