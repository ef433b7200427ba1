"""The panel: what it shows, what it asks, and that nothing fails in silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ipywidgets.widgets.widget import _instances

import orgscope_kit as osk
from orgscope_kit.desk.panel import Panel
from orgscope_kit.desk.panel_choice import narrowed
from orgscope_kit.simulator import Sandbox

SCOPES = ("admin:org:read", "user:chat:write", "integration:appfoundry:manage")

#: Something to do with a panel, and with the sandbox that it asks.
Doing = Callable[[Panel, Sandbox], Awaitable[Any]]


def with_panel(tmp_path: Path, do: Doing, **given: Any) -> Any:
    """Do something with a panel of the story; ``limits`` replace the investigation's."""
    limits = given.pop("limits", {})

    async def doing() -> Any:
        async with osk.sandbox() as box:
            spec = box.investigation.spec
            frozen = {**spec.frozen, "limits": {**spec.frozen["limits"], **limits}}
            investigation = osk.Investigation(replace(spec, limits=replace(spec.limits, **limits), frozen=frozen))
            return await do(osk.panel(investigation, **{"out": tmp_path / "runs", **given}), box)

    return asyncio.run(doing())


async def exchanges(panel: Panel, least: int) -> None:
    """Wait until the panel knows of so many."""
    async with asyncio.timeout(10):
        while panel._newest is None or panel._newest.exchanges < least:
            await asyncio.sleep(0.01)


def many(count: int) -> osk.Investigation:
    """An investigation of many orgs, with a secret that no one has."""
    org = {"token_url": "https://auth.example/token", "client_secret": "env:ORGSCOPE_TEST_MISSING"}
    orgs = {f"org-{n:03}": {**org, "client_id": f"client-{n}"} for n in range(count)}
    return osk.Investigation(scopes=["a", "b"], orgs=orgs)


def test_press(tmp_path: Path) -> None:
    """A press returns at once, the job is a task, and its diagnosis and figures stand where widgets cannot be."""

    async def do(panel: Panel, _: Sandbox) -> None:
        started = time.perf_counter()
        panel.run_button.click()
        assert time.perf_counter() - started < 0.5
        assert panel.task is not None and panel.run_button.disabled and not panel.cancel_button.disabled
        await panel.task
        assert panel.run is not None and "done" == panel.run.state
        assert not panel.run_button.disabled and panel.cancel_button.disabled
        html = panel._repr_html_()
        assert "scope_not_granted" in html and 3 == html.count("<img alt=") and "simulation" in html
        assert str(panel.run.path / "report.html") in html
        assert "scope_not_granted" not in repr(panel) and "lacks a grant" in repr(panel)

    with_panel(tmp_path, do)


def test_result_untouched(tmp_path: Path) -> None:
    """Without a press the run is made now, and not again."""

    async def do(panel: Panel, _: Sandbox) -> None:
        run = await panel.result()
        assert "scope_not_granted" == run.diagnosis["secondary"].cause
        assert run is await panel.result()

    with_panel(tmp_path, do)


def test_result_awaits_what_was_pressed(tmp_path: Path) -> None:
    """A press under way is awaited, and a second press of Run meanwhile does nothing."""

    async def do(panel: Panel, _: Sandbox) -> None:
        panel.run_button.click()
        pressed = panel.task
        panel.run_button.click()
        run = await panel.result()
        assert pressed is panel.task and run is panel.run
        assert 1 == len(list((tmp_path / "runs").iterdir()))

    with_panel(tmp_path, do)


def test_choice_narrows_what_is_asked(tmp_path: Path) -> None:
    """Orgs and scopes that are not chosen are not asked."""

    async def do(panel: Panel, box: Sandbox) -> None:
        panel.orgs.value, panel.scopes.value = ("secondary",), ("user:chat:write",)
        run = await panel.result()
        assert ["secondary"] == [org.name for org in run.spec.orgs]
        asked = {row.scope_requested for row in run.exchanges if row.purpose == "baseline"}
        assert {("user:chat:write",)} == asked
        assert {"secondary"} == {seen.org for seen in box.requests if seen.org}

    with_panel(tmp_path, do)


def test_choice_given(tmp_path: Path) -> None:
    """What is chosen at first can be given."""

    async def do(panel: Panel, _: Sandbox) -> None:
        assert (("primary",), SCOPES[:1]) == (panel.orgs.value, panel.scopes.value)

    with_panel(tmp_path, do, orgs=["primary"], scopes=SCOPES[:1])


def test_nothing_chosen(tmp_path: Path) -> None:
    """Where nothing is left to ask, Run cannot be pressed, and the reason is given."""

    async def do(panel: Panel, _: Sandbox) -> None:
        panel.scopes.value = ()
        assert panel.run_button.disabled
        with pytest.raises(osk.InvestigationError):
            await panel.result()
        panel.scopes.value = SCOPES
        assert not panel.run_button.disabled

    with_panel(tmp_path, do)


def test_narrowed() -> None:
    """Changes follow the choice, orgs that ask for none of it are left out, and the whole choice changes nothing."""
    org = {"token_url": "https://auth.example/token", "auth_method": "none"}
    spec = osk.Investigation(
        reference="one",
        orgs={
            "one": {**org, "client_id": "1", "scopes": ["a", "b"]},
            "two": {**org, "client_id": "2", "scopes": ["b"]},
        },
        changes=[{"org": name, "scope": "b", "at": "2026-11-24T09:00:00Z"} for name in ("one", "two")],
    ).spec
    assert spec == narrowed(spec, ["one", "two"], ["a", "b"])
    some = narrowed(spec, ["one", "two"], ["a"])
    assert [("one", ("a",))] == [(each.name, each.scopes) for each in some.orgs]
    assert () == some.changes
    assert some == osk.Investigation(some.frozen).spec


