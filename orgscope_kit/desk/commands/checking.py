"""``orgscope check`` and ``orgscope plan``: look at a file, send nothing."""

from __future__ import annotations

from pathlib import Path

from ...ask.spec import Spec
from ...ask.urls import secret_hosts
from ...errors import InvestigationError
from ...records import Org
from ..investigation import load, problems_of
from ..terminal import OK, out, say, warn

__all__ = ["check", "plan", "secret_and_hosts", "size_of"]


def check(file: Path) -> int:
    """Say what is wrong with the file, or where each secret would go."""
    problems = problems_of(file)
    warn(problems)
    errors = [each for each in problems if each.severity == "error"]
    if errors:
        raise InvestigationError(errors)
    spec = load(file).spec
    out("\n".join([f"{file}: {size_of(spec)}; nothing was sent", *_secrets_by_org(spec)]))
    return OK


def plan(file: Path) -> int:
    """Say what a run would do at most."""
    investigation = load(file)
    problems = investigation.problems()
    warn(problems)
    missing = [str(each) for each in problems if each.severity == "error"]
    if missing:
        say("\n  ".join(["Before it can run:", *missing]))
    out(investigation.plan().as_text())
    return OK


def size_of(spec: Spec) -> str:
    """How many orgs, scopes and hosts."""
    hosts = {host for org in spec.orgs for host in secret_hosts(org)}
    scopes = {scope for org in spec.orgs for scope in org.scopes}
    counts = {"org": len(spec.orgs), "scope": len(scopes), "host": len(hosts)}
    return ", ".join(f"{count} {noun}{'s' * (count != 1)}" for noun, count in counts.items())


def secret_and_hosts(spec: Spec, org: Org) -> str:
    """Which secret would go where."""
    return f"{spec.secrets.get(org.name, 'no secret')} → {', '.join(secret_hosts(org))}"


def _secrets_by_org(spec: Spec) -> list[str]:
    width = min(30, max(len(org.name) for org in spec.orgs))
    return [f"  {org.name:<{width}}  {secret_and_hosts(spec, org)}" for org in spec.orgs]
