"""The sandbox as it runs: sockets, faults, replicas, the control API and the folder."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from typing import Any

import httpx
import pytest
from dotenv import dotenv_values
from sandbox_asking import SECRETS, TOKEN, Ask, scenario

from orgscope_kit.simulator import Sandbox


def faults(**given: Any) -> dict[str, Any]:
    return {"orgs": {"secondary": {"faults": given}}}


def test_reset(ask_socket: Ask) -> None:
    """A reset ends the connection without an answer, for that org only, and is on record without a status."""
    asker = ask_socket(**faults(reset=True))
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        asker.token()
    assert 200 == asker.token("primary").status_code
    assert [("secondary", None), ("primary", 200)] == [(seen.org, seen.status) for seen in asker.box.requests]


def test_truncated(ask_socket: Ask) -> None:
    """A truncated body ends short of its Content-Length."""
    with pytest.raises(httpx.RemoteProtocolError):
        ask_socket(**faults(truncated=True)).token()


def test_slow_body(ask_socket: Ask) -> None:
    """A slow body comes late and whole."""
    asker = ask_socket(**faults(slow_body_s=0.15))
    start_s = time.monotonic()
    assert 200 == asker.token().status_code
    assert 0.15 <= time.monotonic() - start_s


def test_faults_without_a_socket(ask: Ask) -> None:
    """Through the ASGI app a reset is an OSError and a truncated body is not JSON."""
    with pytest.raises(ConnectionResetError):
        ask(**faults(reset=True)).token()
    with pytest.raises(ValueError):
        ask(**faults(truncated=True)).token().json()


@pytest.mark.parametrize(
    ("given", "status", "content_type"),
    [
        ({"status": 503}, 503, "application/json"),
        ({"not_json": True}, 200, "text/html; charset=utf-8"),
        ({"empty": True}, 200, None),
        ({"limited": {"retry_after_s": 7}}, 429, "application/json"),
        ({"limited": {"as": 400}}, 400, "application/json"),
    ],
)
def test_broken_answers(ask_socket: Ask, given: dict[str, Any], status: int, content_type: str | None) -> None:
    """5xx, pages, empty bodies and rate limits stand in for the answer, correlation id included."""
    answer = ask_socket(**faults(**given)).token()
    assert (status, content_type) == (answer.status_code, answer.headers.get("content-type"))
    assert answer.headers["ININ-Correlation-Id"]


def test_rate_limit_texts(ask: Ask) -> None:
    """429 says how long to wait; the token endpoint's own form is an invalid_request."""
    assert "7" == ask(**faults(limited={"retry_after_s": 7})).token().headers["retry-after"]
    body = ask(**faults(limited={"as": 400})).token().json()
    assert "invalid_request" == body["error"]
    assert body["description"].startswith("rate limit exceeded")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"status": 500, "first": 2}, [500, 500, 200]),
        ({"limited": {"first": 2}}, [429, 429, 200]),
        ({"limited": {"first": 1}, "status": 502, "first": 1}, [429, 502, 200]),
    ],
)
def test_passing_faults(ask: Ask, given: dict[str, Any], expected: list[int]) -> None:
    """Faults that are bounded pass; a rate limit does not use up the others."""
    asker = ask(**faults(**given))
    assert expected == [asker.token().status_code for _ in expected]


def test_latency(ask: Ask) -> None:
    """Latency delays the org that has it."""
    asker = ask(**faults(latency_ms=120))
    start_s = time.monotonic()
    asker.token()
    assert 0.12 <= time.monotonic() - start_s


def test_answers_without_delay(ask_socket: Ask) -> None:
    """An answer on an open connection does not wait for a delayed ACK (40 ms on Linux)."""
    asker = ask_socket()
    took_s = []
    for _ in range(9):
        start_s = time.monotonic()
        asker.token()
        took_s.append(time.monotonic() - start_s)
    assert statistics.median(took_s) < 0.025


def test_replicas_learn_one_by_one() -> None:
    """A change reaches each replica after its own delay, in scaled time."""
    now_s = [0.0]
    orgs = {"secondary": {"replicas": 2, "delays_s": [60, 600], "balanced": "request"}}
    box = Sandbox(scenario(orgs=orgs, time_scale=60), base_url="http://localhost", clock=lambda: now_s[0])
    grants = box.app.state.grants
    box.grant("secondary", "b")
    seen = []
    for now_s[0] in (0.5, 1.5, 10.5):
        seen.append(["b" in grants.granted("secondary", replica) for replica in (0, 1)])
    assert [[False, False], [True, False], [True, True]] == seen
    box.revoke("secondary", "b")
    now_s[0] += 2
    assert [False, True] == ["b" in grants.granted("secondary", replica) for replica in (0, 1)]


