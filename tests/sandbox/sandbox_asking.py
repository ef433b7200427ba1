"""The base scenario of these tests, and how they ask a sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import httpx

from orgscope_kit.simulator import Sandbox, Scenario, parse

TOKEN = "/api/v2/oauth/token"
ORG_IDS = {"primary": "org-1", "secondary": "org-2"}
SECRETS = {"primary": "sandbox-primary-secret-aa01bb02", "secondary": "sandbox-secondary-secret-cc03dd04"}
BASE: dict[str, Any] = {
    "title": "A test",
    "story": "Two orgs.",
    "integration": {"kind": "global", "home": "primary"},
    "orgs": {
        "primary": {
            "org_id": "org-1",
            "granted": ["a", "b", "c"],
            "client": {"id": "primary-client", "secret": SECRETS["primary"], "redirect_uris": ["https://x.example/"]},
        },
        "secondary": {
            "org_id": "org-2",
            "granted": ["a"],
            "client": {"id": "secondary-client", "secret": SECRETS["secondary"]},
        },
    },
    "investigation": {
        "scopes": ["a", "b", "c"],
        "orgs": {
            "primary": {"token_url": "{base}/api/v2/oauth/token", "client_secret": {"dotenv": "PRIMARY_SECRET"}},
            "secondary": {"token_url": "{base}/api/v2/oauth/token", "client_secret": {"dotenv": "SECONDARY_SECRET"}},
        },
    },
    "secrets": {"PRIMARY_SECRET": SECRETS["primary"], "SECONDARY_SECRET": SECRETS["secondary"]},
    "truth": {"primary": {"cause": "works"}, "secondary": {"cause": "scope_not_granted", "scopes": ["b", "c"]}},
}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` laid over it, mappings key by key."""
    result = dict(deepcopy(base))
    for key, value in changes.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, Mapping) else value
    return result


def scenario(**changes: Any) -> Scenario:
    """The base scenario with ``changes``."""
    return parse(merged(BASE, changes))


class Asker:
    """Asks a sandbox, over its socket or through its app."""

    def __init__(self, box: Sandbox, http: httpx.Client | None) -> None:
        self.box = box
        self._http = http

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Any request."""
        if self._http is not None:
            return self._http.request(method, self.box.url + path, **given)
        return asyncio.run(self._through_app(method, path, **given))

    async def _through_app(self, method: str, path: str, **given: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.box.app)
        async with httpx.AsyncClient(transport=transport, base_url=self.box.url) as client:
            return await client.request(method, path, **given)

    def token(
        self, org: str = "secondary", scope: str | None = "a", context: str | None = "own", **form: Any
    ) -> httpx.Response:
        """A token request of ``org``'s client, in the ``context`` of an org, its own by default."""
        data = {"grant_type": "client_credentials", **form}
        if scope is not None:
            data["scope"] = scope
        if context is not None:
            data["org_id"] = ORG_IDS[org if context == "own" else context]
        return self.request("POST", TOKEN, data=data, auth=(f"{org}-client", SECRETS[org]))

    def me(self, answer: httpx.Response) -> dict[str, Any]:
        """What the token of ``answer`` is bound to."""
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        found: dict[str, Any] = self.request("GET", "/api/v2/tokens/me", headers=bearer).json()
        return found


Ask = Callable[..., Asker]
