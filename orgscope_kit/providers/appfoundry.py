"""The story's dialect: a multi-org AppFoundry integration.

Token endpoint ``/api/v2/oauth/token`` with an ``org_id`` parameter, refusals as 403 ``{"error", "message"}`` (the
story that started the kit; the real Genesys Cloud answers otherwise, see FACTS). ``tokens/me`` on the same host tells
the org
that a token is bound to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from ..records import Org
from .oauth2 import About, Inspection, OAuth2, Reading, Reply

__all__ = ["AppFoundry"]


class AppFoundry(OAuth2):
    """AppFoundry as the story tells it."""

    name = "appfoundry"
    org_keys = frozenset({"org_id", "integration"})
    has_org_parameter = True
    # The header that the vendor's support asks for (Genesys Cloud developer documentation, "API responses").
    correlation_headers = ("inin-correlation-id", *OAuth2.correlation_headers)

    def complete(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """Global unless said otherwise; the authorization endpoint lies beside the token endpoint."""
        added: dict[str, Any] = {"integration": "global"}
        url = keys.get("token_url")
        if isinstance(url, str) and url.endswith("/token"):
            added["authorization_url"] = url.removesuffix("/token") + "/authorize"
        return added

    def needs(self, keys: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """``org_id`` is optional, but without it a global integration's token is bound to its home org."""
        if keys.get("org_id"):
            return []
        return [
            (
                "org_id",
                "no org_id: a token may be bound to the integration's home org",
                "Add the org's own id as `org_id`",
            )
        ]

    def inspections(self, org: Org) -> tuple[Inspection, ...]:
        """``GET /api/v2/tokens/me`` of the same host, which needs no permission; then the file's introspection."""
        parts = urlsplit(org.token_url)
        return (Inspection("bearer", f"{parts.scheme}://{parts.netloc}/api/v2/tokens/me"), *super().inspections(org))

    def read_inspection(self, reply: Reply, how: Inspection) -> Reading:
        """``tokens/me`` has ``authorizedScope`` and ``organization``; RFC 7662's members are read as in OAuth2."""
        payload = reply.payload
        if how.about == "token" and payload is not None and "authorizedScope" in payload:
            renamed = {**payload, "scope": payload["authorizedScope"]}
            reply = Reply(reply.status, reply.headers, renamed, reply.text, reply.has_token)
        return super().read_inspection(reply, how)

    def org_of(self, payload: Mapping[str, Any]) -> str | None:
        """``organization.id`` of ``tokens/me``."""
        organization = payload.get("organization")
        if isinstance(organization, dict) and isinstance(organization.get("id"), str):
            return str(organization["id"])
        return super().org_of(payload)

    def is_limited(self, reply: Reply, code: str | None, says: str | None) -> bool:
        """429, or Genesys Cloud's 400 ``invalid_request`` "rate limit exceeded…" (the retry rule of its SDK)."""
        told = code == "invalid_request" and (says or "").lower().startswith("rate limit exceeded")
        return told or super().is_limited(reply, code, says)

    def about(self, status: int | None, error: str | None, says: str | None) -> About:
        """A refusal whose text speaks of the organization is about the context, not about the grant type."""
        told = error in ("unauthorized_client", "access_denied", "invalid_request")
        if told and re.search(r"organi[sz]ation|\borg_id\b", says or "", re.IGNORECASE):
            return "context"
        return super().about(status, error, says)

    def client_fault(self, says: str | None) -> Literal["unknown_client", "wrong_secret"] | None:
        """Genesys Cloud tells "client not found" from "authentication failed" (developer forum)."""
        if (says or "").lower().strip(" .") == "authentication failed":
            return "wrong_secret"
        return super().client_fault(says)
