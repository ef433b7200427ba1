"""Microsoft Entra ID: a tenant is an org; app roles decide, and one scope, `<resource>/.default`, asks for all of them.

Sources (Microsoft's "Authentication and authorization error codes" and its page on the client credentials flow) stand
on the page. Its texts may change, as Microsoft says, so the number of an answer counts before its words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from ..records import Exchange, Org
from .oauth2 import About, OAuth2, Reading, Reply

__all__ = ["Entra", "code_in"]

_DEFAULT = "/.default"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NO_TENANT = ("common", "organizations", "consumers")

#: What a number is about; others are read by their OAuth code.
_ABOUT: dict[str, About] = {
    **dict.fromkeys(("700016", "7000215", "7000222", "7000112", "700027", "7000218", "7000216", "700025"), "client"),
    **dict.fromkeys(("70011", "1002012", "28000", "700022", "65001", "650057", "500011", "50001"), "scope"),
    **dict.fromkeys(("90002", "900023", "90019", "90038", "9001023"), "endpoint"),
    **dict.fromkeys(("700051", "700054", "70003"), "grant"),
}


class Entra(OAuth2):
    """Entra ID: ``tenant:`` names the token endpoint, ``permissions:`` the app roles that a token must carry."""

    name = "entra"
    org_keys = frozenset({"tenant", "org_id", "permissions"})
    url_from = "`tenant:`"
    clients_belong_to_orgs = False  # one app serves many; the address decides whose token comes back
    correlation_headers = ("x-ms-request-id", *OAuth2.correlation_headers)

    def complete(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """``https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token``; sovereign clouds by ``token_url``."""
        tenant = keys.get("tenant")
        made = f"https://login.microsoftonline.com/{quote(str(tenant), safe='')}/oauth2/v2.0/token" if tenant else None
        url = keys.get("token_url") or made
        if url is None:
            return {}
        added: dict[str, Any] = {"token_url": url}
        if str(url).endswith("/oauth2/v2.0/token"):
            added["authorization_url"] = str(url).removesuffix("/token") + "/authorize"
        return added

    def needs(self, keys: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """A tenant of its own, one scope of the right form, and the roles without which nothing can be compared."""
        found = []
        tenant = keys.get("tenant") or tenant_in(str(keys.get("token_url") or ""))
        if str(tenant).lower() in _NO_TENANT:
            key = "tenant" if keys.get("tenant") else "token_url"
            fix = "Give the directory's id or its domain"
            found.append((key, f"{tenant} names no tenant, and the app's own is none of the customer's", fix))
        if keys.get("grant_type", "client_credentials") != "client_credentials":
            return found
        scopes = [str(scope) for scope in keys.get("scopes") or ()]
        other = [scope for scope in scopes if not scope.endswith(_DEFAULT)]
        if other:
            fix = "Ask for `<resource>/.default` alone, and name the app roles as `permissions`"
            found.append(("scopes", f"{other[0]!r} has no meaning with client credentials here", fix))
        elif len(set(scopes)) > 1:
            what = f"{len(set(scopes))} resources, and a request takes one"
            found.append(("scopes", what, "Make an org of each resource, with the same tenant and client"))
        if not keys.get("permissions"):
            fix = "Add the app roles that the integration needs, e.g. `permissions: [User.Read.All]`"
            found.append(("permissions", "none named: app roles decide access here, and nothing is compared", fix))
        return found

    def isolates(self, org: Org) -> bool:
        """`.default` stands for all roles: there is nothing to ask for one by one."""
        return org.grant_type != "client_credentials"

    def read(self, reply: Reply, requested: tuple[str, ...] | None) -> Reading:
        """The number stands in the description; where it is cut off there, `error_codes` has it too."""
        reading = super().read(reply, requested)
        payload = reply.payload or {}
        number = code_in(reading.error_description) or _listed(payload)
        if number and code_in(reading.error_description) is None:
            reading = replace(reading, error_description=f"AADSTS{number}: {reading.error_description or ''}".strip())
        ids = [
            f"{name} {payload[name]}" for name in ("trace_id", "correlation_id") if isinstance(payload.get(name), str)
        ]
        return replace(reading, correlation_id=", ".join(ids)[:200] or reading.correlation_id)

    def with_claims(self, reading: Reading, claims: Mapping[str, Any], requested: tuple[str, ...] | None) -> Reading:
        """`roles` beside what was asked for: a token with `.default` and without `roles` carries no app role."""
        reading = replace(reading, token_org=self.org_claimed(claims))
        if reading.scope_stated or not any(scope.endswith(_DEFAULT) for scope in requested or ()):
            return reading
        roles = claims.get("roles")
        told = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
        return replace(reading, scope_granted=tuple(dict.fromkeys((*(requested or ()), *told))))

    def permissions_carried(self, row: Exchange) -> tuple[str, ...] | None:
        """The roles that stand beside what was asked for."""
        asked = row.scope_requested or ()
        if row.scope_stated or row.scope_granted is None or not any(scope.endswith(_DEFAULT) for scope in asked):
            return None
        return tuple(name for name in row.scope_granted if name not in asked)

    def org_claimed(self, claims: Mapping[str, Any]) -> str | None:
        """`tid`: the tenant that issued the token."""
        tenant = claims.get("tid")
        return tenant.lower() if isinstance(tenant, str) and _GUID.fullmatch(tenant) else None

    def org_meant(self, org: Org) -> str | None:
        """``org_id``, or the tenant where it is an id: a domain does not tell it."""
        named = (org.org_id, org.settings.get("tenant"), tenant_in(org.token_url))
        return next((each.lower() for each in named if each and _GUID.fullmatch(each)), None)

    def about(self, status: int | None, error: str | None, says: str | None) -> About:
        """By its number first; `invalid_client` and `unauthorized_client` stand for many things."""
        return _ABOUT.get(code_in(says) or "") or super().about(status, error, says)

    def client_fault(self, says: str | None) -> Literal["unknown_client", "wrong_secret"] | None:
        """700016: no such application in this tenant. 7000215, 7000222: a wrong secret, an expired one."""
        number = code_in(says)
        if number == "700016":
            return "unknown_client"
        return "wrong_secret" if number in ("7000215", "7000222") else None

    def says_disabled(self, says: str | None) -> bool:
        """7000112."""
        return code_in(says) == "7000112"

    def says_unknown_scope(self, says: str | None) -> bool:
        """Never: a resource that is unknown to a tenant (500011) may only lack consent there."""
        return False

    def says_wrong_region(self, says: str | None) -> bool:
        """90038: the tenant lives in another national cloud, which has hosts of its own."""
        return code_in(says) == "90038"

    def says_no_meaning(self, says: str | None) -> bool:
        """1002012: client credentials take `.default` alone."""
        return code_in(says) == "1002012"


def code_in(says: str | None) -> str | None:
    """The number of an answer's text.

    >>> code_in("AADSTS700016: Application with identifier 'app' was not found."), code_in("AADSTS is down")
    ('700016', None)
    """
    match = re.search(r"\bAADSTS(\d{4,8})\b", says or "")
    return match[1] if match else None


def tenant_in(url: str) -> str | None:
    """The first part of the path of a token URL.

    >>> tenant_in("https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token")
    'contoso.example'
    """
    match = re.match(r"/([^/]+)/oauth2/", urlsplit(url).path)
    return match[1] if match else None


def _listed(payload: Mapping[str, Any]) -> str | None:
    codes = payload.get("error_codes")
    first = codes[0] if isinstance(codes, list) and codes else None
    return str(first) if isinstance(first, int) and not isinstance(first, bool) and 0 < first < 10**8 else None
