"""The standard authorization server: RFC 6749 token endpoint, RFC 7662 introspection.

Other platforms are subclasses that change what they do otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ..records import Exchange, Org, Outcome, Probe
from ..scopes import join, split
from . import words
from .answer import About, Inspection, Reading, Reply
from .reading import description, error_code, named_scopes, retry_after_s
from .revocation import Revocation

__all__ = ["About", "Inspection", "OAuth2", "Reading", "Reply"]

#: OpenID Connect Core §5.4 and §11.
_OPENID_SCOPES = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class OAuth2:
    """Any server that follows RFC 6749; the default."""

    name = "oauth2"
    #: Keys of an org in the investigation file that mean something to this provider only.
    org_keys: frozenset[str] = frozenset()
    #: Those of them from which the token URL follows, as an analyst would write them; empty where none does.
    url_from = ""
    #: Whether a token request can name the org it is meant for, and the parameter that does.
    has_org_parameter = False
    org_parameter = "org_id"
    #: Whether a client is made in an org and belongs to it, so that a refusal for an org can mean another one's client.
    clients_belong_to_orgs = True
    #: Headers in which the server gives the id of an exchange, for its support.
    correlation_headers: tuple[str, ...] = ("x-correlation-id", "x-request-id", "request-id")

    def complete(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """What follows from an org's ``keys`` in the file, e.g. a URL from a region: keys to add where absent."""
        return {}

    def needs(self, keys: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """What the provider misses in ``keys``: (key, what is wrong, fix). Each is a warning."""
        return []

    def form(self, org: Org, probe: Probe) -> list[tuple[str, str]]:
        """The parameters of the token request, without client authentication (RFC 6749 §4.4.2)."""
        pairs = [("grant_type", org.grant_type)]
        if probe.scopes is not None:
            pairs.append(("scope", join(probe.scopes)))
        if self.has_org_parameter and probe.org_id:
            pairs.append((self.org_parameter, probe.org_id))
        return pairs

    def inspections(self, org: Org) -> tuple[Inspection, ...]:
        """How a token of ``org`` can be inspected, best first; of each ``about`` the first that answers is enough."""
        found = [Inspection("introspect", org.introspection_url)] if org.introspection_url else []
        return (*found, Inspection("bearer", org.resource_url, "resource")) if org.resource_url else tuple(found)

    def revocation(self, org: Org) -> Revocation | None:
        """How a token that was minted for ``org`` is ended once it has been looked at; ``None`` where no way is known.

        The access token of a refresh token is left alone: its end may end the whole grant (RFC 7009 §2.1).
        """
        if org.revocation_url is None or org.grant_type == "refresh_token":
            return None
        return Revocation("revoke", org.revocation_url)

    def scopes_apply(self, org: Org) -> bool:
        """Whether scopes mean anything in the org's token requests."""
        return True

    def names_scopes(self, org: Org) -> bool:
        """Whether the org's token requests name scopes; where not, a token brings all that is granted."""
        return True

    def isolates(self, org: Org) -> bool:
        """Whether scopes can be asked for one by one, to see which of them is refused."""
        return True

    def needs_scopes(self, keys: Mapping[str, Any]) -> bool:
        """Whether an org with these ``keys`` must name the scopes that it asks for."""
        return True

    def lacks(self, allowed: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
        """The permissions of ``wanted`` that ``allowed`` does not cover."""
        return tuple(each for each in wanted if each not in allowed)

    def read(self, reply: Reply, requested: tuple[str, ...] | None) -> Reading:
        """Read an answer of the token endpoint to a request for ``requested``."""
        correlation = self.correlation_id(reply)
        if reply.has_token and 200 <= reply.status < 300:
            return self._read_token(reply, requested, correlation)
        payload = reply.payload or {}
        code, says = error_code(payload), description(payload)
        if code is None and says is None:
            says = self._plain_text(reply)
        member = payload.get("scope")  # oidc-provider names it there
        text = f"{says or ''} scope: {member}" if isinstance(member, str) else says
        named = named_scopes(text, requested or ())
        wait = retry_after_s(reply.headers.get("retry-after"))
        outcome: Outcome
        if self.is_limited(reply, code, says):
            outcome = "limited"
        elif reply.status >= 500 or code in ("server_error", "temporarily_unavailable"):
            outcome = "failed"
        elif reply.status >= 300 or code is not None:
            outcome = "refused"
        else:
            outcome = "unreadable"  # 2xx, and neither a token nor an error
        return Reading(outcome, code, says, named, retry_after_s=wait, correlation_id=correlation)

    def _read_token(self, reply: Reply, requested: tuple[str, ...] | None, correlation: str | None) -> Reading:
        payload = reply.payload or {}
        stated = isinstance(payload.get("scope"), str | list)
        granted = _scopes_of(payload.get("scope")) if stated else None
        asked = set(requested or ())
        if granted and len(granted) == 1 and asked & (parts := set(granted[0].split(","))):
            granted = tuple(part for part in granted[0].split(",") if part in parts and part)  # GitHub's comma
        narrowed = granted is not None and not asked <= set(granted)
        expires = payload.get("expires_in")
        return Reading(
            "narrowed" if narrowed else "granted",
            scope_granted=granted,
            scope_stated=stated,
            expires_in_s=_seconds(expires),
            correlation_id=correlation,
        )

    def read_inspection(self, reply: Reply, how: Inspection) -> Reading:
        """Read an answer about a token: RFC 7662 §2.2 members."""
        if how.about == "resource":
            return self._read_resource(reply)
        payload, kind = reply.payload, how.kind
        correlation = self.correlation_id(reply)
        if not (200 <= reply.status < 300) or payload is None:
            outcome: Outcome = "failed" if reply.status >= 500 else "refused" if reply.status >= 300 else "unreadable"
            return Reading(outcome, error_code(payload or {}), description(payload or {}), correlation_id=correlation)
        if kind == "introspect" and payload.get("active") is not True:
            return Reading("refused", "inactive", "the server calls its own token inactive", correlation_id=correlation)
        scope = payload.get("scope")
        granted = _scopes_of(scope) if isinstance(scope, str | list) else None
        return Reading(
            "granted", scope_granted=granted, scope_stated=granted is not None,
            token_org=self.org_of(payload), correlation_id=correlation,
        )  # fmt: skip

    def _read_resource(self, reply: Reply) -> Reading:
        """Whether a resource opens; RFC 6750 §3.1 tells a refusal's code and scope in ``WWW-Authenticate``."""
        correlation = self.correlation_id(reply)
        if 200 <= reply.status < 300:
            return Reading("granted", correlation_id=correlation)
        challenge = dict(_CHALLENGE.findall(reply.headers.get("www-authenticate", "")))
        payload = reply.payload or {}
        code = challenge.get("error") or error_code(payload)
        says = challenge.get("error_description") or description(payload) or self._plain_text(reply)
        limited = self.is_limited(reply, code, says)
        outcome: Outcome = "limited" if limited else "failed" if reply.status >= 500 else "refused"
        wanted = split(challenge.get("scope", "")) or self.permissions_named(payload)
        wait = retry_after_s(reply.headers.get("retry-after"))
        return Reading(outcome, code, says, wanted, retry_after_s=wait, correlation_id=correlation)

    def permissions_named(self, payload: Mapping[str, Any]) -> tuple[str, ...]:
        """The permissions whose lack a resource's refusal names."""
        return ()

    def org_of(self, payload: Mapping[str, Any]) -> str | None:
        """The id of the org that an inspected token is bound to, where the answer says so."""
        for key in ("org_id", "organization_id", "organization", "tenant"):
            value = payload.get(key)
            if isinstance(value, str) and value:
                return value
        return None

    def org_meant(self, org: Org) -> str | None:
        """The id that a token of ``org`` must be bound to, in the form that answers have it; ``None`` if not known."""
        return org.org_id

    def with_claims(self, reading: Reading, claims: Mapping[str, Any], requested: tuple[str, ...] | None) -> Reading:
        """``reading`` and what the token itself says: its scopes, where the answer stated none, and its org.

        The claims are not verified: they are evidence of what the server put in, and nothing is decided by them but
        what is reported. ``scope_stated`` stays what the answer said.
        """
        told = None if reading.scope_stated else self.scopes_claimed(claims, requested)
        if told is not None:
            narrowed = not set(requested or ()) <= set(told)
            reading = replace(reading, scope_granted=told, outcome="narrowed" if narrowed else "granted")
        return replace(reading, token_org=reading.token_org or self.org_claimed(claims))

    def scopes_claimed(self, claims: Mapping[str, Any], requested: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """The scopes of a JWT: ``scope`` (RFC 9068 §2.2.3) or ``scp``; ``None`` where it does not tell.

        Scopes of OpenID Connect act on the ID token and on refresh tokens: an access token need not repeat them, so a
        JWT that lacks one of those asked for is not taken for an answer.
        """
        found = next((claims[name] for name in ("scope", "scp") if isinstance(claims.get(name), str | list)), None)
        if found is None:
            return None
        told = _scopes_of(found)
        if any("," in each for each in told):
            return None  # in a form of the server's own
        return None if (set(requested or ()) - set(told)) & _OPENID_SCOPES else told

    def org_claimed(self, claims: Mapping[str, Any]) -> str | None:
        """The id of the org that a JWT names; `organization` and `tenant` can be names there, and do not count."""
        named = (claims.get(key) for key in ("org_id", "organization_id"))
        return next((each for each in named if isinstance(each, str) and each), None)

    def permissions_carried(self, row: Exchange) -> tuple[str, ...] | None:
        """The permissions that a token answer shows the token to carry; ``None`` where it shows none of it."""
        return None

    def is_limited(self, reply: Reply, code: str | None, says: str | None) -> bool:
        """Whether the server asks us to slow down (RFC 6585 §4)."""
        return reply.status == 429

    def correlation_id(self, reply: Reply) -> str | None:
        """The id that the server's support asks for."""
        return next((reply.headers[name][:200] for name in self.correlation_headers if name in reply.headers), None)

    def about(self, status: int | None, error: str | None, says: str | None) -> About:
        """What a refusal is about, by its code, status and words alone; ``other`` where they do not tell."""
        return words.about(status, error, says)

    def client_fault(self, says: str | None) -> Literal["unknown_client", "wrong_secret"] | None:
        """Which half of the credential an ``invalid_client`` speaks of, where its text tells them apart.

        Only a text that names one half and not the other counts; many servers answer both with one sentence.
        """
        return words.client_fault(says)

    def says_disabled(self, says: str | None) -> bool:
        """Whether a refusal's text says that the client is disabled, and nothing else."""
        return words.says_disabled(says)

    def says_unknown_scope(self, says: str | None) -> bool:
        """Whether a refusal's text says that a scope does not exist, as against not being granted."""
        return words.says_unknown_scope(says)

    def says_no_meaning(self, says: str | None) -> bool:
        """Whether a refusal's text says that such a scope has no meaning for the grant that is asked for."""
        return False

    def says_wrong_region(self, says: str | None) -> bool:
        """Whether a refusal's text says that the org lives in another region."""
        return words.says_wrong_region(says)

    def region_doubt(self, org: Org, others: Sequence[Org]) -> str | None:
        """A sentence where the investigation itself makes the org's region doubtful."""
        return None

    def _plain_text(self, reply: Reply) -> str | None:
        """A body that is no JSON object, as evidence: what it looks like, never parsed."""
        if not reply.text:
            return None
        kind = "HTML page" if reply.text.lstrip()[:1] == "<" else "text"
        words = re.sub(r"<[^>]*>|\s+", " ", reply.text)
        return f"({kind}) {' '.join(words.split())}"[:200].strip()


def _scopes_of(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return split(value)
    return tuple(dict.fromkeys(each for each in value if isinstance(each, str)))


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value) else None
