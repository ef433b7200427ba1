"""Execute the notebooks on the sandbox and store their outputs: ``python tests/notebooks/refresh.py [NAME …]``.

What changes with every execution or machine and carries no claim is left out: execution times, where the checkout lies,
widget state, and the views of widgets, which cannot be shown without it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def refresh(path: Path) -> None:
    """Execute one notebook where it lies, and replace its outputs."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(path.parent)}}).execute()
    text = nbformat.writes(normalised(notebook))
    path.write_text(text.replace(str(NOTEBOOKS.parent), "..") + "\n", encoding="utf-8")  # no path of this machine


def normalised(notebook: Any) -> Any:
    """The notebook with nothing stored beyond sources, tags and outputs."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {})
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
    return notebook


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for each in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not wanted or each.name in wanted or each.stem in wanted:
            refresh(each)
            print(each.relative_to(NOTEBOOKS.parent))  # noqa: T201
