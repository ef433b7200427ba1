"""Genesys Cloud as it really is (FACTS: read in the vendor's SDK, provider and docs, unless marked otherwise).

Client-credentials clients carry roles, not scopes: what they may do shows at the API, not at the token endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from ..records import Org, Probe
from .oauth2 import About, Inspection, OAuth2, Reading, Reply
from .regions import DOMAINS
from .revocation import Revocation

__all__ = ["Genesys", "allows"]


class Genesys(OAuth2):
    """Genesys Cloud: ``region:`` names the host, ``permissions:`` what the client must be allowed."""

    name = "genesys"
    org_keys = frozenset({"org_id", "region", "permissions"})
    url_from = "`region:`"
    # What the vendor's support asks for (developer documentation, "API responses").
    correlation_headers = ("inin-correlation-id", *OAuth2.correlation_headers)

    def complete(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """``region: us-east-1``, its domain, or "US1" gives the URLs of ``login.<domain>``."""
        domain = domain_of(keys.get("region"))
        url = keys.get("token_url") or (f"https://login.{domain}/oauth/token" if domain else None)
        if url is None:
            return {}
        added = {"token_url": url}
        if str(url).endswith("/oauth/token"):
            added["authorization_url"] = str(url).removesuffix("/token") + "/authorize"
        return added

    def needs(self, keys: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """A region that is none; and ``permissions``, without which a lack of roles cannot be told."""
        found = []
        region = keys.get("region")
        if region and domain_of(region) is None:
            found.append(("region", f"{region!r} is no region of Genesys Cloud", f"Use one of {', '.join(DOMAINS)}"))
        if keys.get("grant_type", "client_credentials") == "client_credentials" and not keys.get("permissions"):
            fix = "Add what the integration needs, e.g. `permissions: [routing:queue:view]`"
            found.append(("permissions", "none named: roles decide access here, and nothing is compared", fix))
        return found

    def scopes_apply(self, org: Org) -> bool:
        """Client-credentials clients have roles and divisions; scopes belong to the other grants."""
        return org.grant_type != "client_credentials"

    def needs_scopes(self, keys: Mapping[str, Any]) -> bool:
        """Not with client credentials."""
        return bool(keys.get("grant_type", "client_credentials") != "client_credentials")

    def form(self, org: Org, probe: Probe) -> list[tuple[str, str]]:
        """As the SDKs send it: no ``scope`` with client credentials, where it has no meaning."""
        pairs = super().form(org, probe)
        return pairs if self.scopes_apply(org) else [pair for pair in pairs if pair[0] != "scope"]

    def inspections(self, org: Org) -> tuple[Inspection, ...]:
        """``tokens/me`` tells the organization and needs no permission; ``subjects/me`` tells the roles."""
        api = api_of(org.token_url)
        found = [Inspection("bearer", f"{api}/api/v2/tokens/me")]
        if org.permissions:
            url = f"{api}/api/v2/authorization/subjects/me?includePermissions=true&includeFullRoles=true"
            found.append(Inspection("bearer", url, "permissions"))
        return (*found, *super().inspections(org))

    def revocation(self, org: Org) -> Revocation | None:
        """``DELETE /api/v2/tokens/me`` ends the token that it is called with (read in the vendor's SDK)."""
        if org.revocation_url or org.grant_type == "refresh_token":
            return super().revocation(org)
        return Revocation("delete", f"{api_of(org.token_url)}/api/v2/tokens/me")

    def read_inspection(self, reply: Reply, how: Inspection) -> Reading:
        """``tokens/me``: ``authorizedScope``, ``organization``; ``subjects/me``: the roles' permission policies."""
        payload = reply.payload
        if payload is not None and how.about == "permissions" and isinstance(payload.get("grants"), list):
            renamed = {"scope": list(permissions_of(payload))}
        elif payload is not None and "authorizedScope" in payload:
            renamed = {**payload, "scope": payload["authorizedScope"]}
        else:
            return super().read_inspection(reply, how)
        return super().read_inspection(Reply(reply.status, reply.headers, renamed, reply.text, False), how)

    def permissions_named(self, payload: Mapping[str, Any]) -> tuple[str, ...]:
        """``messageParams.permissions`` of a 403 ``missing.any.permissions``: "[routing:queue:view]"."""
        params = payload.get("messageParams")
        text = params.get("permissions") if isinstance(params, dict) else None
        return tuple(dict.fromkeys(re.findall(r"[\w*]+(?::[\w*]+)+", text))) if isinstance(text, str) else ()

    def org_of(self, payload: Mapping[str, Any]) -> str | None:
        """``organization.id`` of ``tokens/me``: what the token is bound to."""
        organization = payload.get("organization")
        if isinstance(organization, dict) and isinstance(organization.get("id"), str):
            return str(organization["id"])
        return super().org_of(payload)

    def lacks(self, allowed: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
        """The permissions of ``wanted`` that no policy of ``allowed`` covers; ``*`` stands for any part."""
        return tuple(each for each in wanted if not any(allows(policy, each) for policy in allowed))

    def region_doubt(self, org: Org, others: Sequence[Org]) -> str | None:
        """Where the label names another region than the URL, or the other orgs all live in one that is not this one's.

        A client of another region is refused like one that does not exist (FACTS, second-hand).
        """
        own = region_of(org)
        labelled = regions_in(org.label or "") if own else set()
        if labelled and own not in labelled:
            return f"Its label names {' and '.join(sorted(labelled))}, and it is asked in {own}."
        around = {region_of(other) for other in others if other.name != org.name}
        if own is None or len(around) != 1 or None in around or own in around:
            return None
        return f"It is asked in {own}, while the other orgs of this investigation are in {around.pop()}."

    def is_limited(self, reply: Reply, code: str | None, says: str | None) -> bool:
        """429, or the token endpoint's 400 ``invalid_request`` "rate limit exceeded…" (the SDK's retry rule)."""
        told = code == "invalid_request" and (says or "").lower().startswith("rate limit exceeded")
        return told or super().is_limited(reply, code, says)

    def about(self, status: int | None, error: str | None, says: str | None) -> About:
        """API codes beside RFC 6749's: ``bad.credentials`` and the like are about the client."""
        if error in ("bad.credentials", "authentication.required", "credentials.expired"):
            return "client"
        if error == "not.found":
            return "endpoint"
        return super().about(status, error, says)

    def client_fault(self, says: str | None) -> Literal["unknown_client", "wrong_secret"] | None:
        """ "client not found" or "authentication failed" (developer forum; tests of the vendor's Go client)."""
        text = (says or "").lower().strip(" .")
        if text.startswith("authentication failed"):
            return "wrong_secret"
        return "unknown_client" if text.startswith("client not found") else super().client_fault(says)


def domain_of(region: Any) -> str | None:
    """The domain of a region given by its AWS name, its own domain, or as "US1".

    >>> domain_of("us-east-1"), domain_of("mypurecloud.ie"), domain_of("US1"), domain_of("mars")
    ('mypurecloud.com', 'mypurecloud.ie', 'mypurecloud.com', None)
    """
    text = str(region or "").strip().lower()
    text = "us-east-1" if text == "us1" else text
    return DOMAINS.get(text) or (text if text in DOMAINS.values() else None)


def region_of(org: Org) -> str | None:
    """The AWS name of the region that an org is asked in: by its ``region``, else by the host of its token URL."""
    domain = domain_of(org.region) or (urlsplit(org.token_url).hostname or "").removeprefix("login.")
    return next((region for region, each in DOMAINS.items() if each == domain), None)


def regions_in(text: str) -> set[str]:
    """The regions that a text names, by AWS name, domain or as "US1".

    >>> regions_in("Acme (US1)"), regions_in("acme.mypurecloud.ie"), regions_in("Acme, Bonus1")
    ({'us-east-1'}, {'eu-west-1'}, set())
    """
    words = re.findall(r"[a-z0-9.-]+", text.lower())
    found = {"us-east-1" if word == "us1" else word for word in words}
    named = {region for region in DOMAINS if region in found}
    return named | {
        region for region, each in DOMAINS.items() if any(word == each or word.endswith(f".{each}") for word in found)
    }


def api_of(token_url: str) -> str:
    """The API's origin for a token URL: ``login.<domain>`` has its API at ``api.<domain>``, another host at itself.

    >>> api_of("https://login.mypurecloud.ie/oauth/token"), api_of("http://127.0.0.1:8000/oauth/token")
    ('https://api.mypurecloud.ie', 'http://127.0.0.1:8000')
    """
    parts = urlsplit(token_url)
    host = parts.netloc
    return f"{parts.scheme}://{'api.' + host.removeprefix('login.') if host.startswith('login.') else host}"


def permissions_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Permissions of ``subjects/me`` as ``domain:entity:action``, from the policies of each granted role."""
    found: dict[str, None] = {}
    for grant in payload["grants"]:
        role = grant.get("role") if isinstance(grant, dict) else None
        policies = role.get("policies") if isinstance(role, dict) else None
        for policy in policies if isinstance(policies, list) else ():
            if isinstance(policy, dict) and isinstance(policy.get("actions"), list):
                parts = f"{policy.get('domain')}:{policy.get('entityName')}"
                found.update(dict.fromkeys(f"{parts}:{action}" for action in policy["actions"]))
    return tuple(found)


def allows(policy: str, permission: str) -> bool:
    """Whether ``policy`` covers ``permission``, part by part.

    >>> allows("routing:*:view", "routing:queue:view"), allows("routing:queue:edit", "routing:queue:view")
    (True, False)
    """
    pairs = list(zip(policy.split(":"), permission.split(":"), strict=False))
    return len(policy.split(":")) == len(permission.split(":")) and all(a in ("*", b) for a, b in pairs)
