"""One small class a platform: which keys an org needs, how to ask, how to read an answer, how to inspect a token.

Other packages add theirs through the entry point group ``orgscope_kit.providers``: a subclass of
[`OAuth2`][orgscope_kit.providers.OAuth2] whose ``name`` is the entry point's. Each of the kit's own has a page.
"""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from typing import Any

from .oauth2 import About, Inspection, OAuth2, Reading, Reply
from .registry import BUILT_IN, knowing, named, names
from .revocation import Revocation

__all__ = ["About", "Inspection", "OAuth2", "Reading", "Reply", "Revocation", "knowing", "named", "names", "page"]


def page(name: str) -> str:
    """The page of one of the kit's own providers, as Markdown.

    >>> page("entra").splitlines()[0]
    '# entra: Microsoft Entra ID'
    """
    return files(__package__).joinpath("pages", f"{name}.md").read_text("utf-8")


def __getattr__(name: str) -> Any:
    """The class of one of the kit's own providers, loaded when it is asked for."""
    for place in BUILT_IN.values():
        module, _, class_name = place.partition(":")
        if class_name == name:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
