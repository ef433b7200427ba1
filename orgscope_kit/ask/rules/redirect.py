"""Whether the redirect URI is the registered one."""

from __future__ import annotations

import re
from dataclasses import replace

from ...records import Evidence, Exchange, Fault, Verdict
from ..case import Case
from .wording import heard

__all__ = ["redirect_refusal", "with_redirect"]

_MISMATCH = "redirect_uri_mismatch"


def with_redirect(case: Case, verdict: Verdict) -> Verdict:
    """``verdict`` and, beside its cause, the redirect URI that the authorization endpoint refuses."""
    row = redirect_refusal(case)
    if row is None or verdict.cause == _MISMATCH:
        return verdict
    says = f"The authorization endpoint refuses the redirect URI: {heard(row)}."
    return replace(
        verdict,
        also=(*verdict.also, Fault(_MISMATCH)),
        evidence=(*verdict.evidence, Evidence(says, (row.exchange_id,))),
        ruled_out=tuple(each for each in verdict.ruled_out if each.cause != _MISMATCH),
    )


def redirect_refusal(case: Case) -> Exchange | None:
    """The refusal of the redirect URI in words; a login page proves nothing."""
    for row in case.exchanges:
        text = f"{row.error or ''} {row.error_description or ''}".lower()
        if (
            row.endpoint == (case.org.authorization_url or "").partition("?")[0]
            and row.outcome == "refused"
            and re.search(r"redirect[_ ]?ur[il]", text)
        ):
            return row
    return None
