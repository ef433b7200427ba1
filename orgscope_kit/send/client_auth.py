"""How a client shows who it is (RFC 6749 §2.3.1), and the requests that carry it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import httpx

from .. import __version__
from ..providers import Inspection, Revocation
from ..records import Org, Probe
from .assertions import ASSERTING, ASSERTION_TYPE, client_assertion
from .credentials import Secret

__all__ = [
    "authorization_request",
    "carried",
    "encoding_differs",
    "inspection_request",
    "metadata_request",
    "revocation_request",
    "token_request",
    "user_agent",
]

#: Parameters whose values are as good as a credential, for a while.
_MATERIAL = ("client_assertion", "assertion", "subject_token", "actor_token", "refresh_token", "code", "token")


_COMMENT = " !#$&'*+,/:;=?@[]^`{|}"  # what may stand in a header's comment (RFC 9110 §5.6.5) beside letters and digits
_PLAIN = {"accept-encoding": "identity"}  # an answer is small, and unpacking it would count as the server's time


def user_agent(contact: str | None) -> str:
    """Names the kit, and whom to ask about it.

    >>> user_agent("iam@vendor.example").split(" ", 1)[1]
    '(OAuth scope diagnosis; iam@vendor.example)'
    """
    told = f"; {quote(contact, safe=_COMMENT)}" if contact else ""
    return f"orgscope_kit/{__version__} (OAuth scope diagnosis{told})"


def encoding_differs(org: Org, secret: Secret | None) -> bool:
    """Whether the credential reads otherwise when percent-encoded, so that servers can disagree about it."""
    if secret is None or org.auth_method not in ("client_secret_basic", "client_secret_post"):
        return False
    return any(quote_plus(part) != part for part in (org.client_id, secret.reveal()))


def token_request(
    org: Org, probe: Probe, form: Sequence[tuple[str, str]], secret: Secret | None, agent: str
) -> httpx.Request:
    """The token request of a probe: ``form`` and the client's authentication."""
    return _form_request(org.token_url, org, probe, form, secret, agent)


def inspection_request(
    how: Inspection, org: Org, probe: Probe, token: str, secret: Secret | None, agent: str
) -> httpx.Request:
    """The request that inspects ``token``: RFC 7662 §2.1, or a call with it as bearer (RFC 6750 §2.1)."""
    if how.kind == "introspect":
        form = [("token", token), ("token_type_hint", "access_token")]
        return _form_request(how.url, org, probe, form, secret, agent)
    return _bearer_request("GET", how.url, token, agent)


def revocation_request(
    how: Revocation, org: Org, probe: Probe, token: str, secret: Secret | None, agent: str
) -> httpx.Request:
    """The request that ends ``token``: RFC 7009 §2.1, or the platform's own DELETE with it as bearer."""
    if how.kind == "revoke":
        form = [("token", token), ("token_type_hint", "access_token")]
        return _form_request(how.url, org, probe, form, secret, agent)
    return _bearer_request("DELETE", how.url, token, agent)


def metadata_request(url: str, agent: str) -> httpx.Request:
    """The request for an issuer's metadata (RFC 8414 §3.1); it carries no credential."""
    return httpx.Request("GET", url, headers={"accept": "application/json", "user-agent": agent} | _PLAIN)


def carried(request: httpx.Request) -> list[str]:
    """What a request carries beside the client's secret that a server must not see shown: assertions, tokens, codes."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return []
    return [value for name, value in parse_qsl(request.content.decode()) if name in _MATERIAL]


def authorization_request(org: Org, agent: str) -> httpx.Request:
    """Whether the redirect URI is registered (RFC 6749 §4.1.1): the question carries no secret, and no one logs in."""
    query = {
        "response_type": "code",
        "client_id": org.client_id,
        "redirect_uri": org.redirect_uri or "",
        "state": "orgscope",
    }
    headers = {"accept": "text/html, application/json", "user-agent": agent} | _PLAIN
    return httpx.Request("GET", f"{org.authorization_url}?{urlencode(query)}", headers=headers)


def _form_request(
    url: str, org: Org, probe: Probe, form: Sequence[tuple[str, str]], secret: Secret | None, agent: str
) -> httpx.Request:
    headers = {
        "accept": "application/json",
        "user-agent": agent,
        "content-type": "application/x-www-form-urlencoded",
    } | _PLAIN
    pairs = list(form)
    if probe.auth_method == "client_secret_basic" and secret is not None:
        headers["authorization"] = _basic(org.client_id, secret, probe.secret_encoding == "percent")
    else:
        pairs.append(("client_id", org.client_id))
        if secret is not None and probe.auth_method == "client_secret_post":
            pairs.append(("client_secret", secret.reveal()))
        elif secret is not None and probe.auth_method in ASSERTING:  # a new one each time: its id counts once
            assertion = client_assertion(org, secret)
            pairs += [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]
    return httpx.Request("POST", url, headers=headers, content=urlencode(pairs).encode())


def _bearer_request(verb: str, url: str, token: str, agent: str) -> httpx.Request:
    headers = {"authorization": f"Bearer {token}", "accept": "application/json", "user-agent": agent} | _PLAIN
    return httpx.Request(verb, url, headers=headers)


def _basic(client_id: str, secret: Secret, percent: bool) -> str:
    parts = (client_id, secret.reveal())
    pair = ":".join(quote_plus(part) if percent else part for part in parts)
    return "Basic " + base64.b64encode(pair.encode()).decode()
