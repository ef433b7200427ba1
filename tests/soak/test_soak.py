"""A fleet with faults, some thousand exchanges: nothing is lost, memory stays flat, the causes are the truth."""

from __future__ import annotations

import multiprocessing
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import pytest

from orgscope_kit.desk.investigation import load
from orgscope_kit.desk.run import Run
from orgscope_kit.records import Exchange
from orgscope_kit.send.batch import Progress
from orgscope_kit.simulator import Received, Sandbox, parse

pytestmark = pytest.mark.soak

ORGS, SCOPES = 400, 10
TIMEOUT_S = 5.0
#: Bytes that a run may keep of an exchange while it goes on: a clock's reading, a connection's number.
FLAT = 1000
SAMPLED_EVERY = 100
#: Each meets the first token request of an org, and is over when it is asked again.
PASSING: tuple[dict[str, Any], ...] = (
    {"status": 503}, {"status": 502}, {"reset": True}, {"truncated": True},
    {"limited": {"first": 1, "retry_after_s": 0}}, {"limited": {"first": 1, "retry_after_s": 1, "as": 400}},
)  # fmt: skip
#: An org that is slower than the timeout: the client cuts every request off.
CUT_OFF = frozenset({101, 301})
#: An answer that asking again does not mend: the org's truth cannot be found.
TERMINAL = frozenset({51, 151, 251, 351})


def faults(number: int) -> dict[str, Any]:
    """About one token request in twenty meets a fault: two orgs in five, once each of eight or so requests."""
    if number in CUT_OFF:
        return {"latency_ms": 1000 * (TIMEOUT_S + 1)}
    if number in TERMINAL:
        return {"not_json": True, "first": 1}
    return {**PASSING[number % len(PASSING)], "first": 1} if number % 5 in (1, 3) else {}


def truth(number: int, scopes: list[str]) -> dict[str, Any]:
    """The cause of an org, and what it lacks."""
    if number in CUT_OFF:
        return {"cause": "unreachable"}
    lacking = [scopes[(number + 3 * each) % SCOPES] for each in range(number % 4)]
    return {"cause": "scope_not_granted", "scopes": lacking} if lacking else {"cause": "works"}


def scenario() -> dict[str, Any]:
    """The fleet, as a scenario file would have it."""
    scopes = [f"module{number}:entity:view" for number in range(SCOPES)]
    raw: dict[str, Any] = {
        "title": "Soak", "story": "Many orgs, and one request in twenty goes wrong.", "orgs": {}, "secrets": {},
        "integration": {"kind": "global", "home": "org000"}, "server": {"names": "none"}, "truth": {},
        "investigation": {
            "title": "Soak", "provider": "appfoundry", "reference": "org000", "scopes": scopes, "orgs": {},
            "limits": {"rate_per_s": 100_000, "concurrency": 16, "timeout_s": TIMEOUT_S, "budget": 200},
        },
    }  # fmt: skip
    for number in range(ORGS):
        name, org_id = f"org{number:03d}", f"5a0c1f00-0000-4000-8000-{number:012}"
        secret = raw["secrets"][f"SECRET_{number}"] = f"soak-secret-of-org-{number:03d}-c0ffee"
        known = truth(number, scopes)
        raw["truth"][name] = known
        raw["orgs"][name] = {
            "org_id": org_id, "granted": [scope for scope in scopes if scope not in known.get("scopes", ())],
            "client": {"id": client_of(number), "secret": secret}, "faults": faults(number),
        }  # fmt: skip
        raw["investigation"]["orgs"][name] = {
            "token_url": "{base}/api/v2/oauth/token", "client_id": client_of(number), "org_id": org_id,
            "client_secret": {"dotenv": f"SECRET_{number}"}, "integration": "global",
        }  # fmt: skip
    return raw


@dataclass
class Memory:
    """What this process holds while a run goes on; the sandbox is another process."""

    samples: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, progress: Progress) -> None:
        if progress.kind == "exchange" and progress.exchanges % SAMPLED_EVERY == 0:
            self.samples.append((progress.exchanges, tracemalloc.get_traced_memory()[0]))

    def growth(self) -> float:
        """Bytes an exchange, from the least held in the second quarter to the least held in the last."""
        quarter = len(self.samples) // 4
        early = min(self.samples[quarter : 2 * quarter], key=lambda sample: sample[1])
        late = min(self.samples[-quarter:], key=lambda sample: sample[1])
        return (late[1] - early[1]) / (late[0] - early[0])


