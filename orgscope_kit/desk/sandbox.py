"""The sandbox at the analyst's desk: a running server and its investigation."""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, Self

from ..simulator.running import Sandbox
from .investigation import Investigation, load

__all__ = ["RunningSandbox", "at_hand", "sandbox"]

#: Names the investigation file of a sandbox that runs already; ``orgscope lab`` sets it.
FILE_VARIABLE = "ORGSCOPE_SANDBOX_FILE"


class RunningSandbox(Sandbox):
    """A sandbox whose investigation is at hand: enter it with ``async with``, or ``await`` it to keep it."""

    @property
    def investigation(self) -> Investigation:
        """The scenario's investigation, read from the file that the sandbox wrote."""
        return load(self.investigation_file)

    def keep(self) -> Self:
        """Start, and stop when the interpreter ends, if ``stop`` is not called before."""
        self.start()
        atexit.register(self.stop)
        return self

    def stop(self) -> None:
        atexit.unregister(self.stop)
        super().stop()

    def __await__(self) -> Generator[Any, None, Self]:
        return asyncio.to_thread(self.keep).__await__()


def sandbox(scenario: str | Path = "story", *, port: int = 0) -> RunningSandbox:
    """A sandbox on loopback: a simulation, whose orgs, clients and secrets are made up.

    Args:
        scenario: the name of a shipped scenario, or the path of a scenario file.
        port: of 127.0.0.1; 0 takes a free one.

    ```python
    async with osk.sandbox() as box:
        run = await box.investigation.run()
        box.grant("secondary", "integration:appfoundry:manage")

    box = await osk.sandbox()  # in a notebook: runs until box.stop(), or until the kernel ends
    ```
    """
    return RunningSandbox(scenario, port=port)


def at_hand(investigation: Investigation | str | Path | None) -> Investigation:
    """The investigation given, or that of a file; where nothing is named, that of a sandbox.

    The sandbox is the one whose file ``ORGSCOPE_SANDBOX_FILE`` names, else one that is started now and kept.
    """
    if isinstance(investigation, Investigation):
        return investigation
    named = investigation or os.environ.get(FILE_VARIABLE)
    return load(named) if named else sandbox().keep().investigation
