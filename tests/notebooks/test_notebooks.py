"""The notebooks as documents: their order, their size, their stored outputs; and the files under ``data``."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import orgscope_kit as osk
from orgscope_kit.simulator.scenario import load

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
TAGS = {"parameters", "nbval-check-output", "nbval-ignore-output"}
LAST = ("## Findings", "## Limits", "## Provenance")

#: What differs from run to run, or from machine to machine.
LIVE = re.compile(
    r"\d{8}T\d{6}Z|20\d\d-\d\d-\d\d|127\.0\.0\.1|localhost|/tmp/|/home/|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[9ab][0-9a-f]{3}-"
)


def cells(path: Path, kind: str = "") -> list[dict[str, Any]]:
    """The cells of a notebook, with their sources as one text."""
    held = json.loads(path.read_text("utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in held if kind in ("", cell["cell_type"])]


def tags(cell: dict[str, Any]) -> set[str]:
    return set(cell["metadata"].get("tags", ()))


named = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks() -> None:
    """The story comes first."""
    assert "00-start-here" == NOTEBOOKS[0].stem


@named
def test_order(path: Path) -> None:
    """Title, question, imports, parameters; a text before every call; findings, limits and provenance at the end."""
    every = cells(path)
    assert every[0]["source"].startswith("# ") and all(
        f"**{word}**" in every[0]["source"] for word in ("Needs", "Makes", "Takes")
    )
    assert every[1]["source"].startswith("## Question")
    assert all(
        isinstance(node, ast.Import | ast.ImportFrom | ast.Assign) for node in ast.parse(every[2]["source"]).body
    )
    assert {"parameters"} == tags(every[3])
    kinds = [cell["cell_type"] for cell in every[4:]]
    assert ["markdown", "code"] * (len(kinds) // 2) == kinds
    assert all(heading in every[-2]["source"] for heading in LAST)


@named
def test_size(path: Path) -> None:
    """At most 30 cells of at most 15 lines of code, in a small file."""
    assert len(cells(path)) <= 30
    assert max(len(cell["source"].splitlines()) for cell in cells(path, "code")) <= 15
    assert path.stat().st_size < 200_000


@named
def test_calls_only(path: Path) -> None:
    """No definitions, loops or handlers, no installs; parameters are literals."""
    for cell in cells(path, "code"):
        tree = ast.parse(cell["source"])  # a magic or a shell line is no Python
        bad = (
            ast.FunctionDef
            | ast.AsyncFunctionDef
            | ast.ClassDef
            | ast.Try
            | ast.For
            | ast.While
            | ast.AsyncFor
            | ast.Lambda
        )
        assert [] == [node for node in ast.walk(tree) if isinstance(node, bad)]
        if "parameters" in tags(cell):
            for node in tree.body:
                assert isinstance(node, ast.Assign)
                ast.literal_eval(node.value)


@named
def test_metadata(path: Path) -> None:
    """Kernel, language and tags; nothing that an execution leaves behind."""
    assert METADATA == json.loads(path.read_text("utf-8"))["metadata"]
    for cell in cells(path):
        assert set(cell["metadata"]) <= {"tags"} and tags(cell) <= TAGS


@named
def test_stored_outputs(path: Path) -> None:
    """Executed in order, without an error or a warning; three to six cells carry the claim, and hold nothing live."""
    code = cells(path, "code")
    assert list(range(1, len(code) + 1)) == [cell["execution_count"] for cell in code]
    outputs = [output for cell in code for output in cell["outputs"]]
    assert [] == [out for out in outputs if out["output_type"] in ("error", "stream") or WIDGET in out.get("data", {})]
    checked = [cell for cell in code if "nbval-check-output" in tags(cell)]
    assert 3 <= len(checked) <= 6
    for cell in checked:
        assert cell["outputs"]
        assert [] == LIVE.findall(json.dumps(cell["outputs"]))


@named
def test_no_secret(path: Path) -> None:
    """No stored output holds a secret of the sandbox."""
    text = path.read_text("utf-8")
    assert [] == [secret for secret in load("story").secrets.values() if secret in text]


@pytest.mark.parametrize(("name", "orgs"), [("appfoundry", 2), ("fleet", 4)])
def test_example_files(name: str, orgs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples are investigations without a problem, once their secrets are set; their hosts are no one's."""
    investigation = osk.load(ROOT / "data" / f"{name}.yaml")
    for n, reference in enumerate(investigation.spec.secrets.values()):
        monkeypatch.setenv(reference.name, f"made-up-{n}")
    assert [] == investigation.problems()
    assert orgs == len(investigation.spec.orgs)
    assert all(each.host.endswith(".example:443") for each in investigation.plan().hosts)
