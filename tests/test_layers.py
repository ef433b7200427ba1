"""The order of the house: each wing imports only from those above it, and each third party stands behind its fence."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "orgscope_kit"
ORDER = ["errors", "scopes", "records", "simulator", "providers", "ask", "send", "read", "show", "desk"]
FENCES = {
    "httpx": {"send", "desk"},
    "uvicorn": {"simulator"},
    "starlette": {"simulator"},
    "pandas": {"read", "show", "desk"},
    "pyarrow": {"read"},
    "matplotlib": {"show"},
    "ipywidgets": {"desk"},
    "typer": {"desk"},
    "rich": {"desk"},
    "sqlite3": {"send"},
    "joserfc": {"send"},
    "jinja2": {"show"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Absolute names of everything that a module imports, lazily or not."""
    home = ("orgscope_kit", *path.relative_to(PACKAGE).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = ".".join(home[: -node.level]) if node.level else ""
            module = ".".join(part for part in (prefix, node.module or "") if part)
            yield from (f"{module}.{alias.name}" if module == "orgscope_kit" else module for alias in node.names)


def wing(path: Path) -> str:
    """The wing that a module belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_upwards(path: Path) -> None:
    """No module imports from a wing below its own; the sandbox knows none, and only the desk knows the sandbox."""
    own = wing(path)
    if own == "__init__":
        return
    for name in imports(path):
        if not name.startswith("orgscope_kit."):
            continue
        other = name.split(".")[1]
        if other in ("__version__", own):
            continue
        assert other in ORDER, f"{path.name} imports {name}"
        assert ORDER.index(other) < ORDER.index(own), f"{own} imports {name}"
        if other == "simulator":
            assert "desk" == own
        if own == "simulator":
            assert other in ("errors", "scopes")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_third_parties_stand_behind_their_fence(path: Path) -> None:
    """A library is used in the wings that it belongs to, and nowhere else."""
    for name in imports(path):
        allowed = FENCES.get(name.split(".")[0])
        assert allowed is None or wing(path) in allowed, f"{path.name} imports {name}"


def test_import_is_light() -> None:
    """`import orgscope_kit` pulls in nothing slow."""
    heavy = ["pandas", "matplotlib", "ipywidgets", "nbformat", "pydantic", "httpx", "numpy", "distributed"]
    code = f"import orgscope_kit, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_stay_small(path: Path) -> None:
    """No module grows past 350 lines."""
    assert len(path.read_text("utf-8").splitlines()) <= 350
