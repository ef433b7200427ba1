"""How true the reported times are: against the server's own, of an answer that takes it 15 to 25 ms."""

from __future__ import annotations

from collections.abc import Sequence

from orgscope_kit.records import Exchange

from .batches import by_httpx, by_kit, fleet
from .rows import Row, at_most, percentile, seen
from .server import served, truth_ms

__all__ = ["measure"]

_SCOPES = ("a",)


def measure() -> list[Row]:
    """Errors are absolute; connections that the exchange itself had to open count for the first byte only."""
    with served((15, 25)) as url:
        peer = [took_ms - truth_ms(number) for took_ms, number in by_httpx(url, _SCOPES, 32, 1000).took]
        rows = _rows("32 in flight", _asked(url, 1000, 32), peer, (0.5, 4))
        rows += _rows("32 in flight, main thread draws", _asked(url, 640, 32, drawing=True), None, (1, 8))
        return rows + _rows("256 in flight", _asked(url, 400, 256), None, None)


def _asked(url: str, requests: int, in_flight: int, drawing: bool = False) -> tuple[Exchange, ...]:
    with fleet(url, requests, _SCOPES, in_flight) as spec:
        rows = by_kit(spec, _draw if drawing else None).rows
    return tuple(row for row in rows if row.correlation_id is not None)  # the server's truth is known of answers only


def _rows(
    what: str, exchanges: Sequence[Exchange], peer: list[float] | None, goals: tuple[float, float] | None
) -> list[Row]:
    first = [_error(row.first_byte_ms, row) for row in exchanges]
    total = [_error(row.total_ms, row) for row in exchanges if row.connection_reused]
    rows = []
    for number, (word, share) in enumerate((("p50", 0.5), ("p99", 0.99))):
        name = f"first-byte error, {what}, {word}, ms"
        theirs = None if peer is None else percentile(map(abs, peer), share)
        name += " (peer: around httpx's await)" if peer else ""
        ours = percentile(first, share)
        rows.append(at_most(name, ours, goals[number], theirs) if goals else seen(name, ours))
    rows += [
        seen(f"total error, {what}, {word}, ms", percentile(total, share))
        for word, share in (("p50", 0.5), ("p99", 0.99))
    ]
    off = [row for row, error in zip(exchanges, first, strict=True) if error > 4]
    marked = sum(1 for row in off if (row.loop_lag_ms or 0) > 1)
    told = f"{marked / len(off):.0%} of them have loop lag > 1 ms" if off else None
    rows.append(seen(f"share of rows off by more than 4 ms, {what}", len(off) / len(first), None, told))
    return rows


def _error(reported_ms: float | None, row: Exchange) -> float:
    assert reported_ms is not None and row.correlation_id is not None
    return abs(reported_ms - truth_ms(row.correlation_id))


def _draw() -> None:
    """What a notebook's main thread does meanwhile."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.plot(range(500))
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
