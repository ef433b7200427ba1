"""One small class a platform: which keys an org needs, how to ask, how to read an answer, how to inspect a token."""

from __future__ import annotations

from .appfoundry import AppFoundry
from .genesys import Genesys
from .oauth2 import About, Inspection, OAuth2, Reading, Reply

__all__ = ["About", "AppFoundry", "Genesys", "Inspection", "OAuth2", "Reading", "Reply", "named", "names"]

_BUILT_IN: dict[str, type[OAuth2]] = {each.name: each for each in (OAuth2, AppFoundry, Genesys)}


def names() -> list[str]:
    """The providers that an investigation file can name.

    >>> names()
    ['appfoundry', 'genesys', 'oauth2']
    """
    return sorted(_BUILT_IN)


def named(name: str) -> OAuth2:
    """The provider of that name.

    Raises:
        KeyError: no such provider.
    """
    return _BUILT_IN[name]()
