"""What the stamps of an exchange say, and what they do not mix."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest
from raw_server import RawServer, Talk
from send_asking import Settled, settle
from test_faults import certificate, tls_server  # noqa: F401 - fixtures

from orgscope_kit.records import Exchange
from orgscope_kit.send.batch import Batch, Progress

DELAY_S = 0.15


async def late(talk: Talk) -> None:
    """The head after a delay, the body after another."""
    await asyncio.sleep(DELAY_S)
    await talk.send(b"HTTP/1.1 400 X\r\nContent-Length: 17\r\n\r\n")
    await asyncio.sleep(DELAY_S)
    await talk.send(b'{"error": "nope"}')


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settled, list[float]]:
    """Orgs at a server that takes its time, and when each request arrived."""
    with RawServer({"/token": late}) as server:
        settled = asked(tmp_path_factory.mktemp("told"), server)
        return settled, [each.at for each in server.seen]


def asked(folder: Path, server: RawServer, count: int = 4, **keys: object) -> Settled:
    """So many orgs at one server, one after the other."""
    orgs = {f"org{n}": {"token_url": server.url(), **keys} for n in range(count)}
    return settle(folder, orgs, scopes=["a", "b"], limits={"concurrency": 1, "rate_per_s": 20})


def test_phases(told: tuple[Settled, list[float]]) -> None:
    """Connecting is stamped for new connections alone; first byte and whole hold the server's time, not our queue's."""
    rows = told[0].every
    assert [not row.connection_reused for row in rows] == [row.connect_ms is not None for row in rows]
    assert {False, True} == {row.connection_reused for row in rows}
    for row in rows:
        assert row.first_byte_ms is not None and row.total_ms is not None and row.tls_ms is None
        assert 990 * DELAY_S <= row.first_byte_ms
        assert (row.connect_ms or 0) + row.first_byte_ms <= row.total_ms
        assert 2 * 990 * DELAY_S <= row.total_ms  # the server waits before the headers, and again before the body


def test_queue_is_our_own(told: tuple[Settled, list[float]]) -> None:
    """The queue is what lies between planned and sent; the server's time begins when it ends."""
    settled, arrivals = told
    rows = settled.every
    for row in rows:
        assert row.queue_ms >= 0 and abs(row.queue_ms - _ms(row.planned_at, row.sent_at)) < 0.01
    clock = settled.batch.sender.clock
    for row, arrival in zip(rows, arrivals, strict=True):
        assert row.sent_at <= clock.at(arrival) <= row.sent_at + timedelta(milliseconds=row.total_ms or 0)


def test_times_go_forward(told: tuple[Settled, list[float]]) -> None:
    """Times are UTC, planned before sent, and within an org they follow the ids."""
    settled, _ = told
    assert {timedelta(0)} == {moment.utcoffset() for row in settled.every for moment in (row.planned_at, row.sent_at)}
    for rows in settled.rows.values():
        assert all(row.planned_at <= row.sent_at for row in rows)
        assert all(_ended(before) <= after.planned_at for before, after in pairwise(rows))


def test_tls_is_a_phase(tls_server: RawServer, certificate: Path, tmp_path: Path) -> None:  # noqa: F811
    """The handshake is stamped where there is one, apart from connecting."""
    rows = asked(tmp_path, tls_server, verify=str(certificate)).every
    assert [not row.connection_reused for row in rows] == [row.tls_ms is not None for row in rows]
    assert rows[0].tls_ms and rows[0].connect_ms and rows[0].tls_ms + rows[0].connect_ms < (rows[0].total_ms or 0)


def test_lag_is_told(tmp_path: Path) -> None:
    """Each row says how late the loop woke; where something held it up, it shows."""
    held = []

    def watch(batch: Batch, progress: Progress) -> None:
        if progress.kind == "exchange" and progress.org == "org0" and not held:
            held.append(progress.exchange)
            asyncio.get_running_loop().call_later(DELAY_S, time.sleep, 0.1)  # while another exchange is under way

    with RawServer({"/token": late}) as server:
        orgs = {f"org{n}": {"token_url": server.url()} for n in range(4)}
        rows = settle(tmp_path, orgs, watching=watch, limits={"concurrency": 1}).every
    assert all(row.loop_lag_ms is not None and row.loop_lag_ms >= 0 for row in rows)
    assert max(row.loop_lag_ms or 0 for row in rows[1:]) >= 75


def test_lag_of_a_short_exchange(tmp_path: Path) -> None:
    """An exchange shorter than the time between two samples has its lag too."""
    with RawServer() as server:
        rows = settle(tmp_path, {f"org{n}": {"token_url": server.url()} for n in range(8)}).every
    assert None not in {row.loop_lag_ms for row in rows}


def test_clock_skew(tmp_path: Path) -> None:
    """How far a server's clock is ahead of ours is estimated from its `Date`, by host."""

    async def ahead(talk: Talk) -> None:
        await talk.answer(Date=format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True))

    async def nonsense(talk: Talk) -> None:
        await talk.answer(Date="yesterday")

    with RawServer({"/token": ahead}) as fast, RawServer({"/token": nonsense}) as odd:
        orgs = {f"org{n}": {"token_url": fast.url()} for n in range(5)} | {"odd": {"token_url": odd.url()}}
        skews = settle(tmp_path, orgs).batch.sender.skews
    (seen,) = skews.values()
    assert [f"127.0.0.1:{fast.port}"] == list(skews) and len(seen) >= 5
    assert all(97 < each < 103 for each in seen)


def _ms(start: datetime, end: datetime) -> float:
    return (end - start) / timedelta(milliseconds=1)


def _ended(row: Exchange) -> datetime:
    return row.sent_at + timedelta(milliseconds=row.total_ms or 0)
