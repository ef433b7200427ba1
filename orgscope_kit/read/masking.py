"""Taking secrets out of what somebody pasted or recorded, before anything else reads it.

An answer of our own requests is cleaned by what we know (``send.redaction``). Here nothing is known: secrets are found
by the names beside them and by their shapes, and what was found once is taken out wherever else it stands. Every
pattern is bounded, and the text is walked once: no input makes it slow.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote_plus

from ..send.credentials import texts
from ..send.redaction import REDACTED

__all__ = [
    "REDACTED",
    "basic_pair",
    "is_opaque",
    "is_secret_name",
    "is_telling",
    "mask",
    "masked",
    "remover",
    "without",
]

_STRONG = (
    r"secret|password|passwd|passphrase|pwd|assertion|api[_-]?key|private[_-]?key|(?:access|account|signing)[_-]?key"
    r"|(?:access|refresh|(?<![a-z])id|auth|session|bearer|csrf|xsrf|subject|actor|security|jwt)[_-]?token|device[_-]?code"
    r"|code[_-]?verifier|session[_-]?id|jsessionid|saml[_-]?response|authenticity_token|(?<![a-z])sig|signature"
)
_HEADERS = (
    r"(?:proxy-)?authorization|(?:set-)?cookie2?|x-api-key|x-auth-token|x-access-token|x-csrf-token|x-xsrf-token"
    r"|x-amz-security-token|x-functions-key|ocp-apim-subscription-key|dpop"
)
_WEAK = r"token|code|key|jwt|sid|nonce|otp|ticket|credentials?"
_KEY = re.compile(
    rf"(?P<strong>{_STRONG})(?P<value>_?value|_?text|[0-9]{{1,2}})?(?![\w-])"
    rf"|(?<![\w-])(?:(?P<header>{_HEADERS})|(?P<weak>{_WEAK}))(?![\w-])",
    re.IGNORECASE,
)
_TO_VALUE = re.compile(
    r"(\\{0,15}[\"'`])?\]?([ \t]{0,8}(?::|=>?|>|%3D|(?<=[\"'`]),)[ \t]{0,8})"
    r"(?:\\{0,15}[\"']value\\{0,15}[\"']\s{0,8}:\s{0,8})?[\[(]?(b?\\{0,15}[\"'`])?",
    re.IGNORECASE,
)
_IN_PROSE = re.compile(r"[ \t]{1,3}(?:(?:is|was|of|value)[ \t]{1,3})?[\"'`‘“]?([^\s\"'`’”,;]{8,})")
_NO_KEY = re.compile(
    r"(?:invalid|missing|expired|unsupported|unknown|bad|wrong)[_ -]?(?:client[_ -]?)?$", re.IGNORECASE
)
_LINE_START = re.compile(r"[ \t]*(?:[<>*-][ \t]|export[ \t])?[\w.-]{0,80}")
_QUOTED = re.compile(r"(?:[\w.-]{1,40}=[^\n]*&)?[\w.-]{0,80}")
_SCHEME = re.compile(r"(?:Basic|Bearer|DPoP|Digest|Negotiate|NTLM|SSWS|Token|AWS4-HMAC-SHA256)\b[ \t]{1,4}", re.I)
_SHAPES = re.compile(
    r"\beyJ[\w-]{6,}(?:\.[\w-]*){1,4}"  # JWS, JWE
    r"|\b00D[A-Za-z0-9]{12,15}![\w.]{16,}"  # Salesforce session
    r"|\b(?:gh[pousr]_|github_pat_|xox[abprs]-|sk_live_|sk_test_|glpat-|AKIA)[\w-]{10,}"
    r"|(?<![\w~.-])[\w~.-]{3}8Q~[\w~.-]{20,}"  # Entra ID client secret
)
_AFTER_SCHEME = re.compile(r"\b(?:Basic|Bearer|DPoP|SSWS)[ \t]{1,4}([\w.~+/=%:-]{8,})", re.IGNORECASE)
_USERINFO = re.compile(r"://((?:[^\s/@\"'<>]{1,256}|[^\s/@\"'<>:]{1,256}:(?!\d{1,5}/)[^\s@\"'<>]{1,256}))@")
_CURL_USER = re.compile(
    r"(?<!\S)(?:-u|--(?:proxy-)?user|--oauth2-bearer)[ =]{0,4}"
    r"(?:\"([^\"\n]{1,2000})|'([^'\n]{1,2000})|([^\s\"']{1,2000}))"
)
_BASE64 = re.compile(r"(?<![\w+/=.%-])[\w+/-]{12,4096}={0,2}(?![\w+/=])")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_PLAIN_WORD = re.compile(r"[a-z]+(?:[_.\- ][a-z]+)*|[A-Z]+(?:_[A-Z]+)*|AADSTS\d+|E\d{7}|[\d.]+", re.ASCII)
_LONGEST_LINE = 1 << 16
_MOST_KNOWN = 200
_SHORTEST_KNOWN = 8
_CLOSERS = ",;)}]>\"'`\\"


def mask(text: str) -> str:
    """``text`` without secrets.

    >>> mask("curl -u me:hunter2-hunter2 -d 'grant_type=password&password=x y' https://a:b@host/?code=Splx10Be")
    "curl -u me:[redacted] -d 'grant_type=password&password=[redacted]' https://[redacted]@host/?code=[redacted]"
    >>> mask('{"error": "invalid_token", "code": "missing.permissions"} Authorization: Basic bWU6aHVudGVyMg==')
    '{"error": "invalid_token", "code": "missing.permissions"} Authorization: Basic [redacted]'
    """
    return masked(text)[0]


def masked(text: str) -> tuple[str, frozenset[str]]:
    """``text`` without secrets, and those that were found: the caller takes them out of what belongs to it, too."""
    spans = [*_pem(text), *_named(text), *_shaped(text)]
    found = {text[start:end] for start, end in spans}
    for value in list(found):
        found |= set(basic_pair(value)[1:]) | {unquote_plus(value)}
    return without(_cut_out(text, spans), found), frozenset(found)


def without(text: str, secrets: Iterable[str]) -> str:
    """``text`` without these values, in any form in which they may be written; short ones and plain words stay."""
    return remover(secrets)(text)


def remover(secrets: Iterable[str]) -> Callable[[str], str]:
    """What takes these values out of many texts."""
    known = sorted((each for each in set(secrets) if is_telling(each)), key=len, reverse=True)[:_MOST_KNOWN]
    every = {form for value in known for form in texts(value) if len(form) >= _SHORTEST_KNOWN}
    forms = sorted(every, key=lambda form: (-len(form), form))

    def clean(text: str) -> str:
        for form in forms:
            text = text.replace(form, REDACTED)
        return text

    return clean


def is_secret_name(name: str) -> bool:
    """Whether a parameter, member or header of that name carries a secret.

    >>> [is_secret_name(each) for each in ("client_secret", "Set-Cookie", "code", "scope", "token_type")]
    [True, True, True, False, False]
    """
    match = _KEY.search(name[-60:])
    return match is not None and match.end() == len(name[-60:])


def is_opaque(value: str) -> bool:
    """Whether a value looks made by a machine: long enough, and no word.

    >>> is_opaque("missing.permissions"), is_opaque("SplxlOBeZQQYbYS6WxSbIA")
    (False, True)
    """
    if len(value) < _SHORTEST_KNOWN or _PLAIN_WORD.fullmatch(value):
        return False
    mixed = any(c.islower() for c in value) and any(c.isupper() for c in value)
    return any(c.isdigit() for c in value) or mixed or len(value) >= 20


def basic_pair(value: str) -> tuple[str, ...]:
    """Client id and secret of a Basic credential (RFC 7617 §2), the secret also percent-decoded; else nothing.

    >>> basic_pair("bWU6aHVudGVyMg==")
    ('me', 'hunter2', 'hunter2')
    """
    text = value.strip().translate(str.maketrans("-_", "+/"))
    try:
        pair = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ()
    name, colon, secret = pair.partition(":")
    if not colon or not name or not secret or not pair.isprintable():
        return ()
    return unquote_plus(name), secret, unquote_plus(secret)


def is_telling(value: str, shortest: int = _SHORTEST_KNOWN) -> bool:
    """Whether a secret can be looked for in a text by itself: short ones and plain words stand in any."""
    if len(value) < shortest or REDACTED in value:
        return False
    return len(value) >= 16 or not _PLAIN_WORD.fullmatch(value)


def _cut_out(text: str, spans: Iterable[tuple[int, int]]) -> str:
    kept, at = list[str](), 0
    for start, end in sorted(spans):
        if end <= at:
            continue
        if start > at or not kept:
            kept += [text[at:start], REDACTED]
        at = end
    return "".join([*kept, text[at:]])


def _pem(text: str) -> Iterable[tuple[int, int]]:
    at = 0
    while match := _PEM.search(text, at):
        end = text.find("-----END", match.end())
        at = len(text) if end < 0 else end
        yield match.end(), at


def _shaped(text: str) -> Iterable[tuple[int, int]]:
    yield from (match.span() for match in _SHAPES.finditer(text))
    yield from (match.span(1) for match in _USERINFO.finditer(text))
    for match in _AFTER_SCHEME.finditer(text):
        if is_opaque(match[1]) or basic_pair(match[1]):
            yield match.span(1)
    for match in _CURL_USER.finditer(text):
        group = match.lastindex or 0
        colon = match[group].find(":")
        yield match.start(group) + colon + 1, match.end(group)
    yield from (match.span() for match in _BASE64.finditer(text) if basic_pair(match[0]))


def _named(text: str) -> Iterable[tuple[int, int]]:
    """What stands behind the name of a secret, however the two are written."""
    at = 0
    while match := _KEY.search(text, at):
        at = match.end()
        way = _TO_VALUE.match(text, at)
        closes = way is not None and way[2][:1] == ">" and "</" in text[max(0, match.start() - 60) : match.start()]
        if way is None and match["strong"] and (told := _IN_PROSE.match(text, at)) and is_opaque(told[1]):
            yield told.span(1)
            at = told.end()
        if way is None or closes or _NO_KEY.search(text[max(0, match.start() - 24) : match.start()]):
            continue
        start, end = _extent(text, match, way)
        value = text[start:end]
        if value.strip() and not (match["weak"] and not _is_weakly_secret(text, match.start(), value)):
            yield start, end
            at = max(at, end)


def _is_weakly_secret(text: str, start: int, value: str) -> bool:
    in_query = text[max(0, start - 1) : start] in ("?", "&", "#")
    return (in_query and not _PLAIN_WORD.fullmatch(value)) or is_opaque(value)


def _extent(text: str, key: re.Match[str], way: re.Match[str]) -> tuple[int, int]:
    """Where the value begins and ends; an authorization scheme is no part of it."""
    start = way.end()
    if key["header"] and (scheme := _SCHEME.match(text, start)):
        start = scheme.end()
    before = text[max(0, key.start() - 400) : key.start()]
    if way[3]:
        return start, _closing(text, start, way[3].lstrip("b"))
    opened = max(before.rfind('"'), before.rfind("'"))
    if not way[1] and opened >= 0 and _QUOTED.fullmatch(before, opened + 1):
        end = _closing(text, start, before[opened])  # -H "Authorization: …", -d 'a=b&client_secret=…'
        parted = text.find("&", start, end) if "=" in way[2] else -1
        return start, end if parted < 0 else parted
    line = _end_of_line(text, start)
    if ":" in way[2] and not way[1] and _LINE_START.fullmatch(before.rpartition("\n")[2]):
        return start, line
    if ">" in way[2] and "=" not in way[2]:
        return start, _first(text, start, line, "<")
    if way[2].strip().upper() == "%3D":
        ends = [at for mark in ("%26", "&", " ", '"', "'") if (at := text.find(mark, start, line)) >= 0]
        return start, min(ends, default=line)
    if key["header"] and "cookie" in key["header"].lower():
        return start, _first(text, start, line, "\"'}]")
    if way[1]:
        return start, _first(text, start, line, ",}] \t")  # a number, null, true
    end = _first(text, start, line, " \t&")
    return start, start + len(text[start:end].rstrip(_CLOSERS))


def _first(text: str, start: int, end: int, marks: str) -> int:
    for at in range(start, end):
        if text[at] in marks:
            return at
    return end


def _closing(text: str, start: int, quote: str) -> int:
    """Where a quoted value ends: at the same quote with no more backslashes before it than the opening one has."""
    slashes, sign, at = len(quote) - 1, quote[-1], start
    while (at := text.find(sign, at)) >= 0:
        run = at
        while run > start and text[run - 1] == "\\":
            run -= 1
        if at - run <= slashes:
            return run
        at += 1
    return _end_of_line(text, start)


def _end_of_line(text: str, start: int) -> int:
    far = min(len(text), start + _LONGEST_LINE)
    line = text.find("\n", start, far)
    return far if line < 0 else line
