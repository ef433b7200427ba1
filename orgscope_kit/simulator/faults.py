"""Faults made real: latency, resets, broken and slow bodies, 5xx, rate limits; by the org that a request concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from orgscope_kit.simulator.calls import Call
from orgscope_kit.simulator.dialect import Dialect
from orgscope_kit.simulator.scenario import Faults
from orgscope_kit.simulator.state import Connection, State

__all__ = ["replacement", "send_faulty", "strike", "wait"]

_NO_FAULTS = Faults()
_GATEWAY_PAGE = (
    "<!doctype html><title>Sandbox gateway</title><p>Simulated: this is not the token endpoint's answer.</p>"
)


def strike(state: State, org: str | None) -> Faults:
    """The faults that meet this token request; those bounded by ``first`` are used up by it."""
    if org is None:
        return _NO_FAULTS
    faults = state.scenario.orgs[org].faults
    limited = faults.limited
    if limited is not None:
        state.limited[org] += 1
        if limited.first is not None and state.limited[org] > limited.first:
            faults = faults.model_copy(update={"limited": None})
    if faults.limited is not None or faults.first is None:
        return faults
    state.faulty[org] += 1
    if state.faulty[org] <= faults.first:
        return faults
    return Faults(latency_ms=faults.latency_ms, jitter_ms=faults.jitter_ms, slow_body_s=faults.slow_body_s)


async def wait(state: State, faults: Faults) -> None:
    """Take the org's latency."""
    delay_ms = faults.latency_ms + faults.jitter_ms * state.random.random()
    if delay_ms > 0:
        await asyncio.sleep(delay_ms / 1000)


def replacement(faults: Faults, dialect: Dialect, call: Call) -> Response | None:
    """The answer that stands in for the real one, so that no token is minted; ``None`` lets the real one through."""
    if faults.limited is not None:
        return dialect.limited(faults.limited.as_, call, faults.limited.retry_after_s)
    if faults.status is not None:
        return dialect.failed(call, faults.status)
    if faults.empty:
        return Response(status_code=200)
    if faults.not_json:
        return HTMLResponse(_GATEWAY_PAGE)
    return None


async def send_faulty(
    response: Response,
    faults: Faults,
    connection: Connection | None,
    asgi: tuple[Scope, Receive, Send],
    ended: Callable[[int | None], None],
) -> None:
    """Send ``response`` as the faults let it through, calling ``ended`` with its status before the last byte goes.

    A lost answer is lost after the work was done: its token has been minted, as on a real server. A reset ends with
    ``None``; without a socket it raises ``ConnectionResetError``.
    """
    _, _, send = asgi
    if faults.reset and faults.limited is None:
        ended(None)
        if connection is None:
            raise ConnectionResetError("sandbox fault: the connection is reset (there is no socket to reset)")
        connection.reset()
        await asyncio.sleep(0.01)  # uvicorn learns of it on its loop's next turn, and then asks for no answer
        return
    if not faults.truncated and not faults.slow_body_s:
        ended(response.status_code)
        await response(*asgi)
        return
    body = bytes(response.body)
    half = len(body) // 2
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    # On a socket, leaving the body unfinished makes uvicorn close the connection short of its Content-Length.
    unfinished = connection is not None or not faults.truncated
    if faults.truncated:
        ended(response.status_code)
    await send({"type": "http.response.body", "body": body[:half], "more_body": unfinished})
    if faults.truncated:
        return
    await asyncio.sleep(faults.slow_body_s)
    ended(response.status_code)
    await send({"type": "http.response.body", "body": body[half:], "more_body": False})
