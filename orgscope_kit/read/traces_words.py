"""What prose tells of an answer: a code in a sentence, a status in words, ids, parameters, names of scopes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from ..providers.reading import MOST_TEXT
from ..scopes import is_scope
from .masking import REDACTED

__all__ = ["Said", "correlation", "listed_scopes", "parameters", "said", "status_in_words", "transport_word"]

_CODES = (
    "invalid_scope|insufficient_scope|scope_invalid|invalid_client_id|invalid_client|unauthorized_client|invalid_grant"
    "|unsupported_grant_type|unsupported_response_type|invalid_request|invalid_target|invalid_token|access_denied"
    "|redirect_uri_mismatch|invalid_redirect_uri|consent_required|interaction_required|server_error"
    "|temporarily_unavailable|slow_down|missing\\.any\\.permissions|missing\\.permissions|not\\.authorized"
    "|bad\\.credentials|credentials\\.expired|too\\.many\\.requests|INSUFFICIENT_ACCESS|INVALID_SESSION_ID"
    "|API_DISABLED_FOR_ORG|REQUEST_LIMIT_EXCEEDED|OAUTH_APP_ACCESS_DENIED"
)
_QUOTED = r"(\"[^\"\n]{0,600}\"|'[^'\n]{0,600}'|[^\s&\"',;\\]{1,600})"
_PAIRS = {
    "error": re.compile(rf"(?<![\w.-])(?:oauth_?)?(?:error(?:_?code)?|err)(?:=|:\s?){_QUOTED}", re.IGNORECASE),
    "description": re.compile(
        rf"(?<![\w.-])(?:error_?description|error_?message|error_?summary|description)(?:=|:\s?){_QUOTED}", re.I
    ),
}
_CODE_WORD = re.compile(rf"(?<![\w./-])(?:{_CODES})(?![\w-])")
_AFTER_CODE = re.compile(r"[\"'\])]{0,2}[ \t]{0,3}[:,;—–-]?\s{0,3}[(\"']?([^\n]{0,600})")
_CLASSES = re.compile(
    r"\b(Invalid|Unauthorized|Insufficient|Unsupported|Access)(Scope|Client|Grant|GrantType|Denied|Request|Token|Target)"
    r"(?:Error|Exception)\b(?:[:(]\s{0,3}([^\n]{0,500}))?"
)
_ENTRA = re.compile(r"AADSTS\d{4,8}[:\s][^\n]{0,600}")
_VENDOR_LINE = re.compile(
    r"(?i)\b(?:scopes?|permissions?|grant[ _]type|redirect[_ ]ur[il]|client(?:[ _]id)?|client[ _]secret|tenant|realm"
    r"|organi[sz]ation)\b"
)
_REFUSING = re.compile(
    r"(?i)\b(?:invalid|not|no|denied|unauthori[sz]ed|forbidden|missing|lacks?|unknown|mismatch|expired|disabled|failed)\b"
)
_STATUS = re.compile(
    r"(?i)(?:\bstatus(?:[ _-]?code)?(?: is| was| of)?\s{0,3}[\"']?\s{0,2}[=:]?\s{0,3}[\"']?|\bHTTP(?:[ /][\d.]{1,3})?"
    r"(?: error| status| response)?:?\s{1,2}|^\(|(?:Client|Server) error [\"']|indicate success: |cannot fetch token: "
    r"|\bcode[ =:]\s{0,2})([1-5]\d\d)\b(?![\d.])"
    r"|\b([1-5]\d\d)\s{1,2}(?:Client Error|Server Error|Bad Request|BAD_REQUEST"
    r"|Unauthorized|UNAUTHORIZED|Forbidden|FORBIDDEN|Not Found|NOT_FOUND|Method Not Allowed|Too Many Requests"
    r"|Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)\b",
    re.MULTILINE,
)
_TRANSPORT = (
    ("tls_untrusted", r"CERTIFICATE_VERIFY_FAILED|unable to (?:get local|verify the first)|PKIX path building failed"
     r"|self[- ]signed certificate|SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF|x509: certificate"
     r"|RemoteCertificate(?:Name|Chain)"
     r"|curl: \(60\)|SSL certificate problem|certificate has expired|ERR_CERT_"),
    ("proxy_failure", r"Proxy Authentication Required|ProxyError|Tunnel connection failed|ERR_PROXY|curl: \(5\)"),
    ("dns_failure", r"ENOTFOUND|EAI_AGAIN|getaddrinfo|Name or service not known|nodename nor servname"
     r"|Temporary failure in name resolution|UnknownHostException|no such host|Could not resolve host"
     r"|NameResolutionError|No such host is known|ERR_NAME_NOT_RESOLVED"),
    ("connection_refused", r"ECONNREFUSED|[Cc]onnection refused|actively refused|ERR_CONNECTION_REFUSED"),
    ("timeout", r"ETIMEDOUT|timed out|Timeout(?:Error|Exception)|ConnectTimeout|ReadTimeout|context deadline exceeded"
     r"|i/o timeout|curl: \(28\)|ERR_TIMED_OUT|ERR_CONNECTION_TIMED_OUT"),
    ("network_unreachable", r"ENETUNREACH|EHOSTUNREACH|[Nn]etwork is unreachable|No route to host"),
    ("connection_reset", r"ECONNRESET|socket hang up|[Cc]onnection reset|RemoteDisconnected|ERR_CONNECTION_RESET"),
)  # fmt: skip
_ID_NAMES = re.compile(
    r"(?i)^(?:x-)?(?:[a-z0-9-]{0,30}-)?(?:request|correlation|trace|transaction|client-request)[-_]?id$|^traceparent$"
    r"|^(?:context|error|trace|correlation|request)_?id$|^x-ms-(?:request|client-request)-id$|^cf-ray$|^x-auth0-requestid$"
)
_ID_LINES = re.compile(
    r"(?i)\b(ININ-Correlation-Id|x-okta-request-id|correlation[ _-]?id|trace[ _-]?id|request[ _-]?id)"
    r"[\"']?\s{0,2}[:=]\s{0,2}"
    r"[\"']?([\w.:-]{6,100})"
)
_PARAMETER = re.compile(
    r"(?<![\w-])(grant_type|scope|client_id|org_id|redirect_uri)(\\{0,15}[\"'])?(\s{0,3}(?:=>|[:=])\s{0,3}|%3D)(\\{0,15}[\"'])?",
    re.IGNORECASE,
)
_SCOPE_QUOTED = re.compile(r"(?i)\bscopes?\b[^'\"`‘“\n]{0,40}['\"`‘“]([^'\"`’”\s]{1,200})['\"`’”]")
_SCOPE_LIST = re.compile(r"(?i)\b(scopes?|permissions?(?:\(s\))?)\s{0,2}[:=]\s{0,2}\[?([^\n]{1,600})")
_SCOPE_NAMED = re.compile(r"(?i)\b(?:scope|permission)\s{1,2}(\S{0,199}[:/._]\S{1,199}) (?:is|was|does|has)\b")


@dataclass(frozen=True, slots=True)
class Said:
    """A code, and the sentence beside it."""

    error: str | None = None
    description: str | None = None


def said(text: str, challenge: str | None = None) -> Said:
    """The last answer's code and sentence, from pairs, from codes in sentences, or from what vendors write.

    >>> said("level=error error=invalid_scope error_description='no such scope'")
    Said(error='invalid_scope', description='no such scope')
    >>> said("[invalid_grant] no valid scopes defined")
    Said(error='invalid_grant', description='no valid scopes defined')
    """
    for source in (challenge, text):
        if source and (pair := _pair(source)).error:
            beside = _ENTRA.search(text)
            return (
                pair if pair.description else Said(pair.error, _sentence(beside[0]) if beside else _vendor_line(text))
            )
    words = list(_CODE_WORD.finditer(text))
    if words:
        told = [(word, _after(text, word.end())) for word in words]
        word, sentence = next((each for each in reversed(told) if each[1]), told[-1])
        return Said(word[0], sentence)
    for match in reversed(list(_CLASSES.finditer(text))):
        code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", match[1] + match[2]).lower()
        return Said(code, _sentence(match[3]))
    entra = _ENTRA.search(text)
    return Said(None, _sentence(entra[0])) if entra else Said(None, _vendor_line(text))


def status_in_words(text: str) -> int | None:
    """A status that is told in a sentence, the last one.

    >>> status_in_words("Request failed with status code 403"), status_in_words("cannot fetch token: 400 Bad Request")
    (403, 400)
    """
    found = [match[1] or match[2] for match in _STATUS.finditer(text)]
    return int(found[-1]) if found else None


def transport_word(text: str) -> str | None:
    """The kit's word for a failure of the network that the text tells of."""
    return next((word for word, pattern in _TRANSPORT if re.search(pattern, text)), None)


