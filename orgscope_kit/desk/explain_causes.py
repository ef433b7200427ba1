"""From what a text tells to the causes that it leaves, and those that it rules out: never beyond what it can tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..providers import OAuth2, Reply
from ..read.traces import Trace
from ..records import RuledOut
from .explain_words import ENTRA, PHRASES, WHY, Odds

__all__ = ["Judged", "Suspect", "weigh"]

_NONE_OF_THESE = 2.0  # as the verdicts of a run keep it
_MOST_QUOTE = 240
_LIKELY = 0.6
_REFUSED_WORDS = re.compile(r"\bnot (?:been )?(?:granted|authori[sz]ed|allowed|permitted|assigned)\b|lacks?\b", re.I)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A cause that the text leaves.

    Attributes:
        why: in words. quote: the piece of the text that speaks for it; ``None`` where nothing but silence does.
    """

    cause: str
    probability: float
    why: str
    quote: str | None = None

    @property
    def likelihood(self) -> str:
        """``likely`` or ``possible``."""
        return "likely" if self.probability >= _LIKELY else "possible"


@dataclass(frozen=True, slots=True)
class Judged:
    """``suspects``: the likeliest first; empty where nothing was recognised. ``next_check``: a special one."""

    suspects: tuple[Suspect, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    next_check: str | None = None
    notes: tuple[str, ...] = field(default=())


def weigh(trace: Trace, provider: str, reader: OAuth2) -> Judged:
    """What the text leaves open, and what it rules out."""
    if not trace.answered and not trace.html:
        return Judged()
    rules: tuple[Callable[[Trace, str, OAuth2], Judged | None], ...] = (
        _granted, _network, _overloaded, _entra, _phrases, _by_subject, _rest,
    )  # fmt: skip
    judged = (rule(trace, provider, reader) for rule in rules)
    return next(each for each in judged if each is not None)


def _suspects(trace: Trace, odds: Odds, why: str | None = None, quote: str | None = None) -> tuple[Suspect, ...]:
    """``odds`` as probabilities; ``why`` and ``quote`` stand with the first, the others are what silence leaves."""
    total = sum(odds.values()) + _NONE_OF_THESE
    ranked = sorted(odds.items(), key=lambda pair: -pair[1])
    first = ranked[0][0] if ranked else ""
    return tuple(
        Suspect(
            name,
            round(weight / total, 3),
            why if why and name == first else WHY.get(name, ""),
            (quote if quote is not None else _quote(trace)) if name == first else None,
        )
        for name, weight in ranked
    )


def _quote(trace: Trace) -> str:
    """What the answer says, as it says it."""
    status = str(trace.status) if trace.status else None
    words = trace.description or ("a page of HTML" if trace.html else None)
    return " · ".join(part for part in (status, trace.error, words) if part)[:_MOST_QUOTE]


def _out(because: str, *causes: str) -> tuple[RuledOut, ...]:
    return tuple(RuledOut(name, because) for name in causes)


_ANSWERED = _out("A server answers.", "unreachable", "tls_untrusted", "our_network")


def _granted(trace: Trace, provider: str, reader: OAuth2) -> Judged | None:
    if not trace.token:
        return None
    stated, asked = trace.payload.get("scope"), set(trace.requested)
    granted = set(stated.split()) if isinstance(stated, str) else None
    out = _out(
        "A token was issued.",
        "wrong_secret",
        "unknown_client",
        "client_rejected",
        "grant_not_allowed",
        "wrong_endpoint",
    )
    if granted is not None and asked - granted:
        left = ", ".join(sorted(asked - granted))
        odds = {"scope_not_granted": 70.0, "propagating": 10.0, "scope_unknown": 10.0, "wrong_org_context": 6.0}
        why = f"The token carries fewer scopes than were asked for: {left} is missing."
        return Judged(_suspects(trace, odds, why, f"scope: {' '.join(sorted(granted)) or '(empty)'}"), out)
    if granted is not None and asked:
        odds = {"works": 94.0, "wrong_org_context": 4.0}
        return Judged(_suspects(trace, odds, "A token was issued with every scope asked for.", f"scope: {stated}"), out)
    odds = {"works": 52.0, "scope_not_granted": 30.0, "wrong_org_context": 10.0}
    why = "A token was issued; the text does not show which scopes were asked for, or which it carries."
    check = "Inspect the token (introspection, `tokens/me`), or call a resource that needs the scope."
    return Judged(_suspects(trace, odds, why, "access_token"), out, check)


def _network(trace: Trace, provider: str, reader: OAuth2) -> Judged | None:
    if trace.broken is None or (trace.error and trace.status):
        return None
    why = f"No answer came: {trace.broken.replace('_', ' ')}."
    odds: Odds
    if trace.broken in ("tls_untrusted", "proxy_failure"):
        name = "tls_untrusted" if trace.broken == "tls_untrusted" else "our_network"
        odds = {name: 75.0, **({"our_network": 20.0} if name == "tls_untrusted" else {"unreachable": 15.0})}
    else:
        odds = {"unreachable": 62.0, "our_network": 26.0, "wrong_region": 4.0, "wrong_endpoint": 4.0}
    out = _out("No answer came, so the server refused nothing.", "scope_not_granted", "wrong_secret", "unknown_client")
    return Judged(_suspects(trace, odds, why, _line_about(trace)), out)


def _line_about(trace: Trace) -> str:
    lines = [line.strip() for line in trace.text.split("\n")[:2000] if line.strip()]
    telling = [
        line for line in lines if re.search(r"(?i)error|fail|refused|timed|resolve|certificate|exception|curl:", line)
    ]
    return (telling or lines or [""])[-1][:_MOST_QUOTE]


def _overloaded(trace: Trace, provider: str, reader: OAuth2) -> Judged | None:
    reply = Reply(trace.status or 0, trace.headers, trace.payload, trace.text[:500], False)
    if reader.is_limited(reply, trace.error, trace.description) or trace.error == "slow_down":
        return Judged(_suspects(trace, {"rate_limited": 96}, "The server asks to slow down."), _ANSWERED)
    failed = (trace.status or 0) >= 500 or trace.error in ("server_error", "temporarily_unavailable")
    if failed:
        why = "The server says that it failed; of the scopes that tells nothing."
        return Judged(_suspects(trace, {"server_error": 90.0, "wrong_endpoint": 5.0}, why), _ANSWERED)
    return None


def _entra(trace: Trace, provider: str, reader: OAuth2) -> Judged | None:
    codes = re.findall(r"AADSTS(\d{4,8})", f"{trace.description or ''} {trace.error or ''}")
    listed = trace.payload.get("error_codes")
    codes += [str(each) for each in listed[:20]] if isinstance(listed, list) else []
    known = [code for code in codes if code in ENTRA]
    if not known:
        return None
    odds, text = ENTRA[known[-1]], trace.description or ""
    if known[-1] == "70011":
        if any(name.endswith("/.default") for name in (*trace.named, *trace.requested)):
            odds = {"scope_unknown": 80.0, "scope_not_applicable": 8.0}  # the form is right, so its resource is not
        elif ".default" in text or trace.grant_type == "client_credentials":
            odds = {"scope_not_applicable": 82.0, "scope_unknown": 12.0}
    why = f"Entra ID says so by its code AADSTS{known[-1]}."
    return Judged(_suspects(trace, odds, why), (*_ANSWERED, *_excluded(trace, next(iter(odds)))))


def _phrases(trace: Trace, provider: str, reader: OAuth2) -> Judged | None:
    text = f"{trace.error or ''} {trace.payload.get('errorCode', '')} {trace.description or ''}"[:1200]
    for pattern, odds in PHRASES:
        if match := pattern.search(text):
            if match[0] == "bad.credentials":
                return _stale_token(trace)
            if next(iter(odds)) in ("wrong_secret", "unknown_client") and re.search(r"\bor\b", text.partition(". ")[0]):
                continue  # one sentence for both says neither
            why = "That is what the platform writes in this case."
            return Judged(_suspects(trace, odds, why), (*_ANSWERED, *_excluded(trace, next(iter(odds)))))
    return None


def _stale_token(trace: Trace) -> Judged:
    odds = {"wrong_region": 30.0, "wrong_org_context": 15.0, "credentials_of_another_org": 10.0, "inconclusive": 40.0}
    why = "The token is refused, not the scope: it expired, was revoked, or was issued elsewhere."
    check = "Ask for a new token at the host of the same region, and call again."
    return Judged(_suspects(trace, odds, why), _ANSWERED, check)


def _excluded(trace: Trace, first: str) -> tuple[RuledOut, ...]:
    """What an answer of one subject rules out of the others."""
    if first in ("scope_not_granted", "scope_unknown", "scope_not_applicable", "permission_missing"):
        because = "The server refuses what was asked for, and not the client."
        return _out(
            because, "unknown_client", "wrong_secret", "client_rejected", "wrong_endpoint", "wrong_region"
        ) + _out("The refusal is about access; no redirect URI is spoken of.", "redirect_uri_mismatch")
    if first in ("wrong_secret", "unknown_client", "client_rejected", "auth_method_mismatch"):
        because = "The server refuses the client before it looks at scopes."
        return _out(because, "scope_not_granted", "scope_unknown", "propagating")
    return ()


def _by_subject(trace: Trace, provider: str, reader: OAuth2) -> Judged | None:
    if trace.error in ("invalid_token", "INVALID_SESSION_ID", "credentials.expired"):
        return _stale_token(trace)
    subject = reader.about(trace.status, trace.error, trace.description)
    rules = {"scope": _scope, "client": _client, "grant": _grant, "context": _context, "endpoint": _endpoint}
    return rules[subject](trace, provider, reader) if subject in rules else None


def _scope(trace: Trace, provider: str, reader: OAuth2) -> Judged:
    names = ", ".join(trace.named)
    text = trace.description or ""
    about_org = provider in ("appfoundry", "genesys", "oauth2", "auth0")
    odds: dict[str, float]
    if reader.says_unknown_scope(text):
        odds = {"scope_unknown": 88.0, "scope_not_granted": 8.0}
        why = "The server says that it does not know the scope."
    elif trace.error == "insufficient_scope":
        odds = {"scope_not_granted": 60.0, "propagating": 9.0, "wrong_org_context": 9.0}
        why = "The token that was shown lacks the scope: it was not granted, or not asked for."
    elif _REFUSED_WORDS.search(text):
        odds = {"scope_not_granted": 68.0, "propagating": 9.0, "wrong_org_context": 8.0, "scope_unknown": 6.0}
        why = f"The server refuses {names or 'the scope'} to this client, in its own words."
    else:
        odds = {"scope_not_granted": 50.0, "scope_unknown": 26.0, "propagating": 8.0, "wrong_org_context": 6.0}
        odds["scope_not_applicable"] = 4.0
        why = "The server refuses the scope, and does not say whether it is unknown or not granted."
    if "wrong_org_context" in odds and trace.org_id:
        odds["wrong_org_context"] /= 3  # it was sent; whether it took effect is not shown
    elif not about_org:
        odds.pop("wrong_org_context", None)
    if about_org and not reader.says_unknown_scope(text):
        odds["credentials_of_another_org"] = 4.0
    check = (
        f"Ask for {names or 'the scope'} alone, with this org's own client, here and in an org where it works; a "
        "made-up scope beside it shows whether the server knows this one (`orgscope run` does all of that)."
    )
    notes = ("The list may only repeat what was asked for: the request shows it.",) if trace.listed and names else ()
    return Judged(_suspects(trace, odds, why), (*_ANSWERED, *_excluded(trace, "scope_not_granted")), check, notes)


def _client(trace: Trace, provider: str, reader: OAuth2) -> Judged:
    told = reader.client_fault(trace.description)
    out = (*_ANSWERED, *_excluded(trace, "client_rejected"))
    if reader.says_disabled(trace.description):
        return Judged(_suspects(trace, {"client_rejected": 95}, "The server says that the client is disabled."), out)
    if told == "unknown_client":
        odds = {"unknown_client": 82.0, "wrong_region": 8.0, "credentials_of_another_org": 7.0}
        return Judged(_suspects(trace, odds, "The server says that it does not know the client."), out)
    if told == "wrong_secret":
        odds = {"wrong_secret": 88.0, "client_rejected": 8.0}
        return Judged(_suspects(trace, odds, "The server says that the secret is wrong."), out)
    odds = {
        "wrong_secret": 40.0,
        "unknown_client": 30.0,
        "credentials_of_another_org": 12.0,
        "auth_method_mismatch": 8.0,
    }
    if provider in ("genesys", "appfoundry"):
        odds["wrong_region"] = 8.0
    silent = trace.error is None and trace.description is None
    if silent:
        odds["scope_not_granted"] = 4.0
        out = _ANSWERED
    why = f"{WHY['client_rejected']} This covers the next ones."
    covering = Suspect("client_rejected", 0.9 if not silent else 0.8, why, _quote(trace))
    return Judged((covering, *(_unquoted(each) for each in _suspects(trace, odds))), out)


def _unquoted(each: Suspect) -> Suspect:
    return Suspect(each.cause, each.probability, each.why)


def _grant(trace: Trace, provider: str, reader: OAuth2) -> Judged:
    odds = {"grant_not_allowed": 86.0, "client_rejected": 8.0}
    return Judged(_suspects(trace, odds, "The server refuses the grant type to this client."), _ANSWERED)


def _context(trace: Trace, provider: str, reader: OAuth2) -> Judged:
    if re.search(r"(?i)required|missing|must", trace.description or "") and not trace.org_id:
        return Judged(_suspects(trace, {"wrong_org_context": 93}, "The server wants the org named."), _ANSWERED)
    odds = {"integration_per_org": 40.0, "credentials_of_another_org": 34.0, "wrong_org_context": 20.0}
    return Judged(_suspects(trace, odds, "The server refuses this client for this org, or target."), _ANSWERED)


def _endpoint(trace: Trace, provider: str, reader: OAuth2) -> Judged:
    odds = {"wrong_endpoint": 90.0, "server_error": 4.0, "wrong_region": 2.0}
    return Judged(_suspects(trace, odds, "A token endpoint does not answer so (RFC 6749 §5.2)."), _ANSWERED)


def _rest(trace: Trace, provider: str, reader: OAuth2) -> Judged:
    code, check = trace.error or "", "Read the server's own log, or ask its support, with the correlation id."
    odds: dict[str, float]
    if trace.html:
        odds = {"wrong_endpoint": 58.0, "server_error": 20.0, "our_network": 10.0}
        why, check = "A page came back in place of JSON.", "Compare host and path with the platform's documentation."
    elif code == "invalid_grant":
        odds = {"inconclusive": 45.0, "redirect_uri_mismatch": 15.0, "credentials_of_another_org": 15.0}
        why = "The code, assertion, refresh token or user is refused (RFC 6749 §5.2), which is no matter of scopes."
        check = "Begin afresh with a new code or token, and with the same redirect URI and client."
    elif code in ("access_denied", "consent_required", "interaction_required") or trace.status == 403:
        odds = {
            "scope_not_granted": 38.0,
            "permission_missing": 22.0,
            "grant_not_allowed": 16.0,
            "client_rejected": 10.0,
        }
        why = "Access is denied, and the text does not say to what."
    else:
        odds = {"inconclusive": 50.0, "grant_not_allowed": 12.0, "scope_not_granted": 12.0, "wrong_endpoint": 10.0}
        why = "The text shows a refusal, and not what it is about."
    return Judged(_suspects(trace, odds, why), _without_named(_ANSWERED, odds), check)


def _without_named(out: Sequence[RuledOut], odds: Odds) -> tuple[RuledOut, ...]:
    return tuple(each for each in out if each.cause not in odds)
