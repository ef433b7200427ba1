"""A server that answers by a function of the request, through the real inquiry and verdict: no network, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ask.server_model import Result, Server, Style, reply, run

from orgscope_kit.ask.spec import from_mapping
from orgscope_kit.providers import Reply
from orgscope_kit.records import Org, Probe

Answer = Reply | tuple[Reply, Mapping[str, Any]]


class Scripted(Server):
    """Answers what ``script`` says: a reply, or a reply and the claims of its token."""

    def __init__(self, script: Callable[[Org, Probe], Answer]) -> None:
        super().__init__(Style(), frozenset(), {}, {})
        self.script = script
        self.said: Mapping[str, Any] | None = None

    def answer(self, org: Org, probe: Probe, secret: str) -> tuple[Reply | str, str | None]:
        """What the script says."""
        self.asked.append((org, probe))
        told = self.script(org, probe)
        answer, self.said = told if isinstance(told, tuple) else (told, None)
        return answer, None

    def claims(self, org: Org, probe: Probe) -> Mapping[str, Any] | None:
        """The claims beside the last answer."""
        return self.said


def error(status: int, code: str, text: str) -> Reply:
    """A refusal of RFC 6749 §5.2."""
    return reply(status, {"error": code, "error_description": text})


def token(**members: Any) -> Reply:
    """A token answer with these members."""
    return Reply(200, {}, {"token_type": "Bearer", **members}, "", True)


def orgs_of(provider: str, orgs: Mapping[str, Mapping[str, Any]], scopes: Sequence[str] = ()) -> list[Org]:
    """Orgs as the investigation file makes them, each with a client of its own."""
    entries = {
        name: {"client_id": f"{name}-app", "client_secret": {"env": f"{name.upper()}_SECRET"}, **keys}
        for name, keys in orgs.items()
    }
    head = {"scopes": list(scopes)} if scopes else {}
    draft = from_mapping({"provider": provider, "orgs": entries, **head})
    assert draft.spec is not None, draft.problems
    return list(draft.spec.orgs)


def settle(orgs: Sequence[Org], script: Callable[[Org, Probe], Answer], secret: str | None = None) -> Result:
    """Settle the orgs; each has a secret of its own unless one is given for all."""
    secrets = {org.name: secret or f"secret-{org.name}" for org in orgs}
    return run(orgs, Scripted(script), secrets)