def correlation(headers: Mapping[str, str], found: Sequence[Mapping[str, Any]], text: str) -> Iterator[tuple[str, str]]:
    """Ids that the server's support asks for, each once."""
    seen: set[str] = set()
    pairs = [*headers.items(), *(pair for value in found for pair in value.items())]
    named = [(key, value) for key, value in pairs if isinstance(value, str) and _ID_NAMES.match(str(key)[:60])]
    for key, value in [*named, *((match[1], match[2]) for match in _ID_LINES.finditer(text))]:
        if value and value not in seen and REDACTED not in value and len(seen) < 8:
            seen.add(value)
            yield str(key)[:60], value[:200]


def parameters(text: str) -> dict[str, str]:
    """Parameters of the request, as a form, a query, an object or an option writes them; the last of each counts.

    >>> parameters("-d 'grant_type=client_credentials&scope=a+b%3Ac'")
    {'grant_type': 'client_credentials', 'scope': 'a b:c'}
    """
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(text):
        colon, quoted = ":" in match[3], match[2] or match[4]
        if colon and not quoted:
            continue  # prose: "invalid scope: …"
        end = _end(text, match)
        value = text[match.end() : end][:2000]
        if not match[4] and re.search(r"[%+]", value):
            value = unquote_plus(value)
        if value.strip() and REDACTED not in value:
            found[match[1].lower()] = value.strip()
    return found


