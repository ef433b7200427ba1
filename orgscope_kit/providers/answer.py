"""What a provider reads, and what it makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..records import Outcome

__all__ = ["About", "Inspection", "Reading", "Reply"]

#: What a refusal is about, as far as the answer itself tells.
About = Literal["scope", "client", "grant", "context", "endpoint", "other"]


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
