"""Auth0: a tenant is a domain; its Organizations are orgs, named by a parameter of the token request.

Sources (Auth0's documentation, its SDKs, answers quoted by its users) stand on the page. What it answers where an
organization is refused is documented nowhere that we found: its words are read loosely, and nothing definite follows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..records import Org, Probe
from .oauth2 import About, OAuth2
from .origins import origin

__all__ = ["Auth0"]

_NOT_ADMITTED = re.compile(r"\bnot\b.{0,40}\b(authori[sz]ed|associated|granted|allowed|permitted|enabled|member)\b")
_NO_GRANT = re.compile(r"need to create a .{0,4}client.grant|not authorized to access (resource server )?[\"']")


class Auth0(OAuth2):
    """Auth0: ``domain:`` names the token endpoint, ``audience:`` the API, ``org_id:`` the organization."""

    name = "auth0"
    org_keys = frozenset({"domain", "audience", "org_id"})
    url_from = "`domain:`"
    has_org_parameter = True
    org_parameter = "organization"
    clients_belong_to_orgs = False  # an application is the tenant's; organizations admit it, or do not
    correlation_headers = ("x-auth0-requestid", *OAuth2.correlation_headers)

    def complete(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """``https://<domain>/oauth/token``, the authorization endpoint at ``/authorize``."""
        host = origin(keys, "domain")
        url = keys.get("token_url") or (f"{host}/oauth/token" if host else None)
        if url is None:
            return {}
        added: dict[str, Any] = {"token_url": url}
        if str(url).endswith("/oauth/token"):
            added["authorization_url"] = str(url).removesuffix("/oauth/token") + "/authorize"
        return added

    def needs(self, keys: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """The API that the token is for; and the organization's id, by which a token is known again."""
        found = []
        if keys.get("grant_type", "client_credentials") == "client_credentials" and not keys.get("audience"):
            fix = "Add the API's identifier, e.g. `audience: https://api.example`"
            found.append(("audience", "none named: the tenant's default audience decides, where it has one", fix))
        if keys.get("org_id") and not str(keys["org_id"]).startswith("org_"):
            what = f"{keys['org_id']!r} is an organization's name: a token's org cannot be compared with it"
            found.append(("org_id", what, "Write the id, which begins with `org_`"))
        return found

    def form(self, org: Org, probe: Probe) -> list[tuple[str, str]]:
        """As RFC 6749 §4.4.2, with ``audience`` and ``organization`` (authentication API, client credentials)."""
        pairs = super().form(org, probe)
        audience = org.settings.get("audience") or getattr(org, "audience", None)
        named = audience is None or any(key == "audience" for key, _ in pairs)
        return pairs if named else [*pairs, ("audience", str(audience))]

    def org_meant(self, org: Org) -> str | None:
        """The organization's id; its name says nothing of the ``org_id`` in a token."""
        return org.org_id if (org.org_id or "").startswith("org_") else None

    def about(self, status: int | None, error: str | None, says: str | None) -> About:
        """An application without a client grant, or one that an organization does not admit, lacks a grant there."""
        text = (says or "").lower()
        if error in ("access_denied", "unauthorized_client", "invalid_request"):
            if _NO_GRANT.search(text):
                return "scope"
            if "organization" in text:
                return "scope" if _NOT_ADMITTED.search(text) else "context"
        return super().about(status, error, says)
