"""A sandbox that runs: the server, and a private folder with the analyst's investigation file and secrets."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from orgscope_kit.simulator.checks import PLACEHOLDER
from orgscope_kit.simulator.listening import Listener
from orgscope_kit.simulator.scenario import Scenario, Truth, load
from orgscope_kit.simulator.server import Server
from orgscope_kit.simulator.state import Received

__all__ = ["Sandbox", "fill"]

_HEADER = """\
# Sandbox: a simulation. Every org, client and secret in here is made up.
# {title}
"""


class Sandbox:
    """A multi-org authorization server on loopback whose truth is known.

    Args:
        scenario: a scenario, the name of a shipped one, or the path of a file.
        port: of 127.0.0.1; 0 takes a free one.
        base_url: start no server, and write the folder for this loopback URL; requests reach ``app`` through an
            ASGI transport, or whatever serves it.
        clock: seconds that drive propagation and token lifetimes; tests pass their own.

    >>> with Sandbox("story", base_url="http://localhost") as box:
    ...     box.investigation_file.name, box.truth["secondary"].cause
    ('investigation.yaml', 'scope_not_granted')
    """

    def __init__(
        self,
        scenario: Scenario | str | Path = "story",
        *,
        port: int = 0,
        base_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        self.app = Server(self.scenario, clock)
        self._port = port
        self._base_url = base_url.rstrip("/") if base_url is not None else None
        if self._base_url is not None and not _is_loopback(self._base_url):
            raise ValueError(f"{base_url!r} is not on loopback; use a URL like http://localhost:8000")
        self._listener: Listener | None = None
        self._folder: Path | None = None

    @property
    def url(self) -> str:
        """The server's URL, without a slash at its end."""
        if self._base_url is not None:
            return self._base_url
        if self._listener is None:
            raise RuntimeError("the sandbox is not running; enter it with `with` or `async with`")
        return self._listener.url

    @property
    def folder(self) -> Path:
        """A private folder with ``investigation.yaml`` and ``.env``; gone when the sandbox stops."""
        if self._folder is None:
            raise RuntimeError("the sandbox is not running; enter it with `with` or `async with`")
        return self._folder

    @property
    def investigation_file(self) -> Path:
        """The analyst's investigation file."""
        return self.folder / "investigation.yaml"

    @property
    def control_token(self) -> str:
        """What the control API wants in ``X-Sandbox-Token``."""
        return self.app.state.control_token

    @property
    def requests(self) -> tuple[Received, ...]:
        """Every request so far, in the order of their ends; those of the control API left out."""
        return tuple(self.app.state.received)

    @property
    def truth(self) -> Mapping[str, Truth]:
        """The cause that explains each org."""
        return self.scenario.truth

    def grant(self, org: str, scope: str) -> None:
        """Grant ``scope`` in ``org``; each replica learns of it after its own delay."""
        self.app.state.grants.change(org, scope, granted=True)

    def revoke(self, org: str, scope: str) -> None:
        """Take ``scope`` away from ``org``; each replica learns of it after its own delay."""
        self.app.state.grants.change(org, scope, granted=False)

    def start(self) -> Self:
        """Serve and write the folder."""
        if self._folder is not None:
            raise RuntimeError("the sandbox is already running")
        try:
            if self._base_url is None:
                self._listener = Listener(self.app, self._port)
                self._listener.start()
            self._write_folder()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop serving and remove the folder; safe to call again."""
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _write_folder(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="orgscope-sandbox-"))  # 0700
        filled = fill(self.scenario.investigation, self.url, datetime.now(UTC))
        text = yaml.safe_dump(filled, sort_keys=False, allow_unicode=True, width=120)
        self.investigation_file.write_text(_HEADER.format(title=self.scenario.title) + text, "utf-8")
        lines = [f"{name}={_quoted(value)}\n" for name, value in self.scenario.secrets.items()]
        descriptor = os.open(self._folder / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as env:
            env.writelines(lines)


def fill(value: Any, base: str, now: datetime) -> Any:
    """``value`` with ``{base}``, ``{now}`` and ``{now-300s}`` filled in; a text that is only a time becomes one.

    >>> fill({"token_url": "{base}/token"}, "http://localhost:1", datetime(2026, 11, 24, tzinfo=UTC))
    {'token_url': 'http://localhost:1/token'}
    """
    if isinstance(value, Mapping):
        return {key: fill(inner, base, now) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [fill(inner, base, now) for inner in value]
    if not isinstance(value, str):
        return value
    now = now.replace(microsecond=0)

    def moment(sign: str | None, seconds: str | None) -> datetime:
        offset = timedelta(seconds=int(seconds or 0))
        return now - offset if sign == "-" else now + offset

    whole = PLACEHOLDER.fullmatch(value)
    if whole is not None and whole["base"] is None:
        return moment(whole["sign"], whole["seconds"])
    return PLACEHOLDER.sub(lambda m: base if m["base"] else moment(m["sign"], m["seconds"]).isoformat(), value)


def _quoted(value: str) -> str:
    r"""A dotenv value that is taken literally: in single quotes only ``\\`` and ``\'`` mean anything."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _is_loopback(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or parts.username is not None:
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
