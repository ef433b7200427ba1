"""Words for people: who acts, what to do, how sure, and how foreign text is made harmless to look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["ACTIONS", "WHO", "certainty", "duration", "listed", "visible"]

#: Who acts, as the beginning of a sentence, in the order in which they are shown.
WHO: dict[str, str] = {
    "customer_admin": "ask the customer's admin",
    "us": "we act",
    "platform": "ask the platform",
    "wait": "wait",
    "unknown": "not settled",
    "nobody": "works",
}

#: What to do for each cause, as the end of that sentence. ``{client}`` brings its own noun.
ACTIONS: dict[str, str] = {
    "works": "every scope asked for is granted",
    "not_asked": "give the missing secret, and run again",
    "scope_not_granted": "grant {scopes} to {client}",
    "scope_unknown": "correct the spelling of {scopes}, or drop it",
    "scope_not_applicable": "do not ask for {scopes} with this grant type",
    "permission_missing": "give {client} a role that holds {scopes}",
    "grant_not_allowed": "allow the grant type on {client}",
    "wrong_org_context": "send the org's own `org_id` with each token request",
    "credentials_of_another_org": "use a client made in the org itself in place of {client}",
    "integration_per_org": "register the integration as global, or give the org its own client in place of {client}",
    "unknown_client": "check the client id: the server does not know {client}",
    "wrong_secret": "replace the secret of {client}",
    "client_rejected": "check that {client} exists, is enabled, and has this secret",
    "auth_method_mismatch": "present the credentials in the way that worked",
    "secret_encoding": "encode the secret in the way that worked",
    "redirect_uri_mismatch": "register the integration's redirect URI on {client}",
    "propagating": "the grant of {scopes} is on its way; run again when the promised window has passed",
    "propagation_overdue": "the grant of {scopes} is overdue; name the correlation ids",
    "replicas_disagree": "its servers disagree about {scopes}; name the correlation ids",
    "wrong_endpoint": "correct the token URL",
    "wrong_region": "use the host of the org's own region",
    "tls_untrusted": "give the CA file as `verify`, or have the certificate renewed",
    "unreachable": "check host, port, firewall and proxy",
    "server_error": "its server fails; name the correlation ids if it lasts",
    "rate_limited": "lower the rate, and run again later",
    "our_network": "check our own network, proxy and trust store",
    "inconclusive": "settle the next check first",
}

_STEPS = ((0.95, "almost certain"), (0.8, "very likely"), (0.6, "likely"), (0.4, "about even"), (0.0, "one of several"))

# Cc, Cs, Zl, Zp, and of Cf what turns text around or hides in it: bidi controls, zero widths, tags
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def visible(text: str, most: int | None = None) -> str:
    """Text from elsewhere, safe to look at: control and bidi characters shown as signs, at most ``most`` characters.

    >>> visible("\\x1b[31mred\\u202e")
    '␛[31mred‹U+202E›'
    >>> visible("abcdef", most=4)
    'abc…'
    """
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    return _HIDDEN.sub(_sign, text)


def _sign(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"‹U+{code:04X}›"


def certainty(probability: float) -> str:
    """A probability in words and as a number.

    >>> certainty(0.98), certainty(0.5), certainty(1.0)
    ('almost certain, 98 %', 'about even, 50 %', 'almost certain, over 99 %')
    """
    word = next(word for least, word in _STEPS if probability >= least)
    return f"{word}, {percent(probability)}"


def percent(probability: float) -> str:
    """A probability as a number that never claims certainty."""
    if probability >= 0.995:
        return "over 99 %"
    return "under 1 %" if probability < 0.005 else f"{probability * 100:.0f} %"


def listed(names: Iterable[str], most: int = 3) -> str:
    """Names in a sentence.

    >>> listed(["a", "b"]), listed("abcdef")
    ('a and b', 'a, b, c and 3 more')
    """
    every = list(names)
    if len(every) > most + 1:
        return f"{', '.join(every[:most])} and {len(every) - most} more"
    return " and ".join(filter(None, [", ".join(every[:-1]), *every[-1:]]))


def duration(seconds: float) -> str:
    """Seconds, and the same in the unit that people would use.

    >>> duration(86400), duration(45), duration(5400)
    ('86400 s (24 h)', '45 s', '5400 s (1.5 h)')
    """
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds:g} s ({round(seconds / size, 1):g} {unit})"
    return f"{seconds:g} s"


def action(entries: Mapping[str, str], cause: str, scopes: Sequence[str]) -> str:
    """What to do about ``cause`` for orgs alike; ``entries`` maps each to its client id, empty where unknown.

    Scopes and clients stand in backticks.
    """
    clients = set(entries.values())
    own = "each org's own client" if len(entries) > 1 else "its client"
    named = f"client {_ticked(clients.pop())}" if len(clients) == 1 and "" not in clients else own
    return ACTIONS.get(cause, cause).format(scopes=listed(map(_ticked, scopes), most=6) or "the scope", client=named)


def _ticked(text: str) -> str:
    return "`" + text.replace("`", "'") + "`"
