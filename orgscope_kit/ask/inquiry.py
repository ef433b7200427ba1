"""The chain of probes that settles one org, as a plain generator: it knows neither network nor clock."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TypeAlias

from ..providers import OAuth2, named
from ..records import AuthMethod, Exchange, Org, Probe, Purpose, SecretEncoding
from ..scopes import CONTROL_SCOPE
from .evidence import Background, grants, learn
from .search import Heard, isolate

__all__ = ["Asking", "inquire"]

#: An inquiry yields probes and is sent all exchanges of each: attempts, and the inspection of its token.
Asking: TypeAlias = Generator[Probe, tuple[Exchange, ...], None]
_Answer: TypeAlias = Generator[Probe, tuple[Exchange, ...], Exchange]

_TOKEN = ("granted", "narrowed")
_AGAIN = 2
_OTHER: dict[AuthMethod, AuthMethod] = {
    "client_secret_basic": "client_secret_post",
    "client_secret_post": "client_secret_basic",
}


def inquire(
    org: Org, *, auth_tries: int = 2, encoding_differs: bool = False, background: Background | None = None
) -> Asking:
    """Ask what is needed to say why ``org`` works or fails.

    Baseline with all scopes first; then, as the answer wants, another presentation of the same credential, the
    isolation of the missing scopes, their verification, control requests, and the org's context.

    Args:
        auth_tries: see :class:`~orgscope_kit.records.Limits`.
        encoding_differs: whether client id or secret reads otherwise when percent-encoded.
        background: what settled orgs have shown.
    """
    return _Inquiry(org, auth_tries, encoding_differs, background or Background()).run()


class _Inquiry:
    def __init__(self, org: Org, auth_tries: int, encoding_differs: bool, background: Background) -> None:
        self.org = org
        self.provider: OAuth2 = named(org.provider)
        self.auth_tries = auth_tries
        self.encoding_differs = encoding_differs
        self.background = background
        self.seen: list[Exchange] = []
        self.template = Probe(
            org.name, "baseline", org.scopes, org.org_id, org.name, org.auth_method, "percent", inspect=True
        )  # fmt: skip

    def ask(
        self, purpose: Purpose, scopes: tuple[str, ...] | None, *, inspect: bool = False, fresh: bool = False
    ) -> _Answer:
        return (
            yield from self._send(replace(self.template, purpose=purpose, scopes=scopes, inspect=inspect, fresh=fresh))
        )

    def _send(self, probe: Probe) -> _Answer:
        rows = yield probe
        self.seen.extend(rows)
        return [row for row in rows if row.purpose != "inspect"][-1]

    def about(self, row: Exchange) -> str:
        return self.provider.about(row.status, row.error, row.error_description)

    def run(self) -> Asking:
        first = yield from self.ask("baseline", self.org.scopes, inspect=True)
        if first.outcome == "refused" and self.about(first) == "client":
            first = yield from self.present_otherwise(first)
        if first.outcome in _TOKEN:
            yield from self.after_token(first)
        elif first.outcome == "refused":
            yield from self.after_refusal(first)
        else:
            return  # no answer: nothing further can be learned here
        yield from self.check_redirect_uri()

    def present_otherwise(self, first: Exchange) -> _Answer:
        """The same credential in the other encoding, then by the other of Basic and post (DESIGN §3 ``auth_tries``)."""
        ways: list[tuple[AuthMethod, SecretEncoding]] = []
        if self.org.auth_method == "client_secret_basic" and self.encoding_differs:
            ways.append(("client_secret_basic", "raw"))
        if self.auth_tries >= 3 and self.org.auth_method in _OTHER:
            ways.append((_OTHER[self.org.auth_method], "percent"))
        for method, encoding in ways[: max(0, self.auth_tries - 1)]:
            way = replace(self.template, auth_method=method, secret_encoding=encoding)
            answer = yield from self._send(replace(way, purpose="verify"))
            if answer.outcome in _TOKEN or (answer.outcome == "refused" and self.about(answer) != "client"):
                self.template = way
                return answer
        return first

    def after_token(self, first: Exchange) -> Asking:
        style = learn(self.org, self.seen, self.background.style)
        told = any(row.purpose == "inspect" and row.scope_granted is not None for row in self.seen)
        if first.scope_granted is None and not told and style.absent_means is None:
            # The request must differ from any grant, so that a server that says what it granted has to say it (RFC
            # 6749 §5.1).
            yield from self.ask("control", (*self.org.scopes, CONTROL_SCOPE))
        yield from self.verify_and_control()

    def after_refusal(self, first: Exchange) -> Asking:
        about = self.about(first)
        if about in ("client", "endpoint"):
            return
        if about in ("context", "grant", "other"):
            yield from self.vary_context(self.org.scopes)
        if about in ("context", "grant"):
            return
        if about == "other":
            bare = yield from self.ask("control", None)
            if bare.outcome == "refused" and (bare.status, bare.error, bare.error_description) == (
                first.status, first.error, first.error_description,
            ):  # fmt: skip
                return  # refused alike without any scope: the scopes are not what is refused
        none_granted = yield from self.isolate(first)
        if none_granted and about == "scope":
            yield from self.ask("control", None, inspect=True)  # is the client accepted at all?
        yield from self.verify_and_control()
        if about == "scope":
            yield from self.vary_context(self.missing())

    def isolate(self, first: Exchange) -> Generator[Probe, tuple[Exchange, ...], bool]:
        """Search the missing scopes; whether all are: then nothing has shown yet that the client is accepted."""
        search = isolate(self.org.scopes, self.heard(first))
        try:
            group = next(search)
            while True:
                row = yield from self.ask("isolate", group, inspect=not self.inspected())
                heard = self.heard(row) if row.outcome in (*_TOKEN, "refused") else None
                group = search.send(heard)
        except StopIteration as end:
            return not end.value.granted and not end.value.open

    def heard(self, row: Exchange) -> Heard:
        if row.outcome == "refused":
            return Heard(False, named=row.named_scopes)
        state = grants(self.org, [row], learn(self.org, self.seen, self.background.style))
        asked = row.scope_requested or ()
        return Heard(True, dropped=tuple(scope for scope in asked if state[scope].state == "missing"))

    def inspected(self) -> bool:
        return any(row.purpose == "inspect" for row in self.seen)

    def state(self) -> dict[str, str]:
        now = grants(self.org, self.seen, learn(self.org, self.seen, self.background.style))
        return {scope: grant.state for scope, grant in now.items()}

    def missing(self) -> tuple[str, ...]:
        return tuple(scope for scope, state in self.state().items() if state == "missing")

    def verify_and_control(self) -> Asking:
        """Each accused scope alone, the good ones together, and whether the server tells unknown from not granted."""
        missing = self.missing()
        if not missing:
            yield from self.settle_conflicts()
            return
        alone = {row.scope_requested for row in self.seen if row.purpose != "inspect"}
        for scope in missing:
            if (scope,) not in alone:
                yield from self.ask("verify", (scope,), fresh=True)
        good = tuple(scope for scope in self.org.scopes if self.state()[scope] == "granted")
        if good and good not in alone:
            yield from self.ask("verify", good, inspect=not self.inspected(), fresh=True)
        yield from self.settle_conflicts()
        unknown = [scope for scope in self.missing() if scope not in self.background.known_scopes]
        asked = any(CONTROL_SCOPE in (row.scope_requested or ()) for row in self.seen)
        if unknown and not asked and not self.background.controlled:
            yield from self.ask("control", (CONTROL_SCOPE,))

    def settle_conflicts(self) -> Asking:
        """A question that was answered in two ways is asked again, on new connections."""
        tokens = [row for row in self.seen if row.outcome in _TOKEN and row.purpose != "inspect"]
        if not self.missing() and not any(set(row.scope_requested or ()) >= set(self.org.scopes) for row in tokens):
            yield from self.ask("verify", self.org.scopes, fresh=True)  # granted apart: together too?
        now = grants(self.org, self.seen, learn(self.org, self.seen, self.background.style))
        for scope, grant in now.items():
            if grant.against:
                for _ in range(_AGAIN):
                    yield from self.ask("verify", (scope,), fresh=True)

    def vary_context(self, scopes: tuple[str, ...]) -> Asking:
        """The same without the org parameter: does it decide, and which org does the client's token belong to then?"""
        if self.provider.has_org_parameter and self.org.org_id and scopes:
            yield from self._send(replace(self.template, purpose="context", scopes=scopes, org_id=None, inspect=True))

    def check_redirect_uri(self) -> Asking:
        if self.org.redirect_uri and self.org.authorization_url:
            yield from self._send(
                replace(
                    self.template, purpose="context", scopes=None, org_id=None, endpoint="authorization", inspect=False
                )
            )
