"""The chain of probes that settles one org, as a plain generator: it knows neither network nor clock."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TypeAlias

from ..providers import OAuth2, named
from ..records import AuthMethod, Exchange, Org, Probe, Purpose, SecretEncoding
from ..scopes import CONTROL_SCOPE
from .answers import TOKEN, alike, org_id_to_send
from .evidence import Background, Grant, Style, about_here, grants, learn
from .search import Found, Heard, isolate

__all__ = ["Asking", "inquire"]

#: An inquiry yields probes and is sent all exchanges of each: attempts, and the inspection of its token.
Asking: TypeAlias = Generator[Probe, tuple[Exchange, ...], None]
_Answer: TypeAlias = Generator[Probe, tuple[Exchange, ...], Exchange]

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


class _Over(Exception):
    """The server stopped answering, or stopped accepting the client: nothing further is asked."""


class _Inquiry:
    def __init__(self, org: Org, auth_tries: int, encoding_differs: bool, background: Background) -> None:
        self.org = org
        self.provider: OAuth2 = named(org.provider)
        self.auth_tries = auth_tries
        self.encoding_differs = encoding_differs
        self.background = background
        self.seen: list[Exchange] = []
        self.accepted = False  # until an answer shows it
        self.shared: list[Exchange] = []  # the control of this token endpoint, asked by another org
        named_ones = self.provider.scopes_apply(org) and self.provider.names_scopes(org)
        self.scopes = org.scopes if org.scopes and named_ones else None
        self.template = Probe(
            org.name, "baseline", self.scopes, org_id_to_send(org), org.name, org.auth_method, "percent", inspect=True
        )  # fmt: skip

    def ask(
        self, purpose: Purpose, scopes: tuple[str, ...] | None, *, inspect: bool = False, fresh: bool = False
    ) -> _Answer:
        return (
            yield from self._send(replace(self.template, purpose=purpose, scopes=scopes, inspect=inspect, fresh=fresh))
        )

    def _send(self, probe: Probe) -> _Answer:
        rows = yield probe
        self.seen.extend(row for row in rows if row.org == self.org.name)
        self.shared.extend(row for row in rows if row.org != self.org.name)
        last = [row for row in rows if row.purpose != "inspect"][-1]
        if last.org == self.org.name and probe.endpoint == "token":
            rejected = self.accepted and probe.scopes is not None and self.about(last) == "client"
            if rejected or last.outcome not in (*TOKEN, "refused"):
                raise _Over
        return last

    def about(self, row: Exchange) -> str | None:
        return about_here(self.org, row, self.style())

    def run(self) -> Asking:
        try:
            first = yield from self.ask("baseline", self.scopes, inspect=True)
            if self.about(first) == "client":
                first = yield from self.present_otherwise(first)
            self.accepted = self.about(first) != "client"
            if first.outcome in TOKEN:
                yield from self.after_token(first)
            else:
                yield from self.after_refusal(first)
            yield from self.check_redirect_uri()
        except _Over:
            return

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
            if self.about(answer) != "client":
                self.template = way
                return answer
        return first

    def after_token(self, first: Exchange) -> Asking:
        if self.scopes is None or not self.provider.isolates(self.org):
            return
        yield from self.settle_silence()
        yield from self.verify_and_control(())

    def settle_silence(self) -> Asking:
        """What a token answer without ``scope`` means on this server, where nothing has shown it yet."""
        silent = [row for row in self.seen if row.outcome in TOKEN and row.scope_requested and not row.scope_granted]
        told = any(row.purpose == "inspect" and row.scope_granted is not None for row in self.seen)
        if not silent or told or self.style().absent_means is not None:
            return
        # The request must differ from any grant, so that a server that says what it granted has to say it (RFC
        # 6749 §5.1). Once another org has asked for the made-up scope here, no scope at all does that.
        if not self.background.controlled:
            yield from self.ask("control", (*(silent[-1].scope_requested or ()), CONTROL_SCOPE))
        if (self.background.controlled or self.shared) and self.style().absent_means is None:
            yield from self.ask("control", None)

    def after_refusal(self, first: Exchange) -> Asking:
        what = self.about(first)
        if what in ("client", "endpoint"):
            return
        if what in ("context", "grant", "other"):
            yield from self.vary_context(self.scopes)
        if what == "context" or self.scopes is None or not self.provider.isolates(self.org):
            return
        if what in ("grant", "other"):
            bare = yield from self.ask("control", None)
            refused = bare.outcome not in TOKEN
            if (what == "grant" and refused) or alike(bare, first) or self.about(bare) == "client":
                return  # refused without any scope too: the scopes are not what is refused
        found = yield from self.isolate(first)
        if not found.granted and not found.open and what == "scope":
            yield from self.ask("control", None, inspect=True)  # is the client accepted at all?
        yield from self.settle_silence()
        yield from self.verify_and_control(found.missing)
        if what == "scope":
            yield from self.vary_context(self.missing())

    def isolate(self, first: Exchange) -> Generator[Probe, tuple[Exchange, ...], Found]:
        """Search the missing scopes."""
        search = isolate(self.org.scopes, self.heard(first))
        try:
            group = next(search)
            while True:
                row = yield from self.ask("isolate", group, inspect=not self.inspected())
                group = search.send(self.heard(row))
        except StopIteration as end:
            found: Found = end.value
            return found

    def heard(self, row: Exchange) -> Heard:
        if row.outcome == "refused":
            return Heard(False, named=row.named_scopes)
        state = grants(self.org, [row], self.style())
        asked = row.scope_requested or ()
        return Heard(True, dropped=tuple(scope for scope in asked if state[scope].state == "missing"))

    def inspected(self) -> bool:
        return any(row.purpose == "inspect" for row in self.seen)

    def style(self) -> Style:
        return learn(self.org, [*self.seen, *self.shared], self.background.style)

    def grants(self) -> dict[str, Grant]:
        return grants(self.org, self.seen, self.style())

    def missing(self) -> tuple[str, ...]:
        return tuple(scope for scope, grant in self.grants().items() if grant.state == "missing")

    def verify_and_control(self, accused: tuple[str, ...]) -> Asking:
        """Each accused scope alone, the good ones together, and whether the server tells unknown from not granted."""
        missing = tuple(dict.fromkeys((*accused, *self.missing())))
        if not missing:
            yield from self.settle_conflicts()
            return
        asked = {row.scope_requested for row in self.seen if row.purpose != "inspect"}
        for scope in missing:
            if (scope,) not in asked:
                yield from self.ask("verify", (scope,), fresh=True)
        good = tuple(scope for scope, grant in self.grants().items() if grant.state == "granted")
        if good and good not in asked:
            yield from self.ask("verify", good, inspect=not self.inspected(), fresh=True)
        yield from self.try_in_company(good, missing, asked)
        yield from self.settle_conflicts()
        unknown = [scope for scope in self.missing() if scope not in self.background.known_scopes]
        controlled = any(CONTROL_SCOPE in (row.scope_requested or ()) for row in (*self.seen, *self.shared))
        if unknown and not controlled and not self.background.controlled:
            yield from self.ask("control", (CONTROL_SCOPE,))

    def try_in_company(
        self, good: tuple[str, ...], accused: tuple[str, ...], asked: set[tuple[str, ...] | None]
    ) -> Asking:
        """Some servers want one scope in every request: an accused one beside the good ones; if it passes, each."""
        pairs = [(*good, scope) for scope in accused]
        known = [set(each) for each in asked if each]
        if not good or len(accused) < 2 or any(set(pair) in known for pair in pairs):
            return
        for pair in pairs:
            row = yield from self.ask("verify", pair, fresh=True)
            if row.outcome not in TOKEN:
                return

    def settle_conflicts(self) -> Asking:
        """A question that was answered in two ways is asked again, on new connections."""
        own = [row for row in self.seen if row.purpose != "inspect" and row.org_id_sent == self.template.org_id]
        together = [row for row in own if set(row.scope_requested or ()) >= set(self.org.scopes)]
        if not self.missing() and not any(row.outcome in TOKEN for row in together):
            yield from self.ask("verify", self.org.scopes, fresh=True)  # granted apart: together too?
        named_ones = {scope for row in own if self.about(row) == "scope" for scope in row.named_scopes}
        for scope, grant in self.grants().items():
            if grant.against or (grant.state == "granted" and scope in named_ones):
                for _ in range(_AGAIN):
                    yield from self.ask("verify", (scope,), fresh=True)

    def vary_context(self, scopes: tuple[str, ...] | None) -> Asking:
        """The same without the org parameter: does it decide, and which org does the client's token belong to then?"""
        if self.provider.has_org_parameter and self.org.org_id and scopes != ():
            yield from self._send(replace(self.template, purpose="context", scopes=scopes, org_id=None, inspect=True))

    def check_redirect_uri(self) -> Asking:
        if self.org.redirect_uri and self.org.authorization_url:
            yield from self._send(
                replace(
                    self.template, purpose="context", scopes=None, org_id=None, endpoint="authorization", inspect=False
                )
            )
