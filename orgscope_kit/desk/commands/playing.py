"""``orgscope demo`` and ``orgscope sandbox``: the simulated servers."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from ...errors import ScenarioError
from ...simulator import Sandbox, shipped
from ...simulator import load as load_scenario
from ..investigation import load
from ..run import Run
from ..terminal import FAULT, INCOMPLETE, OK, out, say, terminates_like_ctrl_c
from .running import followed, tell

__all__ = ["demo", "sandbox", "scenarios", "serving"]


def demo(folder: Path) -> int:
    """Play the story: sandbox, run, diagnosis, report; and see whether it ends as it should."""
    terminates_like_ctrl_c()
    with Sandbox("story") as box:
        say(textwrap.fill(box.scenario.story, 100))
        again = "The sandbox is gone: start the demo again."
        done = followed(load(box.investigation_file), folder, lambda run_id: again)
        wrong = _not_as_told(done, box)
    if not wrong:
        say("The diagnosis names the sandbox's own truth for every org.")
    tell(done)
    if done.state == "interrupted":
        return INCOMPLETE
    if wrong:
        say("\n  ".join(["The story did not end as it should; please report this:", *wrong]))
    return FAULT if wrong else OK


def _not_as_told(done: Run, box: Sandbox) -> list[str]:
    wrong = []
    for org, truth in box.truth.items():
        found = done.diagnosis[org]
        diagnosed, true = (f"{each.cause} {' '.join(sorted(each.scopes))}".strip() for each in (found, truth))
        if diagnosed != true:
            wrong.append(f"{org}: diagnosed {diagnosed}, in truth {true}")
    return wrong


def sandbox(scenario: str, port: int) -> int:
    """Serve until Ctrl-C."""
    terminates_like_ctrl_c()
    try:
        with serving(scenario, port) as box:
            out("\n".join(_told(box)))
            say("Serving until Ctrl-C …")
            until = Event()
            while not until.wait(0.5):  # a wait without end cannot be interrupted on Windows
                pass
    except KeyboardInterrupt:
        say("Stopped; its files are gone.")
    return OK


@contextmanager
def serving(scenario: str = "story", port: int = 0) -> Iterator[Sandbox]:
    """A sandbox that runs while the block lasts.

    Raises:
        ScenarioError: there is no such scenario, it is wrong, or the port is taken.
    """
    try:
        box = Sandbox(scenario, port=port).start()
    except OSError as error:
        said = f"127.0.0.1:{port}: {error.strerror}. Give another --port, or none for a free one."
        raise ScenarioError(said) from error
    try:
        yield box
    finally:
        box.stop()


def _told(box: Sandbox) -> list[str]:
    token = box.folder / "control-token"
    with open(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(box.control_token)
    return [
        f"A simulation: {box.scenario.title}",
        "",
        textwrap.fill(box.scenario.story.strip(), 100),
        "",
        f"url:            {box.url}",
        f"investigation:  {box.investigation_file}",
        f"control token:  {token}",
        "",
        "Investigate it:",
        f"  orgscope run {box.investigation_file}",
        "Mend or break a grant while it runs:",
        f'  curl {box.url}/sandbox/grants -H "X-Sandbox-Token: $(cat {token})" \\',
        """    -d '{"org": "ORG", "scope": "SCOPE", "granted": true}'""",
    ]


def scenarios() -> int:
    """List what is shipped."""
    names = shipped()
    width = max(map(len, names))
    out("\n".join(f"{name:<{width}}  {load_scenario(name).title}" for name in names))
    return OK
