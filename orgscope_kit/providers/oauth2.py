"""The standard authorization server: RFC 6749 token endpoint, RFC 7662 introspection.

Other platforms are subclasses that change what they do otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..records import Org, Outcome, Probe
from ..scopes import join, split
from .reading import description, error_code, named_scopes, retry_after_s

__all__ = ["About", "Inspection", "OAuth2", "Reading", "Reply"]

#: What a refusal is about, as far as the answer itself tells.
About = Literal["scope", "client", "grant", "context", "endpoint", "other"]

_ABOUT: dict[str, About] = {
    "invalid_scope": "scope",
    "scope_invalid": "scope",  # seen on a server of the field (FACTS)
    "insufficient_scope": "scope",
    "invalid_client": "client",
    "unauthorized_client": "grant",
    "unsupported_grant_type": "grant",
    "invalid_target": "context",
}

# A word among others ("invalid or unknown scope") says nothing of its own.
_UNKNOWN_SCOPE = re.compile(
    r"(?<!or )(?<!, )(unknown|unrecogni[sz]ed|unsupported|no such|nonexistent) scope"
    r"|scopes?\b.{0,120}(does not exist|do not exist|(is|are) unknown)(?!,| or)"
    r"|scopes?\b.{0,40}not configured for the authori[sz]ation server"  # Okta
)
_SCOPE_WORDS = re.compile(
    r"\bscopes?\b.*\bnot (been )?(granted|authori[sz]ed|allowed|permitted)"
    r"|\bnot (been )?(granted|authori[sz]ed|allowed|permitted)\b.{0,60}\bscopes?\b"
    r"|\binvalid scopes?\b|\bno valid scopes?\b"  # Keycloak; Salesforce
)
_GRANT_WORDS = re.compile(r"\bgrant[ _-]?types?\b|client[ _]credentials (grant|flow)")
_CLIENT_WORDS = re.compile(r"client[ _]authentication|client_secret|authori[sz]ation header|invalid client\b")
_NO_SUCH_CLIENT = re.compile(
    r"client (id |identifier )?(was |is )?(not found|unknown|does not exist|not known)|(unknown|no such) client"
    r"|application with identifier .{0,120}was not found"  # Entra ID, AADSTS700016
)
_WRONG_SECRET = re.compile(
    r"(invalid|wrong|incorrect|bad|mismatched) (client )?secret|secret (is )?(invalid|wrong|incorrect)"
)
_DISABLED = re.compile(r"\bclient( is| was| has been)? (disabled|deactivated|inactive|suspended)")

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer without its token: what a provider reads.

    Attributes:
        status: HTTP status. headers: lower-case names.
        payload: the JSON object of the body with token members taken out; ``None`` where the body is none.
        text: the body as text, redacted and cut; empty for an empty body.
        has_token: whether the body held an ``access_token``.
    """

    status: int
    headers: Mapping[str, str]
    payload: Mapping[str, Any] | None
    text: str
    has_token: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says, in the words of the observations frame (DESIGN §6)."""

    outcome: Outcome
    error: str | None = None
    error_description: str | None = None
    named_scopes: tuple[str, ...] = ()
    scope_granted: tuple[str, ...] | None = None
    scope_stated: bool | None = None
    token_org: str | None = None
    expires_in_s: float | None = None
    retry_after_s: float | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """One way to learn what a token is bound to and may do.

    Attributes:
        kind: ``introspect`` posts the token with the client's own authentication (RFC 7662); ``bearer`` calls the URL
            with it.
        about: what the answer tells of: the ``token``, the client's ``permissions``, or whether a ``resource`` opens.
    """

    kind: Literal["introspect", "bearer"]
    url: str
    about: Literal["token", "permissions", "resource"] = "token"

    @property
    def endpoint(self) -> str:
        """The URL without its query, as exchanges name it."""
        return self.url.partition("?")[0]


class OAuth2:
    """Any server that follows RFC 6749; the default."""

    name = "oauth2"
    #: Keys of an org in the investigation file that mean something to this provider only.
    org_keys: frozenset[str] = frozenset()
    #: Whether a token request can name the org it is meant for.
    has_org_parameter = False
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
        return pairs

    def inspections(self, org: Org) -> tuple[Inspection, ...]:
        """How a token of ``org`` can be inspected, best first; of each ``about`` the first that answers is enough."""
        found = [Inspection("introspect", org.introspection_url)] if org.introspection_url else []
        return (*found, Inspection("bearer", org.resource_url, "resource")) if org.resource_url else tuple(found)

    def scopes_apply(self, org: Org) -> bool:
        """Whether scopes mean anything in the org's token requests."""
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

    def is_limited(self, reply: Reply, code: str | None, says: str | None) -> bool:
        """Whether the server asks us to slow down (RFC 6585 §4)."""
        return reply.status == 429

    def correlation_id(self, reply: Reply) -> str | None:
        """The id that the server's support asks for."""
        return next((reply.headers[name][:200] for name in self.correlation_headers if name in reply.headers), None)

    def about(self, status: int | None, error: str | None, says: str | None) -> About:
        """What a refusal is about, by its code and status alone; ``other`` where they do not tell."""
        code, text = (error or "").lower(), (says or "").lower()
        if code == "unauthorized_client":
            return _about_unauthorized(text)
        if code in _ABOUT:
            return _ABOUT[code]
        if code.startswith("invalid_client"):
            return "client"  # Salesforce says `invalid_client_id`
        if status in (404, 405, 410) or (status is not None and 300 <= status < 400):
            return "endpoint"
        grant, scope = _GRANT_WORDS.search(text), _SCOPE_WORDS.search(text)
        if grant or scope:
            return "other" if grant and scope else "grant" if grant else "scope"
        if status == 401 or _CLIENT_WORDS.search(text):
            return "client"  # RFC 6749 §5.2: 401 is for failed client authentication
        return "client" if error is None and not says and status == 403 else "other"

    def client_fault(self, says: str | None) -> Literal["unknown_client", "wrong_secret"] | None:
        """Which half of the credential an ``invalid_client`` speaks of, where its text tells them apart.

        Only a text that names one half and not the other counts; many servers answer both with one sentence.
        """
        text = (says or "").lower().partition(". ")[0]  # Entra ID goes on with advice
        unknown, wrong = _NO_SUCH_CLIENT.search(text), _WRONG_SECRET.search(text)
        if bool(unknown) == bool(wrong) or re.search(r"\bor\b|\bdisabled\b", text):
            return None
        return "unknown_client" if unknown else "wrong_secret"

    def says_disabled(self, says: str | None) -> bool:
        """Whether a refusal's text says that the client is disabled, and nothing else."""
        text = (says or "").lower()
        return _DISABLED.search(text) is not None and re.search(r"\bor\b", text) is None

    def says_unknown_scope(self, says: str | None) -> bool:
        """Whether a refusal's text says that a scope does not exist, as against not being granted."""
        text = (says or "").lower()
        return _UNKNOWN_SCOPE.search(text) is not None

    def _plain_text(self, reply: Reply) -> str | None:
        """A body that is no JSON object, as evidence: what it looks like, never parsed."""
        if not reply.text:
            return None
        kind = "HTML page" if reply.text.lstrip()[:1] == "<" else "text"
        words = re.sub(r"<[^>]*>|\s+", " ", reply.text)
        return f"({kind}) {' '.join(words.split())}"[:200].strip()


def _about_unauthorized(text: str) -> About:
    """``unauthorized_client`` is for the grant type (RFC 6749 §5.2), unless its text speaks of something else."""
    if re.search(r"(invalid|wrong|bad|incorrect) (client )?credential|secret", text):
        return "client"  # Keycloak's word for a wrong secret
    if _NO_SUCH_CLIENT.search(text) or _DISABLED.search(text):
        return "client"
    if re.search(r"\bscopes?\b", text):
        return "other" if re.search(r"\b(grant|method|flow)\b|grant[ _-]?type", text) else "scope"
    return "grant"


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
