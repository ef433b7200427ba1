"""``orgscope`` as a process: what it prints where, and how it ends."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orgscope_kit.simulator import Scenario, load, parse

ORGSCOPE = (sys.executable, "-m", "orgscope_kit.desk.cli")
SECRETS = ("sandbox-primary-secret", "sandbox-secondary-secret", "slow-secret")


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    status: int
    out: str
    err: str

    @property
    def folder(self) -> Path:
        """The path on the last line of standard output, as the test's process sees it."""
        return Path(self.out.splitlines()[-1])


def start(*words: str | Path, cwd: Path, **more: Any) -> subprocess.Popen[bytes]:
    """A process under way; Ctrl-C sent to the tests does not reach it."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    options = {"env": environment(), "start_new_session": True, **streams, **more}
    process = subprocess.Popen([*ORGSCOPE, *map(str, words)], cwd=cwd, **options)
    atexit.register(process.terminate)  # where a test failed before its end; else it does nothing
    return process


def ended(process: subprocess.Popen[bytes]) -> Ended:
    """Wait for its end; no secret may ever have been printed."""
    out, err = process.communicate(timeout=30)
    for secret in SECRETS:
        assert secret.encode() not in (out or b"") + (err or b"")
    return Ended(process.returncode, (out or b"").decode(), (err or b"").decode())


def orgscope(*words: str | Path, cwd: Path, **more: Any) -> Ended:
    """Run it to its end, in ``cwd``."""
    return ended(start(*words, cwd=cwd, **more))


def environment(**variables: str) -> dict[str, str]:
    """Ours, and these; bytecode may be kept, or each process compiles the whole kit."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | variables


def slow(orgs: int = 4, latency_ms: float = 100) -> Scenario:
    """Orgs that answer slowly, so that a run can be met in its middle; the third lacks a scope."""
    story = load("story")
    raw: dict[str, Any] = {
        "title": "Slow orgs", "story": "Every answer takes its time.", "orgs": {}, "secrets": {}, "truth": {},
        "integration": {"kind": "global", "home": "org1"},
        "investigation": {
            "title": "Slow orgs", "provider": "appfoundry", "reference": "org1", "orgs": {},
            "scopes": list(story.investigation["scopes"]), "limits": {"rate_per_s": 20, "concurrency": 2},
        },
    }  # fmt: skip
    for number in range(1, orgs + 1):
        name, org_id = f"org{number}", f"5a0c1f00-0000-4000-8000-{number:012}"
        granted = list(story.investigation["scopes"])[: 2 if number == 3 else 3]
        secret = raw["secrets"][f"SECRET_{number}"] = f"slow-secret-of-org-{number}-c0ffee"
        client = {"id": f"client-{number}", "secret": secret}
        raw["orgs"][name] = {
            "org_id": org_id, "granted": granted, "client": client, "faults": {"latency_ms": latency_ms},
        }  # fmt: skip
        raw["truth"][name] = {"cause": "scope_not_granted" if number == 3 else "works"}
        raw["investigation"]["orgs"][name] = {
            "token_url": "{base}/api/v2/oauth/token", "client_id": client["id"], "org_id": org_id,
            "client_secret": {"dotenv": f"SECRET_{number}"}, "integration": "global",
        }  # fmt: skip
    return parse(raw)


def rewritten(file: Path, change: dict[str, Any]) -> Path:
    """A copy beside an investigation file, with these keys of it changed."""
    copy = file.with_name("changed.yaml")
    copy.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text("utf-8")), **change}, sort_keys=False), "utf-8")
    return copy