def test_a_replica_for_each_connection() -> None:
    """Requests on one connection meet one replica; the next connection meets the next."""
    orgs = {"secondary": {"granted": ["a", "b"], "replicas": 2, "flapping": {"b": [0]}}}
    auth, form = ("secondary-client", SECRETS["secondary"]), {"grant_type": "client_credentials", "scope": "b"}
    with Sandbox(scenario(orgs=orgs)) as box, httpx.Client() as first, httpx.Client() as second:
        statuses = [
            client.post(box.url + TOKEN, data={**form, "org_id": "org-2"}, auth=auth).status_code
            for client in (first, second, first, second)
        ]
        assert 2 == len({seen.peer_port for seen in box.requests})
    assert [403, 200, 403, 200] == statuses


def test_control_needs_its_token(ask_socket: Ask) -> None:
    """The control API refuses everyone but the one who started the sandbox."""
    asker = ask_socket()
    wrong: list[dict[str, str]] = [{}, {"X-Sandbox-Token": "guess"}]
    assert [403, 403] == [asker.request("GET", "/sandbox/state", headers=given).status_code for given in wrong]


def test_control_mends(ask_socket: Ask) -> None:
    """A grant given through the control API works at once; state and requests show it without secret or token."""
    asker = ask_socket()
    control = {"X-Sandbox-Token": asker.box.control_token}
    assert 403 == asker.token(scope="b").status_code
    change = {"org": "secondary", "scope": "b", "granted": True}
    assert 200 == asker.request("POST", "/sandbox/grants", json=change, headers=control).status_code
    granted = asker.token(scope="b")
    assert 200 == granted.status_code
    state = asker.request("GET", "/sandbox/state", headers=control)
    requests = asker.request("GET", "/sandbox/requests", headers=control)
    assert [["a", "b"]] == state.json()["orgs"]["secondary"]["granted"]
    assert [(TOKEN, 403), (TOKEN, 200)] == [(seen["path"], seen["status"]) for seen in requests.json()]
    hidden = [*SECRETS.values(), granted.json()["access_token"], asker.box.control_token]
    assert not [text for text in hidden if text in state.text + requests.text + repr(asker.box.scenario)]


@pytest.mark.parametrize("change", [{"org": "nowhere", "scope": "b", "granted": True}, {"org": "secondary"}, []])
def test_control_refuses_nonsense(ask: Ask, change: Any) -> None:
    """A change that makes no sense is a 400 that says what to send."""
    asker = ask()
    control = {"X-Sandbox-Token": asker.box.control_token}
    assert 400 == asker.request("POST", "/sandbox/grants", json=change, headers=control).status_code


def test_requests_hold_times_of_this_process(ask_socket: Ask) -> None:
    """A record's monotonic times lie within the caller's, and its scope is as sent."""
    asker = ask_socket()
    start_s = time.monotonic()
    asker.token(scope="a b")
    (seen,) = asker.box.requests
    assert start_s <= seen.started_s <= seen.ended_s <= time.monotonic()
    assert ("secondary-client", "secondary", "a b") == (seen.client_id, seen.org, seen.scope)


def test_folder_is_private_and_goes() -> None:
    """Folder and .env are the owner's alone, hold what the analyst holds, and go when the sandbox stops."""
    with Sandbox("secret-encoding") as box:
        folder, secrets = box.folder, box.scenario.secrets
        assert (0o700, 0o600) == (folder.stat().st_mode & 0o777, (folder / ".env").stat().st_mode & 0o777)
        assert secrets == dotenv_values(folder / ".env")
        assert box.investigation_file.read_text().startswith("# Sandbox: a simulation")
        assert {".env", "investigation.yaml"} == set(os.listdir(folder))
    assert not folder.exists()


def test_async_with() -> None:
    """Entered from a running loop, it serves that loop's own client and stops."""

    async def once() -> int:
        async with Sandbox("story") as box, httpx.AsyncClient() as client:
            return (await client.get(box.url + TOKEN)).status_code

    assert 405 == asyncio.run(once())


def test_stops_with_open_connections() -> None:
    """An idle connection does not hold it up, and its port can be taken again at once."""
    with httpx.Client() as client:
        with Sandbox("story") as box:
            client.get(box.url + TOKEN)
            port = int(box.url.rpartition(":")[2])
            start_s = time.monotonic()
        assert time.monotonic() - start_s < 1
    with Sandbox("story", port=port) as box:
        assert f"http://127.0.0.1:{port}" == box.url


def test_port_taken() -> None:
    """A taken port is an OSError when it starts."""
    with Sandbox("story") as box, pytest.raises(OSError):
        Sandbox("story", port=int(box.url.rpartition(":")[2])).start()


@pytest.mark.parametrize("url", ["http://idp.example", "http://127.0.0.1.example", "ftp://localhost", "localhost:80"])
def test_base_url_is_loopback(url: str) -> None:
    """A base URL beyond loopback is refused."""
    with pytest.raises(ValueError, match="loopback"):
        Sandbox("story", base_url=url)
