"""Scope values as RFC 6749 §3.3 defines them: ``scope = scope-token *( SP scope-token )``."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["CONTROL_SCOPE", "is_scope", "join", "split"]

#: The made-up scope that control requests ask for: fixed and recognisable, so that a server's
#: operator who meets it in a log can find out where it comes from.
CONTROL_SCOPE = "orgscope:control:none"

# scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")


def is_scope(value: str) -> bool:
    """Whether ``value`` is one scope-token.

    >>> is_scope("admin:org:read"), is_scope("a b"), is_scope('a"'), is_scope("")
    (True, False, False, False)
    """
    return _SCOPE.fullmatch(value) is not None


def split(value: str) -> tuple[str, ...]:
    """The scopes of a ``scope`` parameter, each once, in their order.

    >>> split("a b  a")
    ('a', 'b')
    """
    return tuple(dict.fromkeys(value.split()))


def join(scopes: Iterable[str]) -> str:
    """The ``scope`` parameter for ``scopes``.

    >>> join(["a", "b"])
    'a b'
    """
    return " ".join(scopes)
