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


#: So many characters at the beginning of a form tell whether to look closer.
_HEAD = 8


class Redactor:
    """Replaces every known form of a secret or token in a text, at a cost that does not grow with their number.

    Forms are found by their first characters, and then by their length: many may begin alike, few differ in length.

    Args:
        forms: of the secrets in use, as they stand in requests.

    >>> Redactor(["s3cret-value"]).clean("you sent s3cret-value")
    'you sent [redacted]'
    """

    def __init__(self, forms: Iterable[str] = ()) -> None:
        self._forms = _written(forms)
        self._longest = max(map(len, self._forms), default=0)
        self._head = min(_HEAD, *map(len, self._forms)) if self._forms else 0
        lengths: dict[str, set[int]] = {}
        for form in self._forms:
            lengths.setdefault(form[: self._head], set()).add(len(form))
        self._lengths = {head: sorted(found, reverse=True) for head, found in lengths.items()}

    def __repr__(self) -> str:
        return "Redactor()"

    def clean(self, text: str, *tokens: str) -> str:
        """``text`` without any known form, without ``tokens``, and without what has the shape of one."""
        return self.with_tokens(tokens)(text)

    def with_tokens(self, tokens: Iterable[str], most: int | None = None) -> Callable[[str], str]:
        """What cleans the texts of one answer, and cuts each to ``most`` characters."""
        every = _written(form for token in tokens if token for form in _forms(token))
        own = sorted(every, key=lambda form: (-len(form), form))  # so that none hides a longer one
        longest = max(self._longest, len(own[0]) if own else 0)

        def clean(text: str) -> str:
            end = None
            if most is not None and len(text) > most + longest:
                text = text[: most + longest]  # cut before cleaning, for it costs; then half a secret may end it
                end = -longest or None
            text = self._without_forms(text)
            for form in own:  # few, and other ones each time: not worth an index
                text = text.replace(form, REDACTED)
            return _SHAPES.sub(REDACTED, text)[:end][:most]

        return clean

    def _without_forms(self, text: str) -> str:
        """``text`` without known forms: from the left, at each place the longest that begins there."""
        size, lengths, forms = self._head, self._lengths, self._forms
        if not forms:
            return text
        kept, done = [], 0
        for start in [at for at in range(len(text) - size + 1) if text[at : at + size] in lengths]:
            if start < done:
                continue
            for length in lengths[text[start : start + size]]:
                if text[start : start + length] in forms:
                    kept += [text[done:start], REDACTED]
                    done = start + length
                    break
        return "".join([*kept, text[done:]]) if kept else text


def _forms(token: str) -> set[str]:
    """The forms of a token in which a server may write it; a short one only as it is."""
    return texts(token) if len(token) >= SHORTEST_TEXT else {token}


def _written(forms: Iterable[str]) -> frozenset[str]:
    """``forms``, and how they are written in HTML."""
    return frozenset(written for form in forms if form for written in (form, html.escape(form)))