def test_cancel(tmp_path: Path) -> None:
    """Cancel keeps every answer and shows a run that is interrupted, which can be gone on with."""

    async def do(panel: Panel, _: Sandbox) -> None:
        panel.run_button.click()
        await exchanges(panel, 2)
        panel.cancel_button.click()
        run = await panel.result()
        assert "interrupted" == run.state and 2 <= len(run.exchanges) < 10
        assert "Interrupted" in panel._repr_html_()
        again = await osk.Investigation(run.spec).run(resume=run.path)
        assert "done" == again.state and run.id == again.id

    with_panel(tmp_path, do, limits={"rate_per_s": 6})


def test_interrupt(tmp_path: Path) -> None:
    """An interrupt of the cell that awaits the result stops the run, and keeps every answer."""

    async def do(panel: Panel, _: Sandbox) -> None:
        cell = asyncio.create_task(panel.result())
        await exchanges(panel, 1)
        cell.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cell
        assert panel.task is not None
        await panel.task
        assert panel.run is not None and "interrupted" == panel.run.state

    with_panel(tmp_path, do, limits={"rate_per_s": 4})


def test_failure_is_shown(tmp_path: Path) -> None:
    """What fails in the background is shown, escaped, and raised to whoever asks for the result."""
    (tmp_path / "<i>taken").write_text("no folder")

    async def do(panel: Panel, _: Sandbox) -> None:
        panel.run_button.click()
        assert panel.task is not None
        await panel.task
        assert "The run failed." in panel._repr_html_()
        assert "&lt;i&gt;taken" in panel._repr_html_() and "<i>taken" not in panel._repr_html_()
        with pytest.raises(osk.RunFolderError):
            await panel.result()
        assert not panel.run_button.disabled

    with_panel(tmp_path, do, out=tmp_path / "<i>taken")


def test_names_are_escaped() -> None:
    """An investigation from someone else cannot write HTML into the panel."""
    org = {"token_url": "https://auth.example/token", "client_id": "me", "auth_method": "none", "label": "<u>x</u>"}
    panel = osk.panel(osk.Investigation(title="<script>x</script>", scopes=["a"], orgs={"acme": org}))
    shown = panel._repr_html_() + "".join(each.value for each in _instances.values() if hasattr(each, "value")
                                          and isinstance(each.value, str))  # fmt: skip
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown and "<u>" not in shown


def test_missing_secrets(tmp_path: Path) -> None:
    """A missing secret is named before anything is sent; on demand its org is left out."""

    async def do() -> None:
        panel = osk.panel(many(2), out=tmp_path)
        assert "ORGSCOPE_TEST_MISSING" in panel._troubles.value
        assert "" == panel.skip_incomplete.layout.display
        with pytest.raises(osk.InvestigationError):
            await panel.result()
        panel.skip_incomplete.value = True
        panel.run_button.click()
        run = await panel.result()
        assert {"not_asked"} == {verdict.cause for verdict in run.diagnosis.values()}

    asyncio.run(do())


def test_no_secret_in_widgets(tmp_path: Path) -> None:
    """Neither the state of any widget nor what is shown holds a secret; where each goes is told by reference."""

    async def do(panel: Panel, box: Sandbox) -> None:
        assert "dotenv:SECONDARY_SECRET" in panel._repr_html_() and "127.0.0.1" in panel._repr_html_()
        await panel.result()
        held = repr([each.get_state() for each in _instances.values()]) + panel._repr_html_() + repr(panel)
        assert [] == [secret for secret in box.scenario.secrets.values() if secret in held]

    with_panel(tmp_path, do)


def test_fleet() -> None:
    """500 orgs: the panel is there soon, finds orgs by part of a name, and caps what it lists."""
    started = time.perf_counter()
    panel = osk.panel(many(500))
    assert time.perf_counter() - started < 3
    find = next(each for each in _instances.values() if "contain" in getattr(each, "placeholder", ""))
    find.value = "ORG-49"
    assert [f"org-49{n}" for n in range(10)] == list(panel.orgs.value)
    find.value = ""
    assert 500 == len(panel.orgs.value)
    assert len(panel._repr_html_()) < 50_000


def test_without_a_loop() -> None:
    """In a script a press says what to do in its place."""
    panel = osk.panel(many(1))
    panel.run_button.click()
    assert "run_here" in panel._status.value


def test_file_and_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is loaded; where nothing is named, the sandbox of ORGSCOPE_SANDBOX_FILE, else one that is started."""
    with Sandbox("scope-missing") as box:
        assert box.investigation_file == osk.panel(box.investigation_file).investigation.spec.source
        monkeypatch.setenv("ORGSCOPE_SANDBOX_FILE", str(box.investigation_file))
        assert box.investigation_file == osk.panel("").investigation.spec.source
    monkeypatch.delenv("ORGSCOPE_SANDBOX_FILE")
    assert osk.panel("").investigation.title.startswith("Secondary org refuses")


def test_awaited_sandbox() -> None:
    """An awaited sandbox is kept until it is stopped."""

    async def do() -> None:
        box = await osk.sandbox()
        assert box.investigation_file.exists()
        box.stop()
        with pytest.raises(RuntimeError):
            _ = box.folder

    asyncio.run(do())
