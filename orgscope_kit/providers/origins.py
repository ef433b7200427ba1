"""From what an analyst calls a host to where requests go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["origin"]


def origin(keys: Mapping[str, Any], *names: str) -> str | None:
    """The beginning of a URL that the first of ``names`` gives, as host or as URL; checked later like every URL.

    >>> origin({"domain": "acme.example"}, "base_url", "domain"), origin({"domain": "https://acme.example/"}, "domain")
    ('https://acme.example', 'https://acme.example')
    """
    given = next((str(keys[name]).strip() for name in names if keys.get(name)), None)
    if given is None:
        return None
    return (given if "://" in given else f"https://{given}").rstrip("/")
