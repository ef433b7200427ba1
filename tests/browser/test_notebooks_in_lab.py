"""Both notebooks in a real JupyterLab, as a person would use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab import Lab

from orgscope_kit.ask.causes import CAUSES

pytestmark = pytest.mark.browser

#: The words of the cause that explains the story's failing org.
TITLE = CAUSES["scope_not_granted"].title


def test_start_here(lab: Lab, browser: Any, tmp_path: Path) -> None:
    """Run All tells the story: the diagnosis, the matrix as an image with its text, and no complaint."""
    notebook = lab.open(browser, "00-start-here.ipynb")
    notebook.run_all()
    page = notebook.page
    page.screenshot(path=tmp_path / "start.png")
    assert [] == notebook.complaints()
    assert TITLE in page.locator(".jp-OutputArea-output .osk .cause").inner_text().lower()
    images = page.locator(".jp-OutputArea-output img[alt]")
    assert 3 == images.count()
    assert "secondary" in (images.first.get_attribute("alt") or "")
    assert page.evaluate("[...document.querySelectorAll('.jp-OutputArea-output img')].every(i => i.naturalWidth > 100)")
    page.close()


def test_triage(lab: Lab, browser: Any, tmp_path: Path) -> None:
    """Run All settles the untouched panel; a press of Run asks again and shows diagnosis and matrix below it."""
    notebook = lab.open(browser, "10-triage.ipynb")
    notebook.run_all()
    page = notebook.page
    assert [] == notebook.complaints()
    output = page.locator(".jp-OutputArea-output:has(> .osk-panel), .jp-OutputArea-output .osk-panel:has(.osk)").first
    before = output.locator("p:has-text('Report:') code").inner_text()
    page.locator(".jp-OutputArea-output button.mod-primary:has-text('Run')").click()
    output.get_by_text("Running …").wait_for()
    output.locator(".cause").wait_for()
    assert TITLE in output.locator(".cause").inner_text().lower()
    assert before != output.locator("p:has-text('Report:') code").inner_text()
    assert "missing" in (output.locator("img").first.get_attribute("alt") or "")
    page.screenshot(path=tmp_path / "triage.png")
    assert [] == notebook.complaints()
    page.close()
