"""The base scenario of the ``genesys`` tests, how they ask it, and the vendor's SDK where it is installed."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx
import pytest
from sandbox_asking import Asker, merged

from orgscope_kit.simulator import Scenario, parse

TOKEN = "/oauth/token"
SECRETS = {"primary": "sandbox-primary-secret-aa01bb02", "secondary": "sandbox-secondary-secret-cc03dd04"}
CLIENTS = {"primary": "c11e4700-0000-4000-8000-0000000000a1", "secondary": "c11e4700-0000-4000-8000-0000000000a2"}
REDIRECT = "https://app.vendor.example/callback"
ADMIN = ["oauth:client:view", "oauth:client:authorize", "authorization:role:view"]
GENESYS: dict[str, Any] = {
    "title": "A test",
    "story": "Two orgs.",
    "server": {"dialect": "genesys"},
    "integration": {"kind": "per-org", "home": "primary"},
    "orgs": {
        "primary": {
            "org_id": "org-1",
            "granted": ["routing:readonly", "users"],
            "roles": [
                {"name": "Queues", "permissions": ["routing:queue:view", "routing:queue:edit"]},
                {"name": "Admin", "permissions": ADMIN},
            ],
            "client": {"id": CLIENTS["primary"], "secret": SECRETS["primary"], "redirect_uris": [REDIRECT]},
        },
        "secondary": {
            "org_id": "org-2",
            "roles": [{"name": "Users", "permissions": ["directory:user:view"]}],
            "client": {"id": CLIENTS["secondary"], "secret": SECRETS["secondary"]},
        },
    },
    "investigation": {"orgs": {"primary": {"token_url": "{base}/oauth/token"}}},
    "truth": {"primary": {"cause": "works"}},
}


def scenario(**changes: Any) -> Scenario:
    """The base scenario with ``changes``."""
    return parse(merged(GENESYS, changes))


class GenesysAsker(Asker):
    """Asks the token endpoint as the SDK does, and the API with the token."""

    def login(self, org: str = "primary", secret: str | None = None, **form: str) -> httpx.Response:
        """A client-credentials request of ``org``'s client."""
        data = {"grant_type": "client_credentials", **form}
        return self.request("POST", TOKEN, data=data, auth=(CLIENTS[org], SECRETS[org] if secret is None else secret))

    def get(self, path: str, token: str | httpx.Response, method: str = "GET", **given: Any) -> httpx.Response:
        """An API call with a token, or with that of a successful answer."""
        text = token if isinstance(token, str) else token.json()["access_token"]
        return self.request(method, path, headers={"Authorization": f"Bearer {text}"}, **given)


AskGenesys = Callable[..., GenesysAsker]


def sdk() -> ModuleType:
    """The vendor's SDK: a skip without it, a failure where ``CI`` is set."""
    try:
        import PureCloudPlatformClientV2 as module
    except ImportError as error:
        reason = f"the Genesys SDK is needed (pip install purecloudplatformclientv2): {error}"
        if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
            pytest.fail(f"in CI {reason}", pytrace=False)
        pytest.skip(reason)
    found: ModuleType = module
    return found
