"""Exchanges a second of the whole kit, from probe to journaled row, against a server that is never the brake."""

from __future__ import annotations

from importlib.util import find_spec

from .batches import Ended, Peer, by_aiohttp, by_httpx, by_kit, fleet
from .rows import Row, at_least, percentile, seen
from .server import served

__all__ = ["measure"]

_IN_FLIGHT, _ROUNDS = 32, 3
_GRANTED, _MIXED = ("a",), ("a", "b", "c", "denied:1", "denied:2")


def measure() -> list[Row]:
    """Ours and the peers' turn by turn, the median of the rounds' ratios: others on the machine hurt both."""
    plain: list[Ended] = []
    searches: list[Ended] = []
    httpx: list[Peer] = []
    aiohttp: list[Peer] = []
    with served() as url:
        by_httpx(url, _GRANTED, _IN_FLIGHT, 50)  # imports
        for _ in range(_ROUNDS):
            with fleet(url, 600, _GRANTED, _IN_FLIGHT) as spec:
                plain.append(by_kit(spec))
            httpx.append(by_httpx(url, _GRANTED, _IN_FLIGHT, 600))
            with fleet(url, 100, _MIXED, _IN_FLIGHT) as spec:
                searches.append(by_kit(spec))
            if find_spec("aiohttp"):
                aiohttp.append(by_aiohttp(url, _GRANTED, _IN_FLIGHT, 600))
    an_org = len(searches[0].rows) / 100
    return [
        _rate(f"exchanges/s, {an_org:.0f} an org, one of them on a new connection (peer: httpx)", searches, httpx, 5),
        _rate("exchanges/s, one an org, so three commits each (peer: httpx)", plain, httpx, 5),
        seen("CPU µs an exchange, searches (peer: httpx)", _cpu(searches), _cpu(httpx)),
        seen("CPU µs an exchange, one an org (peer: httpx)", _cpu(plain), _cpu(httpx)),
        _rate("exchanges/s (peer: aiohttp as people write it)", searches, aiohttp, 0.6)
        if aiohttp
        else seen(
            "exchanges/s (peer: aiohttp as people write it)", _per_s(searches), None, "ratio ≥ 0.6; not installed"
        ),
    ]


def _rate(name: str, ours: list[Ended], peer: list[Peer], goal: float) -> Row:
    ratios = [mine.per_s / theirs.per_s for mine, theirs in zip(ours, peer, strict=True)]
    return at_least(name, _per_s(ours), _per_s(peer), percentile(ratios, 0.5), goal)


def _per_s(all_of_them: list[Ended] | list[Peer]) -> float:
    return percentile((each.per_s for each in all_of_them), 0.5)


def _cpu(all_of_them: list[Ended] | list[Peer]) -> float:
    counted = ((each.cpu_s, len(each.rows) if isinstance(each, Ended) else len(each.took)) for each in all_of_them)
    return min(1e6 * cpu_s / count for cpu_s, count in counted)
