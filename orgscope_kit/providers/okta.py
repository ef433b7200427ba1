"""Okta: an org is a domain, and has one or several authorization servers.

Sources (Okta's developer reference and support articles) stand on the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .oauth2 import OAuth2
from .origins import origin

__all__ = ["Okta"]

#: What the file calls the org authorization server, whose path names none.
_ORG_SERVER = "org"


class Okta(OAuth2):
    """Okta: ``domain:`` and ``authorization_server:`` (``default`` unless said otherwise) name the token endpoint."""

    name = "okta"
    org_keys = frozenset({"domain", "authorization_server"})
    url_from = "`domain:`"
    #: What its support asks for (developer reference, "Request debugging").
    correlation_headers = ("x-okta-request-id", *OAuth2.correlation_headers)

    def complete(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """``https://<domain>/oauth2/<server>/v1/token``; the org authorization server has no name in the path."""
        url, added = keys.get("token_url"), dict[str, Any]()
        host = origin(keys, "domain")
        if url is None and host:
            server = str(keys.get("authorization_server") or "default")
            added["authorization_server"] = server
            part = "" if server == _ORG_SERVER else f"/{quote(server, safe='')}"
            url = f"{host}/oauth2{part}/v1/token"
        if url is None:
            return {}
        added["token_url"] = url
        if str(url).endswith("/v1/token"):
            added["authorization_url"] = str(url).removesuffix("/token") + "/authorize"
        return added

    def needs(self, keys: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """The admin console's host; and how service apps show who they are at the org authorization server."""
        found = []
        domain = str(keys.get("domain") or "")
        admin = re.match(r"(?:https://)?([^.]+)-admin(\.[^/]+)", domain)
        if admin:
            what = f"{domain} is the admin console, which issues no tokens"
            found.append(("domain", what, f"Write {admin[1]}{admin[2]}"))
        server = str(keys.get("token_url") or "").partition("/oauth2/")[2]
        grant = keys.get("grant_type", "client_credentials")
        if server == "v1/token" and grant == "client_credentials" and keys.get("auth_method") != "private_key_jwt":
            what = "the org authorization server takes service apps by private_key_jwt only, and knows no custom scopes"
            fix = "Name a custom `authorization_server`, or set `auth_method: private_key_jwt`"
            found.append(("authorization_server", what, fix))
        return found
