"""Whether the redirect URI is the registered one."""

from __future__ import annotations

import re

from ...records import Exchange, Fault
from ..case import Case

__all__ = ["redirect_fault", "redirect_refusal"]


def redirect_fault(case: Case) -> tuple[Fault, ...]:
    """``redirect_uri_mismatch`` where the authorization endpoint says so in words; a login page proves nothing."""
    return (Fault("redirect_uri_mismatch"),) if redirect_refusal(case) is not None else ()


def redirect_refusal(case: Case) -> Exchange | None:
    """The explicit refusal of the redirect URI."""
    for row in case.exchanges:
        text = f"{row.error or ''} {row.error_description or ''}".lower()
        if (
            row.endpoint == case.org.authorization_url
            and row.outcome == "refused"
            and re.search(r"redirect[_ ]?ur[il]", text)
        ):
            return row
    return None
