"""How hard the kit asks, counted at the server: rate, concurrency, attempts, budget."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from raw_server import GRANTED, RawServer, Talk
from send_asking import Settled, settle

from orgscope_kit.ask.verdict import Facts, judge
from orgscope_kit.records import Limits
from orgscope_kit.send.batch import Batch, Progress
from orgscope_kit.send.pacing import Gate

RATE = 50
#: Between the turn that pacing gives and the stamp of what is sent, one request is built.
TOLERANCE_S = 0.004


async def slow(talk: Talk) -> None:
    """Granted or active, after a while."""
    await asyncio.sleep(0.05)
    await talk.answer(200, GRANTED | {"active": True, "scope": "a"})


async def active(talk: Talk) -> None:
    """A token is known."""
    await talk.answer(200, {"active": True, "scope": "a"})


def most_within(moments: list[float], seconds: float) -> int:
    """The most of ``moments`` that lie within any window of so many seconds."""
    moments = sorted(moments)
    return max(bisect_right(moments, moment + seconds) - n for n, moment in enumerate(moments))


def paced(folder: Path, server: RawServer, **limits: Any) -> Settled:
    """Forty orgs at one host, each with an inspection of its token, under two paths."""
    orgs = {
        f"org{n}": {"token_url": server.url(f"/token{n % 2}"), "introspection_url": server.url("/introspect")}
        for n in range(40)
    }
    settled = settle(folder, orgs, limits={"concurrency": 3} | limits)
    assert settled.complete and len(server.seen) == len(settled.every) >= 80
    assert {"/token0", "/token1", "/introspect"} == {each.path for each in server.seen}
    return settled


def test_rate(tmp_path: Path) -> None:
    """Starts are evenly spaced, over all orgs, paths and inspections of the host."""
    with RawServer({"/introspect": active}) as server:
        settled = paced(tmp_path, server, rate_per_s=RATE)
    starts = sorted(row.sent_at.timestamp() for row in settled.every)
    assert min(after - before for before, after in pairwise(starts)) >= 1 / RATE - TOLERANCE_S
    assert most_within(starts, 1.0) <= RATE + 1
    assert most_within([each.at for each in server.seen], 1.0) <= RATE + 3  # some arrive a little late


def test_concurrency(tmp_path: Path) -> None:
    """As many exchanges as allowed are under way, and never more, over all orgs, paths and inspections of the host."""
    with RawServer(dict.fromkeys(("/token0", "/token1", "/introspect"), slow)) as server:
        paced(tmp_path, server)
    assert 3 == max(each.under_way for each in server.seen)


def test_hosts_are_independent(tmp_path: Path) -> None:
    """A host that is slow to answer, at its limits, keeps no other waiting; a port is a host of its own."""
    done: list[str] = []

    async def hold(talk: Talk) -> None:
        while len(done) < 12:
            await asyncio.sleep(0.01)
        await talk.answer()

    def watch(batch: Batch, progress: Progress) -> None:
        if progress.kind == "settled":
            done.append(progress.org)

    with RawServer({"/token": hold}) as held, RawServer() as quick:
        orgs = {f"held{n}": {"token_url": held.url()} for n in range(3)}
        orgs |= {f"quick{n}": {"token_url": quick.url()} for n in range(12)}
        settled = settle(tmp_path, orgs, watching=watch, limits={"rate_per_s": 100, "concurrency": 1})
    assert {f"quick{n}" for n in range(12)} == set(done[:12])
    assert settled.complete
    assert 1 == max(each.under_way for each in held.seen)


def test_starts_in_order_of_asking() -> None:
    """Turns are given first come, first served, each a spacing after the one before; a pause earns no burst."""

    async def run() -> list[tuple[int, float]]:
        gate, given = Gate(Limits(rate_per_s=100)), []

        async def start(n: int) -> None:
            assert await gate.start()
            given.append((n, monotonic()))

        async with asyncio.TaskGroup() as group:
            for n in range(5):
                group.create_task(start(n))
        await asyncio.sleep(0.05)
        async with asyncio.TaskGroup() as group:
            for n in range(5, 8):
                group.create_task(start(n))
        return given

    given = asyncio.run(run())
    assert list(range(8)) == [n for n, _ in given]
    assert all(after - before >= 0.0099 for (_, before), (_, after) in pairwise(given))


def test_a_limited_org_keeps_no_other_waiting(tmp_path: Path) -> None:
    """Who is told to wait is asked again no sooner, and meanwhile the others are settled, even one at a time."""
    order: list[str] = []

    async def limited(talk: Talk) -> None:
        await (talk.answer(429, b"", Retry_After="1") if talk.nth == 1 else talk.answer())

    def watch(batch: Batch, progress: Progress) -> None:
        if progress.kind == "settled":
            order.append(progress.org)

    with RawServer({"/limited": limited}) as server:
        orgs = {name: {"token_url": server.url(f"/{name}")} for name in ("limited", *"bcdef")}
        settled = settle(tmp_path, orgs, watching=watch, limits={"concurrency": 1, "rate_per_s": 200})
        first, second, *_ = server.at("/limited")
    assert [*"bcdef", "limited"] == order
    assert ["limited", "granted"] == [row.outcome for row in settled.rows["limited"]][:2]
    assert second.at - first.at >= 1.0


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_attempts(tmp_path: Path, attempts: int) -> None:
    """A probe that fails in transport is tried so often and no more."""

    async def gone(talk: Talk) -> None:
        talk.reset()

    with RawServer({"/gone": gone}) as server:
        settled = settle(tmp_path, {"org": {"token_url": server.url("/gone")}}, limits={"attempts": attempts})
    assert attempts == len(server.seen) == len(settled.rows["org"])
    assert {"org/1"} == {row.probe_id for row in settled.every}


SCOPES = [f"s{n}" for n in range(12)]


async def picky(talk: Talk) -> None:
    """Every third scope is refused, without a word on which; every fifth request fails first."""
    if talk.nth % 5 == 0:
        await talk.answer(503, b"")
    elif any(int(scope[1:]) % 3 == 0 for scope in talk.seen.form["scope"].split() if scope[1:].isdigit()):
        await talk.answer(400, {"error": "invalid_scope"})
    else:
        await talk.answer(200, GRANTED | {"scope": talk.seen.form["scope"]})


@pytest.mark.parametrize("budget", [1, 2, 3, 5, 8, 13])
def test_budget(tmp_path: Path, budget: int) -> None:
    """Every request counts, retries and inspections too; when the budget ends, the verdict leaves it open."""
    with RawServer({"/token": picky, "/introspect": active}) as server:
        orgs = {
            name: {"token_url": server.url(), "introspection_url": server.url("/introspect")} for name in ("one", "two")
        }
        settled = settle(tmp_path, orgs, scopes=SCOPES, limits={"budget": budget})
    asked = Counter(each.headers["authorization"] for each in server.seen)
    assert [budget, budget] == list(asked.values())
    assert {"one": budget, "two": budget} == settled.batch.spent
    assert {"one": "budget", "two": "budget"} == settled.endings
    spec = settled.batch._spec
    for verdict in judge(spec.orgs, settled.rows, Facts(ended_early=settled.endings)).values():
        assert "inconclusive" == verdict.cause and verdict.next_check and verdict.runners_up


@pytest.mark.parametrize(
    ("tries", "secret", "ways"),
    [
        (1, "p&ss w/rd+1", ["basic percent"]),
        (2, "p&ss w/rd+1", ["basic percent", "basic raw"]),
        (3, "p&ss w/rd+1", ["basic percent", "basic raw", "post"]),
        (9, "p&ss w/rd+1", ["basic percent", "basic raw", "post"]),
        (2, "plain-secret", ["basic percent"]),
        (3, "plain-secret", ["basic percent", "post"]),
    ],
)
def test_auth_tries(tmp_path: Path, tries: int, secret: str, ways: list[str]) -> None:
    """After `invalid_client` the same credential is presented in so many ways, and then not again."""

    async def unknown(talk: Talk) -> None:
        await talk.answer(401, {"error": "invalid_client"})

    with RawServer({"/token": unknown}) as server:
        orgs = {"org": {"token_url": server.url(), "secret": secret}}
        rows = settle(tmp_path, orgs, limits={"auth_tries": tries}).rows["org"]
    assert len(ways) == len(server.seen) == len(rows)
    assert [way.split(" ")[0] for way in ways] == [row.auth_method.removeprefix("client_secret_") for row in rows]
    assert ["client_secret" in each.form for each in server.seen] == ["post" == way for way in ways]
    assert len(ways) == len({(each.headers.get("authorization"), *each.form) for each in server.seen})
