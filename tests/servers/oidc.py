"""A real authorization server, `oidc-provider` 9 from npm, with truly separate orgs: one provider an org.

```python
require()                                    # skips without Node; fails where CI is set
with serve(ORGS) as server:
    httpx.post(server.token_url("acme"), auth=("acme-client", "acme-secret-7Qm"), data={...})
```
"""

from __future__ import annotations

import functools
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NotRequired, TypedDict

import pytest

FOLDER = Path(__file__).parent / "oidc"
OLDEST_NODE = 20
INSTALL_TIMEOUT_S = 180.0
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0


class Client(TypedDict):
    """A client of one org; members not named here (`jwks`, `redirect_uris`, …) may be added and reach oidc-provider."""

    client_id: str
    client_secret: NotRequired[str]
    scope: NotRequired[str]  # what it may ask, separated by spaces; "" is nothing; absent is all that the org knows
    grant_types: list[str]
    token_endpoint_auth_method: NotRequired[str]


class Org(TypedDict):
    """One org, served at `/<its name>`."""

    scopes: list[str]  # known here; any other is dropped in silence
    clients: list[Client]
    narrow: NotRequired[bool]  # drop in silence what the client may not ask, instead of 400 invalid_scope
    delay_ms: NotRequired[int]  # wait so long before each answer
    methods: NotRequired[list[str]]  # of client authentication; absent: oidc-provider's own


class Tls(TypedDict):
    """PEM texts; with them the server speaks https."""

    key: str
    cert: str


class Config(TypedDict):
    """What `server.mjs` reads."""

    orgs: dict[str, Org]
    tls: NotRequired[Tls]


VIEW, ANALYTICS, MANAGE = "routing:queue:view", "analytics:view", "integration:appfoundry:manage"
UNKNOWN = "no:such:scope"
_KNOWN = [VIEW, ANALYTICS, MANAGE]


def _org(client_id: str, secret: str, scopes: list[str], *, narrow: bool = False, grant: bool = True) -> Org:
    return {
        "scopes": _KNOWN,
        "narrow": narrow,
        "clients": [
            {
                "client_id": client_id,
                "client_secret": secret,
                "scope": " ".join(scopes),
                "grant_types": ["client_credentials"] if grant else [],
            }
        ],
    }


ORGS: Config = {
    "orgs": {
        "acme": _org("acme-client", "acme-secret-7Qm", _KNOWN),
        "beta": _org("beta-client", "beta-secret-9Lx", [VIEW, ANALYTICS]),
        "gamma": _org("gamma-client", "gamma-secret-2Rt", _KNOWN),
        "delta": _org("delta-client", "delta-secret-3Vc", [VIEW, ANALYTICS], narrow=True),
        "epsilon": _org("epsilon-client", "ep+si%41:l/on", _KNOWN),
        "zeta": _org("zeta-client", "zeta-secret-5Nd", [], narrow=True),
        "theta": _org("theta-client", "theta-secret-8Hy", _KNOWN, grant=False),
    }
}


def credentials(org: str, config: Config = ORGS) -> tuple[str, str]:
    """The id and secret of the first client of `org`, as an `auth` for httpx."""
    client = config["orgs"][org]["clients"][0]
    return client["client_id"], client.get("client_secret", "")


class ServerError(Exception):
    """The server could not be installed or did not start; the message carries what it said."""


@dataclass(frozen=True)
class OidcServer:
    """A running server; the addresses of its orgs."""

    url: str

    def issuer(self, org: str) -> str:
        return f"{self.url}/{org}"

    def token_url(self, org: str) -> str:
        return f"{self.url}/{org}/oauth/token"

    def introspection_url(self, org: str) -> str:
        return f"{self.url}/{org}/oauth/introspect"

    def revocation_url(self, org: str) -> str:
        return f"{self.url}/{org}/oauth/revoke"


