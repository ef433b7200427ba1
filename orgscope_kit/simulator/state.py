"""What the server remembers: grants on their way to the replicas, tokens, connections, and every request received."""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import socket
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from orgscope_kit import scopes
from orgscope_kit.simulator.scenario import Client, Scenario

__all__ = ["Connection", "Connections", "Grants", "Received", "State", "Token"]


@dataclass(frozen=True, slots=True)
class Received:
    """One request as the server saw it; holds no secret and no token.

    Attributes:
        started_s: ``time.monotonic()`` when its head had been read. ended_s: just before its last byte was
            handed over.
        org: the org whose context the request names, else that of its client or token.
        scope: the ``scope`` parameter as sent.
        status: of the answer; ``None`` when the connection was reset.
        peer_port: the client's end of the connection; two requests on one connection share it.
    """

    started_s: float
    ended_s: float
    at: datetime
    method: str
    path: str
    client_id: str | None
    org: str | None
    scope: str | None
    status: int | None
    peer_port: int | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Token:
    """What an access token is bound to; ``expires_s`` on the state's clock; ``user``: who signed in, if anyone."""

    client_id: str
    client_org: str
    org: str
    scope: tuple[str, ...]
    expires_s: float
    expires_at: int
    user: str | None = None


class Connection:
    """One connection: its number, and the means to break it."""

    def __init__(self, number: int, transport: asyncio.Transport) -> None:
        self.number = number
        self._transport = transport

    def reset(self) -> None:
        """End it with a TCP RST: a zero linger time discards what is queued."""
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


class Connections:
    """The open connections by the peer's port. Empty when the app is called without a socket."""

    def __init__(self) -> None:
        self._open: dict[int, Connection] = {}
        self._numbers = itertools.count()

    def opened(self, transport: asyncio.Transport) -> None:
        """Number a new connection."""
        self._open[transport.get_extra_info("peername")[1]] = Connection(next(self._numbers), transport)

    def closed(self, peer_port: int) -> None:
        """Forget a connection."""
        self._open.pop(peer_port, None)

    def at(self, peer_port: int | None) -> Connection | None:
        """The connection from ``peer_port``."""
        return None if peer_port is None else self._open.get(peer_port)


@dataclass(frozen=True, slots=True)
class _Change:
    scope: str
    granted: bool
    at_s: float


class Grants:
    """Which scopes each replica of each org grants at this moment."""

    def __init__(self, scenario: Scenario, clock: Callable[[], float]) -> None:
        self._scenario, self._clock, self._start_s = scenario, clock, clock()
        self._changes: dict[str, list[_Change]] = {
            name: [_Change(change.scope, change.granted, -change.ago_s) for change in org.changes]
            for name, org in scenario.orgs.items()
        }
        self._turns: Counter[str] = Counter()
        self._known = _known_scopes(scenario)

    @property
    def known(self) -> frozenset[str]:
        """The scopes that exist."""
        return self._known

    def change(self, org: str, scope: str, granted: bool) -> None:
        """Grant or revoke from now on; each replica learns of it after its own delay."""
        if org not in self._changes:
            raise ValueError(f"{org!r} is not an org of this sandbox; use one of: {', '.join(self._changes)}")
        if not scopes.is_scope(scope):
            raise ValueError(f"{scope!r} is not a scope-token (RFC 6749 §3.3)")
        self._known |= {scope}
        self._changes[org].append(_Change(scope, granted, self._now_s()))

    def replica(self, org: str, connection: int) -> int:
        """The replica that answers a token request, in turn by connection or by request."""
        setting = self._scenario.orgs[org]
        if setting.balanced == "connection":
            return connection % setting.replicas
        turn = self._turns[org]
        self._turns[org] += 1
        return turn % setting.replicas

    def granted(self, org: str, replica: int, client: Client | None = None) -> tuple[str, ...]:
        """What ``replica`` grants now; ``client`` is the org's own client, where it is the one that asks."""
        setting = self._scenario.orgs[org]
        own = client.granted if client is not None and client == setting.client else None
        return self.applied(org, replica, setting.granted if own is None else own)

    def applied(self, org: str, replica: int, base: Sequence[str]) -> tuple[str, ...]:
        """``base`` and the changes that have reached ``replica``."""
        setting = self._scenario.orgs[org]
        current = dict.fromkeys(base)
        delay_s = setting.delays_s[replica] if setting.delays_s else 0.0
        for change in self._changes[org]:
            if change.at_s + delay_s > self._now_s():
                continue
            if change.granted:
                current[change.scope] = None
            else:
                current.pop(change.scope, None)
        return tuple(scope for scope in current if replica not in setting.flapping.get(scope, ()))

    def _now_s(self) -> float:
        return (self._clock() - self._start_s) * self._scenario.time_scale


class State:
    """Everything of one running server that changes."""

    def __init__(self, scenario: Scenario, clock: Callable[[], float]) -> None:
        self.scenario = scenario
        self.clock = clock
        self.grants = Grants(scenario, clock)
        self.connections = Connections()
        self.tokens: dict[str, Token] = {}
        self.received: list[Received] = []
        self.faulty: Counter[str] = Counter()
        self.limited: Counter[str] = Counter()
        self.api_limited: Counter[str] = Counter()
        self.random = random.Random(scenario.seed)  # noqa: S311 - jitter, repeatable
        self.control_token = secrets.token_urlsafe(24)

    def mint(self, token: Token) -> str:
        """A new opaque access token."""
        text = secrets.token_urlsafe(48)
        self.tokens[text] = token
        return text

    def live(self, text: str) -> Token | None:
        """The token, unless it is unknown, revoked or expired."""
        token = self.tokens.get(text)
        return token if token is not None and self.clock() < token.expires_s else None


def _known_scopes(scenario: Scenario) -> frozenset[str]:
    if scenario.known_scopes is not None:
        return frozenset(scenario.known_scopes)
    asked = scenario.investigation
    own = (org.get("scopes") or () for org in asked["orgs"].values() if isinstance(org, dict))
    lists = [asked.get("scopes") or (), *own]
    for org in scenario.orgs.values():
        lists += [org.granted, [change.scope for change in org.changes], (org.client and org.client.granted) or ()]
    return frozenset(itertools.chain.from_iterable(lists))
