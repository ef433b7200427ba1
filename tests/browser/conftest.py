"""JupyterLab on loopback, and a browser in front of it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from chromium import chromium, needed
from lab import Lab

ROOT = Path(__file__).parents[2]
_START_S = 40.0
_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # every cell in the page, seen or not
}


@pytest.fixture
def browser() -> Iterator[Any]:
    """A browser for one test: while Playwright is open its loop runs, and no other test could start one."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on copies of the notebooks, with configuration, data and IPython folders of its own."""
    needed()
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (home / "settings" / "labconfig").mkdir(parents=True)
    (home / "settings" / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(_SETTINGS))
    token, port = secrets.token_hex(16), _free_port()
    with open(home / "lab.log", "wb") as log:
        server = subprocess.Popen(
            [*_command(port), f"--ServerApp.root_dir={home / 'notebooks'}"],
            env=_environment(home, token), stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            made = Lab(f"http://127.0.0.1:{port}", token)
            _wait(made, server, home / "lab.log")
            yield made
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait(10)


def _command(port: int) -> list[str]:
    return [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--LabApp.expose_app_in_browser=True",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
    ]  # fmt: skip


def _environment(home: Path, token: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "ORGSCOPE"))}
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    own |= {"IPYTHONDIR": "ipython", "JUPYTER_CONFIG_PATH": "settings"}
    return kept | {name: str(home / folder) for name, folder in own.items()} | {"JUPYTER_TOKEN": token}


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _wait(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{lab.url}/api/status?token={lab.token}", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")
