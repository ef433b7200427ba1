"""The sandbox at the analyst's desk: a running server and its investigation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ..sandbox.running import Sandbox
from .investigation import Investigation, load

__all__ = ["RunningSandbox", "sandbox"]


class RunningSandbox(Sandbox):
    """A sandbox whose investigation is at hand."""

    @property
    def investigation(self) -> Investigation:
        """The scenario's investigation, read from the file that the sandbox wrote."""
        return load(self.investigation_file)


@asynccontextmanager
async def sandbox(scenario: str | Path = "story", *, port: int = 0) -> AsyncIterator[RunningSandbox]:
    """Run the sandbox on loopback while the block lasts.

    Args:
        scenario: the name of a shipped scenario, or the path of a scenario file.
        port: of 127.0.0.1; 0 takes a free one.

    ```python
    async with osk.sandbox() as box:
        run = await box.investigation.run()
        box.grant("secondary", "integration:appfoundry:manage")
    ```
    """
    async with RunningSandbox(scenario, port=port) as box:
        yield box
