"""``orgscope lab``: JupyterLab on the notebooks, with a sandbox beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from ..terminal import OK, WRONG, say, terminates_like_ctrl_c
from .playing import serving

__all__ = ["lab"]

_STOP_S = 10
_SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
_COMMAND = (sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", "--ServerApp.answer_yes=True")
_WHERE = "https://github.com/orgscope/orgscope_kit/tree/main/notebooks"


def lab(extra: Sequence[str], *, with_sandbox: bool) -> int:
    """Open JupyterLab, on loopback only, and end it with us."""
    terminates_like_ctrl_c()
    if find_spec("jupyterlab") is None:
        say("JupyterLab is not installed here. Install it with: pip install jupyterlab")
        return WRONG
    folder = _notebooks()
    if folder is None:
        folder = Path.cwd()
        say(f"No notebooks of the kit here: they come with its repository, see {_WHERE}. Opening {folder}.")
    with ExitStack() as stack:
        environment = _quietly(Path(stack.enter_context(TemporaryDirectory(prefix="orgscope-lab-"))))
        if with_sandbox:
            box = stack.enter_context(serving())
            environment["ORGSCOPE_SANDBOX_FILE"] = str(box.investigation_file)
            say(f"A sandbox serves on {box.url}; ORGSCOPE_SANDBOX_FILE tells notebooks of {box.investigation_file}")
        return _until_ended([*_COMMAND, f"--ServerApp.root_dir={folder}", *extra], environment)


def _notebooks() -> Path | None:
    """The folder of a checkout: of the working directory, or of the one that this package lies in."""
    for root in (Path.cwd(), Path(__file__).resolve().parents[3]):
        if (root / "notebooks").is_dir() and (root / "orgscope_kit").is_dir():
            return root / "notebooks"
    return None


def _quietly(config: Path) -> dict[str, str]:
    """The environment of a JupyterLab that does not ask the network for its news."""
    (config / "labconfig").mkdir()
    (config / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(_SETTINGS), "utf-8")
    before = os.environ.get("JUPYTER_CONFIG_PATH")
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join([str(config), *([before] if before else [])])}


def _until_ended(command: Sequence[str], environment: Mapping[str, str]) -> int:
    # In a session of its own, Ctrl-C reaches us alone: a server that gets it and then SIGTERM leaves kernels behind.
    child = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603 - our own interpreter
    try:
        status = child.wait()
    except KeyboardInterrupt:
        _end(child)
        return OK
    if status:
        say(f"JupyterLab ended with status {status}; what it says about it stands above.")
        if "--allow-root" not in command and getattr(os, "geteuid", lambda: 1)() == 0:
            say("As root it wants: orgscope lab -- --allow-root")
    return WRONG if status else OK


def _end(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM lets the server end its kernels; a second Ctrl-C, or too long a wait, kills it."""
    child.terminate()
    try:
        child.wait(_STOP_S)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        child.kill()
        child.wait()
