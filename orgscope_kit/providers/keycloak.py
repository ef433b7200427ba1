"""Keycloak: a realm is an org, and stands in the path.

Read in its source (``OAuth2GrantTypeBase``, ``ClientCredentialsGrantType``); see the page for each rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ..records import Org
from .oauth2 import About, OAuth2, Reading, Reply
from .origins import origin

__all__ = ["Keycloak"]


class Keycloak(OAuth2):
    """Keycloak: ``realm:`` and ``base_url:`` (or ``domain:``) name the token endpoint."""

    name = "keycloak"
    org_keys = frozenset({"realm", "base_url", "domain"})
    url_from = "`realm:` and `base_url:`"

    def complete(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """``<base>/realms/<realm>/protocol/openid-connect/token``, the authorization endpoint beside it."""
        base = origin(keys, "base_url", "domain")
        url = keys.get("token_url")
        if url is None and base and keys.get("realm"):
            realm = quote(str(keys["realm"]), safe="")
            url = f"{base}/realms/{realm}/protocol/openid-connect/token"
        if url is None:
            return {}
        added: dict[str, Any] = {"token_url": url}
        if str(url).endswith("/protocol/openid-connect/token"):
            added["authorization_url"] = str(url).removesuffix("/token") + "/auth"
        return added

    def needs(self, keys: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """A realm beside a token URL of another one."""
        url, realm = str(keys.get("token_url") or ""), keys.get("realm")
        if realm and realm_in(url) not in (None, realm):
            what = f"is {realm!r}, and the token URL is of the realm {realm_in(url)!r}"
            return [("realm", what, "Keep one of the two")]
        return []

    def read(self, reply: Reply, requested: tuple[str, ...] | None) -> Reading:
        """ "Invalid scopes: …" repeats the whole request, so it names none (``OAuth2GrantTypeBase``)."""
        reading = super().read(reply, requested)
        echoes = (reading.error_description or "").startswith("Invalid scopes:")
        return replace(reading, named_scopes=()) if echoes else reading

    def org_meant(self, org: Org) -> str | None:
        """The realm of the token URL."""
        return realm_in(org.token_url)

    def org_claimed(self, claims: Mapping[str, Any]) -> str | None:
        """The realm of ``iss``."""
        issuer = claims.get("iss")
        return realm_in(issuer) if isinstance(issuer, str) else None

    def about(self, status: int | None, error: str | None, says: str | None) -> About:
        """The token endpoint of a realm that is none answers 404, its words in ``error``."""
        return "endpoint" if error == "Realm does not exist" else super().about(status, error, says)


def realm_in(url: str) -> str | None:
    """The realm in the path of a URL.

    >>> realm_in("https://sso.example/auth/realms/acme%20eu/protocol/openid-connect/token"), realm_in("https://x/token")
    ('acme eu', None)
    """
    try:
        match = re.search(r"/realms/([^/?#]+)", urlsplit(url).path)
    except ValueError:
        return None
    return unquote(match[1]) if match else None
