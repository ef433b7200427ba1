"""The sandbox as an ASGI application: one dialect's endpoints, the control API, and a record of every request."""

from __future__ import annotations

import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from orgscope_kit.simulator.calls import Call, read_call
from orgscope_kit.simulator.dialect import Identity
from orgscope_kit.simulator.dialects import DIALECTS
from orgscope_kit.simulator.faults import replacement, send_faulty, strike, wait
from orgscope_kit.simulator.scenario import Faults, Scenario
from orgscope_kit.simulator.state import Connection, Received, State

__all__ = ["NAME", "Server"]

#: What the sandbox calls itself in its ``Server`` header, so that every result can say that it is simulated.
NAME = "orgscope-sandbox"


class Server:
    """The simulated authorization server of ``scenario``; ``clock`` drives propagation and token lifetimes."""

    def __init__(self, scenario: Scenario, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = State(scenario, clock)
        self._dialect = DIALECTS[scenario.server.dialect](self.state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; there is no lifespan and no websocket."""
        if scope["type"] != "http":
            raise RuntimeError(f"the sandbox speaks HTTP only, not {scope['type']}")
        request = Request(scope, receive)
        if request.url.path.startswith("/sandbox/"):
            await (await self._control(request))(scope, receive, send)
            return
        started_s, at = time.monotonic(), datetime.now(UTC)
        connection = self.state.connections.at(request.client.port if request.client else None)
        call = await read_call(request, connection.number if connection else 0, str(uuid.uuid4()))
        identity = self._dialect.identify(call)

        def ended(status: int | None) -> None:
            # Before the last byte goes, so that whoever holds the answer finds its request on record.
            self.state.received.append(_received(request, identity, started_s, at, status))

        await self._deliver(call, identity, connection, (scope, receive, send), ended)

    async def _deliver(
        self,
        call: Call,
        identity: Identity,
        connection: Connection | None,
        asgi: tuple[Scope, Receive, Send],
        ended: Callable[[int | None], None],
    ) -> None:
        struck = call.method == "POST" and call.path == self._dialect.token_path
        faults = strike(self.state, identity.org) if struck else Faults()
        await wait(self.state, faults)
        response = replacement(faults, self._dialect, call) or self._dialect.answer(call)
        response.headers[self._dialect.correlation_header] = call.correlation_id
        response.headers["server"] = NAME
        await send_faulty(response, faults, connection, asgi, ended)

    async def _control(self, request: Request) -> Response:
        """The control API; its token is known only to whoever started the sandbox."""
        given = request.headers.get("x-sandbox-token", "")
        if not hmac.compare_digest(given.encode(), self.state.control_token.encode()):
            return JSONResponse({"error": "The header X-Sandbox-Token is missing or wrong."}, 403)
        match request.method, request.url.path:
            case "POST", "/sandbox/grants":
                return self._change_grant(await request.body())
            case "GET", "/sandbox/state":
                return JSONResponse(self._describe())
            case "GET", "/sandbox/requests":
                return JSONResponse([_plain(received) for received in self.state.received])
            case _:
                return JSONResponse({"error": "No such control; see POST grants, GET state, GET requests."}, 404)

    def _change_grant(self, body: bytes) -> Response:
        try:
            wanted = json.loads(body)
            org, scope, granted = wanted["org"], wanted["scope"], wanted["granted"]
            if not (isinstance(org, str) and isinstance(scope, str) and isinstance(granted, bool)):
                raise TypeError
            self.state.grants.change(org, scope, granted)
        except (KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError):
            return JSONResponse({"error": 'Send {"org": NAME, "scope": SCOPE, "granted": true or false}.'}, 400)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(self._describe()["orgs"][org])

    def _describe(self) -> dict[str, Any]:
        scenario, grants = self.state.scenario, self.state.grants
        orgs = {
            name: {
                "org_id": org.org_id,
                "client_id": org.client.id if org.client else None,
                "granted": [list(grants.granted(name, replica, org.client)) for replica in range(org.replicas)],
            }
            for name, org in scenario.orgs.items()
        }
        return {"title": scenario.title, "simulation": True, "tokens": len(self.state.tokens), "orgs": orgs}


def _received(request: Request, identity: Identity, started_s: float, at: datetime, status: int | None) -> Received:
    return Received(
        started_s=started_s,
        ended_s=time.monotonic(),
        at=at,
        method=request.method,
        path=request.url.path,
        client_id=identity.client_id,
        org=identity.org,
        scope=identity.scope,
        status=status,
        peer_port=request.client.port if request.client else None,
        user_agent=request.headers.get("user-agent"),
    )


def _plain(received: Received) -> dict[str, Any]:
    return {**asdict(received), "at": received.at.isoformat()}