def require() -> None:
    """Skip the calling test or fixture when the server cannot run here; fail it instead where `CI` is set."""
    reason = available()
    if reason is None:
        return
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        pytest.fail(f"the test server is needed in CI: {reason}", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


@functools.cache
def available() -> str | None:
    """Why the server cannot run here, or None when it can; installs it when needed, once a process."""
    node = shutil.which("node")
    if node is None:
        return "oidc-provider needs Node, and there is no `node` on the PATH"
    try:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=START_TIMEOUT_S).stdout
        if int(version.lstrip("v").split(".")[0] or 0) < OLDEST_NODE:
            return f"oidc-provider needs Node {OLDEST_NODE} or later, found {version.strip()}"
        install()
    except (ServerError, OSError, ValueError, subprocess.SubprocessError) as error:
        return f"oidc-provider cannot be used: {error}"
    return None


def install() -> None:
    """Put the pinned `oidc-provider` into `oidc/node_modules` unless it is there; safe in parallel test runs.

    npm works in a folder of its own and the finished `node_modules` is renamed into place, so another process sees a
    whole one or none, and a run that is killed leaves nothing half made.
    """
    if _installed() == _pinned():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise ServerError("there is no `npm` on the PATH, and oidc-provider is not installed yet")
    with tempfile.TemporaryDirectory(prefix=".install-", dir=FOLDER) as name:
        workshop = Path(name)
        shutil.copy(FOLDER / "package.json", workshop)
        _run_npm(npm, workshop)
        _put_in_place(workshop)


def _run_npm(npm: str, workshop: Path) -> None:
    options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(
            [npm, "install", *options],
            cwd=workshop,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INSTALL_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise ServerError(f"npm install took more than {INSTALL_TIMEOUT_S:.0f} s") from None
    if done.returncode != 0:
        raise ServerError(f"npm install ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}")


def _put_in_place(workshop: Path) -> None:
    modules = FOLDER / "node_modules"
    try:
        if modules.exists() and _installed() != _pinned():
            modules.rename(workshop / "outdated")
        (workshop / "node_modules").rename(modules)
    except OSError as error:
        if _installed() != _pinned():  # else another run was quicker
            raise ServerError(f"cannot put node_modules in place: {error}") from error


def _pinned() -> str:
    manifest = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    return str(manifest["dependencies"]["oidc-provider"])


def _installed() -> str | None:
    try:
        text = (FOLDER / "node_modules" / "oidc-provider" / "package.json").read_text(encoding="utf-8")
    except OSError:
        return None
    return str(json.loads(text)["version"])


@contextmanager
def serve(config: Mapping[str, Any]) -> Iterator[OidcServer]:
    """Run the server with `config` (see `Config`) on a free port of 127.0.0.1 until the block ends."""
    node = shutil.which("node")
    if node is None:
        raise ServerError("there is no `node` on the PATH")
    with tempfile.TemporaryDirectory(prefix="oidc-") as folder, tempfile.TemporaryFile("w+") as stderr:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        process = subprocess.Popen(
            [node, str(FOLDER / "server.mjs"), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
        )
        try:
            yield OidcServer(url=_await_ready(process, stderr))
        finally:
            _stop(process)


def _await_ready(process: subprocess.Popen[str], stderr: IO[str]) -> str:
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        lines.put(process.stdout.readline())

    threading.Thread(target=read, daemon=True).start()
    try:
        line, why = lines.get(timeout=START_TIMEOUT_S), "ended before it was ready"
    except queue.Empty:
        line, why = "", f"was not ready within {START_TIMEOUT_S:.0f} s"
    if not line:
        _stop(process)
        stderr.seek(0)
        raise ServerError(f"the oidc server {why} (exit code {process.returncode}):\n{stderr.read().strip()[-4000:]}")
    return str(json.loads(line)["url"])


def _stop(process: subprocess.Popen[str]) -> None:
    """Close its stdin, which ends it; insist if it does not listen."""
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
    for insist in (process.terminate, process.kill):
        try:
            process.wait(STOP_TIMEOUT_S)
            break
        except subprocess.TimeoutExpired:
            insist()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