def listed_scopes(text: str) -> tuple[tuple[str, ...], bool]:
    """Scopes or permissions that a sentence names, and whether as a list, which may echo the whole request.

    >>> listed_scopes("The requested scope 'a:b' is not authorized"), listed_scopes("Invalid scopes: a b")
    ((('a:b',), False), (('a', 'b'), True))
    """
    quoted = [name for name in _SCOPE_QUOTED.findall(text) if is_scope(name) and name.lower() not in ("scope", "scp")]
    if quoted:
        return tuple(dict.fromkeys(quoted)), False
    for kind, tail in _SCOPE_LIST.findall(text):
        names = []
        for word in re.split(r"[\s,]+", re.sub(r"(?<=\S)\. .*|See:.*", "", tail))[:50]:
            name = word.strip("[]()'\"`.;")
            if (
                not name
                or not is_scope(name)
                or (kind.lower().startswith("perm") and ":" not in name[:-1])
                or name[-1] == ":"
            ):
                break
            names.append(name)
        if names:
            return tuple(dict.fromkeys(names)), True
    found = [name.strip("'\"") for name in _SCOPE_NAMED.findall(text)]
    return tuple(dict.fromkeys(name for name in found if is_scope(name))), False


def _pair(text: str) -> Said:
    pairs = [(match, _unquoted(text, match)) for match in _PAIRS["error"].finditer(text)]
    codes = [code for match, code in pairs if _is_code(code, sure="=" in match[0][: -len(match[1])])]
    if not codes:
        return Said()
    sentences = [_unquoted(text, match) for match in _PAIRS["description"].finditer(text)]
    return Said(codes[-1], _sentence(sentences[-1]) if sentences else None)


def _is_code(word: str, *, sure: bool) -> bool:
    """Whether ``error: word`` gives a code, and is no sentence's beginning."""
    if word.lower() in ("true", "false", "null", "none") or not re.fullmatch(r"[A-Za-z][\w.]{2,80}", word):
        return False
    return sure or "_" in word or _CODE_WORD.fullmatch(word) is not None


def _unquoted(text: str, match: re.Match[str]) -> str:
    value = match[1]
    if value[0] in "\"'":
        return value[1:-1]
    in_query = (
        text[max(0, match.start() - 1) : match.start()] in ("?", "&", "#") or text[match.end() : match.end() + 1] == "&"
    )
    return unquote_plus(value) if in_query or "%20" in value else value


def _after(text: str, end: int) -> str | None:
    match = _AFTER_CODE.match(text, end)
    return _sentence(match[1]) if match else None


def _sentence(text: str | None) -> str | None:
    """A sentence of some words, its closing quotes and brackets taken off."""
    plain = (text or "").strip().rstrip("\"'`)}]>,; ").strip()[:MOST_TEXT]
    return plain if re.search(r"[A-Za-z]{2,}\W+[A-Za-z]{2,}", plain) or REDACTED in plain else None


def _vendor_line(text: str) -> str | None:
    for line in text[:50_000].split("\n")[:500]:
        if len(line) < 1000 and _VENDOR_LINE.search(line) and _REFUSING.search(line):
            return _sentence(line)
    return None


def _end(text: str, match: re.Match[str]) -> int:
    """Where a parameter's value ends."""
    start, far = match.end(), min(len(text), match.end() + 2000)
    marks = "&\n"
    before = text[max(0, match.start() - 1) : match.start()]
    if match[4]:
        marks = match[4][-1] + "\\\n"
    elif match[3].lower() == "%3d":
        marks = "& \n\"'"
        cut = text.find("%26", start, far)
        far = cut if cut >= 0 else far
    elif before in ("'", '"') and not match[2]:
        marks = before + "&\n"
    else:
        marks = "& \n\"',;}]<>)"
    return next((at for at in range(start, far) if text[at] in marks), far)
