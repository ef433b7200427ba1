"""A notebook in a running JupyterLab, as a person would use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_READY = """async () => {
  const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));
  const app = () => window.jupyterapp, shown = () => app()?.shell.currentWidget;
  while (!shown()?.context || !shown().sessionContext) await sleep(50);
  await shown().context.ready;
  await shown().sessionContext.ready;
  while (!app().commands.hasCommand('notebook:run-all-cells')) await sleep(50);
}"""
_CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"


@dataclass(frozen=True, slots=True)
class Lab:
    """Where JupyterLab answers."""

    url: str
    token: str

    def open(self, browser: Browser, name: str) -> Notebook:
        """Open a notebook in a new window, and wait for its kernel."""
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{self.url}/lab/tree/{name}?reset&token={self.token}")
        page.evaluate(_READY)
        return Notebook(page, asked, self.url)


@dataclass(frozen=True, slots=True)
class Notebook:
    """An open notebook.

    Attributes:
        asked: every URL that the page requested.
    """

    page: Page
    asked: list[str]
    home: str

    def run_all(self) -> None:
        """Run every cell, and wait for the last one."""
        self.page.evaluate("async () => { await window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def outputs(self) -> list[dict[str, Any]]:
        """Every output of every cell, as the notebook would be saved."""
        return [output for cell in self.page.evaluate(_CELLS) for output in cell.get("outputs", [])]

    def complaints(self) -> list[str]:
        """Errors and warnings among the outputs, and requests that left the machine."""
        said = [
            str(output)
            for output in self.outputs()
            if output["output_type"] == "error" or output.get("name") == "stderr"
        ]
        return said + [url for url in self.asked if not url.startswith((self.home, "data:", "blob:", "ws://127.0.0.1"))]