@dataclass
class Soaked:
    """The run, and what the sandbox saw of it."""

    run: Run
    received: tuple[Received, ...]
    memory: Memory

    def rows(self, org: str) -> tuple[Exchange, ...]:
        return self.run.by_org[org]


def serve(raw: dict[str, Any], pipe: Connection) -> None:
    """Be the sandbox: tell the file, wait for a word, hand over what was received."""
    with Sandbox(parse(raw)) as box:
        pipe.send(str(box.investigation_file))
        pipe.recv()
        pipe.send(box.requests)


@contextmanager
def sandbox(raw: dict[str, Any]) -> Iterator[Connection]:
    """The sandbox in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(raw, theirs), daemon=True)
    process.start()
    try:
        yield ours
        process.join(20)
    finally:
        if process.is_alive():
            process.terminate()


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Soaked:
    """The fleet, asked once."""
    memory = Memory()
    with sandbox(scenario()) as pipe:
        assert pipe.poll(60)
        investigation = load(pipe.recv())
        tracemalloc.start()
        try:
            run = investigation.run_here(out=tmp_path_factory.mktemp("runs"), observer=memory)
        finally:
            tracemalloc.stop()
        pipe.send("enough")
        return Soaked(run, pipe.recv(), memory)


def name_of(number: int) -> str:
    """As ``scenario`` names an org."""
    return f"org{number:03d}"


def client_of(number: int) -> str:
    """The id of the org's own client. (A token asked for without ``org_id`` is bound to the home org.)"""
    return f"client-{number}"


def test_it_is_a_soak(soaked: Soaked) -> None:
    """Some thousand exchanges, about one in twenty of the token requests met by a fault, and every org settled."""
    tokens = [row for row in soaked.run.exchanges if row.purpose != "inspect"]
    broken = [row for row in tokens if row.outcome in ("limited", "failed", "unreachable", "unreadable")]
    assert len(soaked.run.exchanges) > 3000
    assert 0.03 < len(broken) / len(tokens) < 0.08
    assert "done" == soaked.run.state


def test_nothing_is_lost(soaked: Soaked) -> None:
    """Client by client and status by status, the journal holds what the sandbox received, cut-off requests aside."""
    clients = {name_of(number): client_of(number) for number in range(ORGS) if number not in CUT_OFF}
    asking = set(clients.values())
    received = Counter((each.client_id, each.status) for each in soaked.received if each.client_id in asking)
    journaled = Counter((clients[row.org], row.status) for row in soaked.run.exchanges if row.org in clients)
    assert received == journaled
    assert {client_of(number) for number in CUT_OFF} == {each.client_id for each in soaked.received} - asking - {None}


def test_what_was_cut_off_is_journaled_too(soaked: Soaked) -> None:
    """Every attempt that the client gave up is a row, whether the server came to its end or not."""
    for number in CUT_OFF:
        assert ["timeout"] * 3 == [row.error for row in soaked.rows(name_of(number))]
        assert sum(1 for each in soaked.received if each.client_id == client_of(number)) <= 3


def test_ids_have_no_gap(soaked: Soaked) -> None:
    """Exchanges are numbered from one, each number once, and the frame holds them all."""
    ids = [row.exchange_id for row in soaked.run.exchanges]
    assert list(range(1, len(ids) + 1)) == ids
    assert ids == soaked.run.observations["exchange_id"].tolist()


def test_memory_is_flat(soaked: Soaked) -> None:
    """A run keeps next to nothing of an exchange that is journaled."""
    assert soaked.memory.growth() < FLAT


def test_causes_are_the_truth(soaked: Soaked) -> None:
    """Faults that pass change no diagnosis."""
    scopes = list(soaked.run.spec.orgs[0].scopes)
    expected, found = {}, {}
    for number in range(ORGS):
        if number in TERMINAL:
            continue
        known, verdict = truth(number, scopes), soaked.run.diagnosis[name_of(number)]
        expected[name_of(number)] = (known["cause"], sorted(known.get("scopes", ())))
        found[name_of(number)] = (verdict.cause, sorted(verdict.scopes))
    assert expected == found
