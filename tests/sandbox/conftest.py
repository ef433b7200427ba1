"""A sandbox asked over a real socket, and one asked through its ASGI app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import genesys_asking
import httpx
import pytest
from genesys_asking import AskGenesys, GenesysAsker
from sandbox_asking import Ask, Asker, scenario

from orgscope_kit.simulator import Sandbox


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """One client for all tests: each new one reads the trust store again."""
    with httpx.Client(timeout=5) as client:
        yield client


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Start a sandbox without a socket, with these changes to the base scenario."""
    with ExitStack() as stack:
        yield lambda **changes: Asker(
            stack.enter_context(Sandbox(scenario(**changes), base_url="http://localhost")), http=None
        )


@pytest.fixture
def ask_socket(http: httpx.Client) -> Iterator[Ask]:
    """Start a sandbox on a socket, with these changes to the base scenario."""
    with ExitStack() as stack:
        yield lambda **changes: Asker(stack.enter_context(Sandbox(scenario(**changes))), http=http)


@pytest.fixture
def genesys() -> Iterator[AskGenesys]:
    """Start a ``genesys`` sandbox without a socket, with these changes to its base scenario."""
    with ExitStack() as stack:
        yield lambda **changes: GenesysAsker(
            stack.enter_context(Sandbox(genesys_asking.scenario(**changes), base_url="http://localhost")), http=None
        )


@pytest.fixture
def genesys_socket(http: httpx.Client) -> Iterator[AskGenesys]:
    """Start a ``genesys`` sandbox on a socket, with these changes to its base scenario."""
    with ExitStack() as stack:
        yield lambda **changes: GenesysAsker(
            stack.enter_context(Sandbox(genesys_asking.scenario(**changes))), http=http
        )
