"""What the words of a refusal say, whoever wrote them: patterns that several independent servers share."""

from __future__ import annotations

import re
from typing import Literal

from .answer import About

__all__ = ["about", "client_fault", "says_disabled", "says_unknown_scope", "says_wrong_region"]

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
_WRONG_REGION = re.compile(
    r"\b(wrong|another|different|other) region\b|\bnot (hosted|located|homed|served) in this region\b"
)


def about(status: int | None, error: str | None, says: str | None) -> About:
    """What a refusal is about, by its code, its status and its words; ``other`` where they do not tell.

    >>> about(400, "invalid_scope", None), about(403, None, None), about(404, None, "(HTML page)")
    ('scope', 'client', 'endpoint')
    """
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


def client_fault(says: str | None) -> Literal["unknown_client", "wrong_secret"] | None:
    """Which half of the credential a text names. One that names both, or leaves a choice, says neither."""
    text = (says or "").lower().partition(". ")[0]  # Entra ID goes on with advice
    unknown, wrong = _NO_SUCH_CLIENT.search(text), _WRONG_SECRET.search(text)
    if bool(unknown) == bool(wrong) or re.search(r"\bor\b|\bdisabled\b", text):
        return None
    return "unknown_client" if unknown else "wrong_secret"


def says_disabled(says: str | None) -> bool:
    """Whether a text says that the client is disabled, and nothing else."""
    text = (says or "").lower()
    return _DISABLED.search(text) is not None and re.search(r"\bor\b", text) is None


def says_unknown_scope(says: str | None) -> bool:
    """Whether a text says that a scope does not exist, as against not being granted."""
    return _UNKNOWN_SCOPE.search((says or "").lower()) is not None


def says_wrong_region(says: str | None) -> bool:
    """Whether a text says that the org, or the client, lives in another region, and leaves no choice.

    >>> says_wrong_region("The organization is in another region."), says_wrong_region("Unknown client or wrong region")
    (True, False)
    """
    text = (says or "").lower()
    return _WRONG_REGION.search(text) is not None and re.search(r"\bor\b", text) is None


def _about_unauthorized(text: str) -> About:
    """``unauthorized_client`` is for the grant type (RFC 6749 §5.2), unless its text speaks of something else."""
    if re.search(r"(invalid|wrong|bad|incorrect) (client )?credential|secret", text):
        return "client"  # Keycloak's word for a wrong secret
    if _NO_SUCH_CLIENT.search(text) or _DISABLED.search(text):
        return "client"
    if re.search(r"\bscopes?\b", text):
        return "other" if re.search(r"\b(grant|method|flow)\b|grant[ _-]?type", text) else "scope"
    return "grant"
