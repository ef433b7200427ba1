"""Taking secrets and tokens out of a server's text, at the moment it is received: it may echo what it was sent."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable

from .credentials import SHORTEST_TEXT, texts

__all__ = ["REDACTED", "Redactor"]

REDACTED = "[redacted]"

# A JWS in compact form, and what follows an authorization scheme: no such text is worth keeping, whoever issued it.
_SHAPES = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|(?<=\bBearer )[\w.~+/=%-]{8,}|(?<=\bBasic )[\w+/=%-]{8,}", re.IGNORECASE
)


class Redactor:
    """Replaces every known form of a secret or token in a text.

    Args:
        forms: of the secrets in use, as they stand in requests.

    >>> Redactor(["s3cret-value"]).clean("you sent s3cret-value")
    'you sent [redacted]'
    """

    def __init__(self, forms: Iterable[str] = ()) -> None:
        every = _longest_first(forms)
        self._pattern = re.compile("|".join(map(re.escape, every))) if every else None
        self._longest = len(every[0]) if every else 0

    def __repr__(self) -> str:
        return "Redactor()"

    def clean(self, text: str, *tokens: str) -> str:
        """``text`` without any known form, without ``tokens``, and without what has the shape of one."""
        return self.with_tokens(tokens)(text)

    def with_tokens(self, tokens: Iterable[str], most: int | None = None) -> Callable[[str], str]:
        """What cleans the texts of one answer, and cuts each to ``most`` characters."""
        own = _longest_first(form for token in tokens if token for form in _forms(token))
        longest = max(self._longest, len(own[0]) if own else 0)

        def clean(text: str) -> str:
            end = None
            if most is not None and len(text) > most + longest:
                text = text[: most + longest]  # cut before cleaning, for it costs; then half a secret may end it
                end = -longest or None
            if self._pattern is not None:
                text = self._pattern.sub(REDACTED, text)
            for form in own:  # few, and other ones each time: not worth a pattern
                text = text.replace(form, REDACTED)
            return _SHAPES.sub(REDACTED, text)[:end][:most]

        return clean


def _forms(token: str) -> set[str]:
    """The forms of a token in which a server may write it; a short one only as it is."""
    return texts(token) if len(token) >= SHORTEST_TEXT else {token}


def _longest_first(forms: Iterable[str]) -> list[str]:
    """``forms`` and how they are written in HTML, so that none hides a longer one."""
    every = {written for form in forms if form for written in (form, html.escape(form))}
    return sorted(every, key=lambda form: (-len(form), form))
