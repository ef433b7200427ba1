"""Salesforce: an org is a My Domain host; the app's own list of scopes decides, not the request.

Sources (Salesforce's blog and help, answers quoted by its users) stand on the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ..records import Org, Probe
from .oauth2 import About, OAuth2, Reading, Reply
from .origins import origin

__all__ = ["Salesforce"]

_ORG_ID = re.compile(r"/id/(00D[A-Za-z0-9]{12})(?:[A-Za-z0-9]{3})?/")
#: What `full` covers, by Salesforce's list of OAuth scopes; never `refresh_token`.
_FULL = (
    "api", "web", "id", "profile", "email", "address", "phone", "openid", "chatter_api", "content",
    "custom_permissions", "lightning", "visualforce", "wave_api",
)  # fmt: skip
_FLOW_OFF = re.compile(r"no client credentials user enabled|client credentials flow not enabled")


class Salesforce(OAuth2):
    """Salesforce: ``domain:`` is the org's My Domain host."""

    name = "salesforce"
    org_keys = frozenset({"domain", "org_id"})
    url_from = "`domain:`"
    clients_belong_to_orgs = False  # one app serves many; the address decides whose token comes back

    def complete(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """``https://<domain>/services/oauth2/token``, the authorization endpoint beside it."""
        host = origin(keys, "domain")
        url = keys.get("token_url") or (f"{host}/services/oauth2/token" if host else None)
        if url is None:
            return {}
        added: dict[str, Any] = {"token_url": url}
        if str(url).endswith("/services/oauth2/token"):
            added["authorization_url"] = str(url).removesuffix("/token") + "/authorize"
        return added

    def needs(self, keys: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """The client-credentials flow is served at the My Domain host only."""
        host = urlsplit(str(keys.get("token_url") or "")).hostname or ""
        flow = keys.get("grant_type", "client_credentials") == "client_credentials"
        if flow and host in ("login.salesforce.com", "test.salesforce.com"):
            key = "domain" if keys.get("domain") else "token_url"
            what = f"{host} does not serve the client-credentials flow"
            return [(key, what, "Give the org's My Domain host, e.g. `domain: acme.my.salesforce.com`")]
        return []

    def names_scopes(self, org: Org) -> bool:
        """Not at the token endpoint: `scope` is refused there, and a token brings all scopes of the app."""
        return org.grant_type == "authorization_code"

    def form(self, org: Org, probe: Probe) -> list[tuple[str, str]]:
        """Without `scope`, which is refused ("scope parameter not supported")."""
        return [pair for pair in super().form(org, probe) if pair[0] != "scope"]

    def read(self, reply: Reply, requested: tuple[str, ...] | None) -> Reading:
        """The `id` URL of a token answer names the org; `full` and the two names of offline access cover others."""
        reading = super().read(reply, requested)
        if reading.outcome not in ("granted", "narrowed"):
            return reading
        told = reading.scope_granted
        if told is not None:
            told = tuple(dict.fromkeys((*told, *_covered(told))))
            narrowed = not set(requested or ()) <= set(told)
            reading = replace(reading, scope_granted=told, outcome="narrowed" if narrowed else "granted")
        match = _ORG_ID.search(f"{(reply.payload or {}).get('id')}")
        return replace(reading, token_org=match[1] if match else None)

    def org_meant(self, org: Org) -> str | None:
        """The org's id in its form of 15 characters."""
        return org.org_id[:15] if org.org_id and org.org_id.startswith("00D") else None

    def about(self, status: int | None, error: str | None, says: str | None) -> About:
        """`invalid_grant` is used for several things, which its words tell apart."""
        text = (says or "").lower()
        if "request not supported on this domain" in text:
            return "endpoint"
        return "grant" if _FLOW_OFF.search(text) else super().about(status, error, says)


def _covered(told: tuple[str, ...]) -> tuple[str, ...]:
    both = ("refresh_token", "offline_access")
    return (*(_FULL if "full" in told else ()), *(both if set(both) & set(told) else ()))
