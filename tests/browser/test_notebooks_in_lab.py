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
    report = page.locator(".jp-OutputArea-output .osk-panel p:has-text('Report:') code").first
    before = report.inner_text()
    page.get_by_role("button", name="Run", exact=True).filter(visible=True).last.click()
    page.wait_for_function("before => ![...document.querySelectorAll('.osk-panel p code')].some(c => c.innerText == before)", arg=before)
    page.locator(".jp-OutputArea-output .osk .cause").first.wait_for()
    assert TITLE in page.locator(".jp-OutputArea-output .osk .cause").first.inner_text().lower()
    assert report.inner_text() != before
    assert "missing" in (page.locator(".jp-OutputArea-output .osk-panel img").first.get_attribute("alt") or "")
    page.screenshot(path=tmp_path / "triage.png")
    assert [] == notebook.complaints()
    page.close()
