"""The widget panel: choose, see where each secret goes, run, watch, read.

The controls are widgets. What is found is an ordinary output below them, so that it stays in the saved notebook and in
exports, where widgets vanish.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import ipywidgets as widgets

from ..errors import InvestigationError
from ..send.batch import Progress
from . import panel_page as page
from .investigation import Investigation, Stop
from .panel_choice import Choice
from .run import Run
from .sandbox import at_hand

__all__ = ["Panel", "panel"]

_TICK_S = 0.2  # a task that sleeps longer makes an interrupt wait


def panel(
    investigation: Investigation | str | Path | None = None,
    *,
    out: str | Path = "runs",
    orgs: Sequence[str] | None = None,
    scopes: Sequence[str] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Panel:
    """A panel to run an investigation with; show it as the last value of a cell.

    Args:
        investigation: or the path of its file; where nothing is named, that of a sandbox (a simulation).
        out: where run folders go. orgs, scopes: what is chosen at first; everything by default.
        transport: in place of the network, e.g. ``httpx.ASGITransport(app)``.

    ```python
    panel = osk.panel("data/appfoundry.yaml")
    panel                         # choose, and press Run
    run = await panel.result()    # in a later cell: the run that was pressed, or one now
    ```
    """
    return Panel(at_hand(investigation), out=out, orgs=orgs, scopes=scopes, transport=transport)


class Panel:
    """Controls and results of an investigation. It holds references, never a secret.

    Attributes:
        investigation: the whole of it. orgs, scopes: the lists to choose from; ``value`` is what is chosen.
        run_button, cancel_button: the buttons. skip_incomplete: whether orgs without their secret are left out.
        task: of the run under way, or of the last one. It never raises but for a cancellation: see ``failure``.
        run: the last run that came to an end, if any. failure: what the last press of Run failed with, if it did.
    """

    def __init__(
        self,
        investigation: Investigation,
        *,
        out: str | Path = "runs",
        orgs: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.investigation, self._out, self._transport = investigation, out, transport
        self.task: asyncio.Task[None] | None = None
        self.run: Run | None = None
        self.failure: Exception | None = None
        self._stop, self._loop = Stop(), _loop()
        self._outcomes: Counter[str] = Counter()
        self._newest: Progress | None = None
        self._started_at = 0.0
        self._display_id: str | None = None
        self._make(Choice(investigation.spec, orgs, scopes, self._guarded(self._replan)))
        self._page = page.line("Not run yet.")
        self._guarded(self._check)()
        self._guarded(self._replan)()

    async def result(self) -> Run:
        """The run that was pressed, awaited if it is under way; where Run was not pressed, what is chosen is run now.

        Raises:
            OrgscopeError: the run could not be made. Interrupting the cell stops the run and keeps every answer.
        """
        if self.task is None or self.task.cancelled():
            self._begin()
        assert self.task is not None
        try:
            while not self.task.done():  # wakes often, or an interrupt would wait for the whole run
                await asyncio.wait({self.task}, timeout=_TICK_S)
        except asyncio.CancelledError:
            self._stop()
            raise
        if self.failure is not None:
            raise self.failure
        if self.run is None:
            raise asyncio.CancelledError
        return self.run

    def _make(self, choice: Choice) -> None:
        """Lay out the controls."""
        spec = self.investigation.spec
        self._choice, self.orgs, self.scopes = choice, choice.orgs, choice.scopes
        self.run_button = widgets.Button(description="Run", icon="play", button_style="primary", tooltip="Ask now")
        self.cancel_button = widgets.Button(
            description="Cancel", icon="stop", disabled=True, tooltip="Stop, and keep every answer"
        )
        self.skip_incomplete = widgets.Checkbox(
            description="Leave out orgs whose secret is missing", indent=False, layout=widgets.Layout(width="auto")
        )
        self._bar = widgets.IntProgress(min=0, max=1, layout=widgets.Layout(width="12rem", display="none"))
        self._plan, self._troubles, self._status = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.run_button.on_click(self._guarded(self._press))
        self.cancel_button.on_click(self._guarded(self._cancel))
        title = page.head(spec.title, len(spec.orgs), spec.provider, str(spec.source) if spec.source else None)
        buttons = widgets.HBox([self.run_button, self.cancel_button, self._bar, self._status])
        buttons.layout = widgets.Layout(align_items="center", flex_flow="row wrap", grid_gap="0.3rem")
        rows = [widgets.HTML(page.STYLE + title), choice.box, self._plan, self._troubles, self.skip_incomplete, buttons]
        self._box = widgets.VBox(rows, layout=widgets.Layout(max_width="60rem", grid_gap="0.4rem"))

    def _guarded(self, act: Callable[[], None]) -> Callable[..., None]:
        """Widgets swallow what a callback raises: show it."""

        def guarded(*_: object) -> None:
            try:
                act()
            except Exception as error:
                self._status.value = page.failed("This did not work.", error)

        return guarded

    def _check(self) -> None:
        """Look for what stands in the way; secrets are looked up, and dropped."""
        problems = self.investigation.problems()
        self._troubles.value = page.troubles(problems)
        self._troubles.layout.display = "" if problems else "none"
        wanting = any(problem.severity == "error" for problem in problems)
        self.skip_incomplete.layout.display = "" if wanting else "none"

    def _replan(self) -> None:
        try:
            plan = Investigation(self._choice.spec()).plan()
        except InvestigationError:
            self._plan.value = page.line("Nothing is chosen: choose at least one org, and a scope that it asks for.")
            self.run_button.disabled = True
            return
        self._plan.value = page.planned(plan)
        self.run_button.disabled = self._running

    @property
    def _running(self) -> bool:
        return self.task is not None and not self.task.done()

    def _press(self) -> None:
        here = _loop()
        if here is None and self._loop is not None:  # a kernel may handle clicks on another thread
            self._loop.call_soon_threadsafe(self._guarded(self._begin))
        else:
            self._begin()

    def _begin(self) -> None:
        """Start the job as a task on the running loop, and return."""
        if self._running:
            return
        loop = _loop()
        if loop is None:
            raise RuntimeError("No event loop runs here. Outside of notebooks: investigation.run_here()")
        self._loop, self._stop, self.failure = loop, Stop(), None
        self._newest, self._outcomes, self._started_at = None, Counter(), monotonic()
        self._guarded(self._check)()
        self.task = loop.create_task(self._job())
        self._lock(True)
        self._say(page.line("Running …"))

    def _cancel(self) -> None:
        self._stop()
        self.cancel_button.disabled = True

    async def _job(self) -> None:
        """Run, and show what came of it; whatever fails is shown, too."""
        ticking = asyncio.create_task(self._tick())
        try:
            run = await Investigation(self._choice.spec()).run(
                out=self._out,
                skip_incomplete=self.skip_incomplete.value,
                observer=self._observe,
                stop=self._stop,
                transport=self._transport,
            )
            self.run = run
            self._choice.offer_failing(org for org, verdict in run.diagnosis.items() if verdict.cause != "works")
            self._say(page.results(run))
            asking_s = self._newest.elapsed_s if self._newest else 0.0  # the time to draw is not the servers'
            self._status.value = page.line(f"{run.state.capitalize()}: {self._progress(asking_s)}")
        except asyncio.CancelledError:
            self._say(page.line(f"Cancelled; the answers so far are kept in the last run folder of {self._out}."))
            raise
        except Exception as error:
            self.failure = error
            self._say(page.failed("The run failed.", error))
        finally:
            ticking.cancel()
            self._lock(False)

    def _lock(self, running: bool) -> None:
        self.run_button.disabled, self.cancel_button.disabled = running, not running
        self._bar.layout.display = "" if running else "none"
        self._choice.lock(running)

    def _observe(self, progress: Progress) -> None:
        """Told on the batch's thread; the widgets are the loop's."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: no one watches any more
                self._loop.call_soon_threadsafe(self._note, progress)

    def _note(self, progress: Progress) -> None:
        self._newest = progress
        if progress.exchange is not None:
            self._outcomes[progress.exchange.outcome] += 1

    async def _tick(self) -> None:
        while True:
            if self._newest is not None:
                self._bar.max, self._bar.value = max(1, self._newest.orgs_total), self._newest.orgs_done
            stopping = "Stopping, waiting for what is under way: " if self.cancel_button.disabled else ""
            self._status.value = page.line(stopping + self._progress(monotonic() - self._started_at))
            await asyncio.sleep(_TICK_S)

    def _progress(self, elapsed_s: float) -> str:
        """Counts and time, in one line."""
        seen = self._newest
        orgs = f"{seen.orgs_done} of {seen.orgs_total} orgs settled, " if seen else ""
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self._outcomes.most_common())
        exchanges = f"{seen.exchanges if seen else 0} exchanges{f' ({counts})' if counts else ''}"
        return f"{orgs}{exchanges}, {elapsed_s:.1f} s"

    def _say(self, html: str) -> None:
        """Show below the controls, wherever the panel is shown."""
        self._page = html
        if self._display_id is not None:
            _display(self._data(), self._display_id, update=True)

    def _data(self) -> dict[str, Any]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def _repr_html_(self) -> str:
        """The panel where widgets cannot be: the last diagnosis, or the plan."""
        if self.run is None and not self._running:
            return f"{page.STYLE}{self._page}<details><summary>The plan</summary>{self._plan.value}</details>"
        return page.STYLE + self._page

    def __repr__(self) -> str:
        if self.run is not None:
            return f"{self.run}\n{self.run.diagnosis}"
        return f"{self.investigation}\n{self.investigation.plan()}"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._display_id = self._display_id or uuid4().hex
        display(self._box)  # type: ignore[no-untyped-call]
        _display(self._data(), self._display_id)


def _display(data: dict[str, Any], display_id: str, *, update: bool = False) -> None:
    from IPython.display import display

    display(data, raw=True, display_id=display_id, update=update)  # type: ignore[no-untyped-call]


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
