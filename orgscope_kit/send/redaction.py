"""Taking secrets and tokens out of a server's text, at the moment it is received: it may echo what it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["REDACTED", "Redactor"]

REDACTED = "[redacted]"

# A JWS in compact form, and what follows an authorization scheme: no such text is worth keeping, whoever issued it.
_SHAPES = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|(?<=\bBearer )[\w.~+/=-]{8,}|(?<=\bBasic )[\w+/=]{8,}", re.IGNORECASE
)


class Redactor:
    """Replaces every known form of a secret or token in a text.

    >>> Redactor(["s3cret-value"]).clean("you sent s3cret-value")
    'you sent [redacted]'
    """

    def __init__(self, forms: Iterable[str] = ()) -> None:
        self._pattern = _any_of(forms)

    def __repr__(self) -> str:
        return "Redactor()"

    def clean(self, text: str, *tokens: str | None) -> str:
        """``text`` without any known form, without ``tokens``, and without what has the shape of one."""
        if self._pattern is not None:
            text = self._pattern.sub(REDACTED, text)
        own = _any_of(token for token in tokens if token)
        if own is not None:
            text = own.sub(REDACTED, text)
        return _SHAPES.sub(REDACTED, text)


def _any_of(forms: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted({form for form in forms if form}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
