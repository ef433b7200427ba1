"""How a token is ended before it expires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Revocation"]


@dataclass(frozen=True, slots=True)
class Revocation:
    """A way to end a token.

    Attributes:
        kind: ``revoke`` posts the token with the client's own authentication (RFC 7009); ``delete`` sends DELETE with
            the token as bearer.
    """

    kind: Literal["revoke", "delete"]
    url: str
