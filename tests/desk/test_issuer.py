"""What an issuer's metadata let the diagnosis say, from the file to the verdict of the saved run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from orgscope_kit.desk.investigation import Investigation
from orgscope_kit.desk.run import Run

ISSUER = "https://auth.example"


class Body(httpx.AsyncByteStream):
    """A body that was not read yet."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


class Server(httpx.AsyncBaseTransport):
    """Grants scope ``a`` alone, refuses any other alike, and publishes ``metadata``."""

    def __init__(self, status: int = 200, **metadata: Any) -> None:
        self._status = status
        self._metadata = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token", **metadata}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer."""
        scopes = parse_qs(request.content.decode()).get("scope", ["a"])[0]
        if request.method == "GET":
            answer = httpx.Response(self._status, json=self._metadata)
        elif scopes == "a":
            answer = httpx.Response(200, json={"access_token": "token-5c1d", "token_type": "Bearer", "scope": "a"})
        else:
            answer = httpx.Response(400, json={"error": "invalid_scope"})
        return httpx.Response(answer.status_code, headers=answer.headers, stream=Body(answer.content))


def asked(folder: Path, server: Server, **keys: Any) -> Run:
    """The run of one org with an issuer, opened again from its folder."""
    (folder / "secret").write_text("the-secret-of-acme", "utf-8")
    org = {"issuer": ISSUER, "client_id": "me", "client_secret": "file:secret", **keys}
    limits = {"rate_per_s": 500, "attempts": 1}
    investigation = Investigation(scopes=["a", "b"], orgs={"acme": org}, limits=limits, folder=folder)
    run = investigation.run_here(out=folder / "runs", transport=server)
    (folder / "secret").unlink()
    return Run.open(run.path)


@pytest.mark.parametrize(
    ("scopes", "cause"),
    [
        (["a", "c"], "scope_unknown"),
        (["a", "b"], "scope_not_granted"),
        (["c", "d"], "inconclusive"),  # it leaves out what is granted: no inventory
        (["openid", "profile"], "inconclusive"),  # OpenID's own scopes alone are none either
        (None, "inconclusive"),
    ],
)
def test_listed_scopes(tmp_path: Path, scopes: list[str] | None, cause: str) -> None:
    """A refused scope is unknown where a list that is whole leaves it out, and not granted where it is listed."""
    server = Server(**({"scopes_supported": scopes} if scopes else {}))
    assert cause == asked(tmp_path, server).diagnosis["acme"].cause


@pytest.mark.parametrize(("status", "cause"), [(404, "wrong_endpoint"), (503, "server_error"), (429, "rate_limited")])
def test_no_metadata(tmp_path: Path, status: int, cause: str) -> None:
    """Where no metadata come, the answer says why, as it would at the token endpoint."""
    assert cause == asked(tmp_path, Server(status)).diagnosis["acme"].cause


def test_token_url_stays(tmp_path: Path) -> None:
    """A token URL in the file is used as it stands, and the org is asked although its issuer has no metadata."""
    run = asked(tmp_path, Server(404), token_url=f"{ISSUER}/token")
    assert {"https://auth.example/token"} == {row.endpoint for row in run.exchanges if row.purpose != "inspect"}
    assert "b" in run.diagnosis["acme"].next_check
