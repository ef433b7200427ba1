"""What a URL of an investigation file must be before anything is sent to it."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from ..records import Org
from .places import Unfit

__all__ = ["check_endpoint", "check_issuer", "check_redirect", "host_port", "secret_hosts", "shown"]

# RFC 3986 §2: unreserved, reserved and "%"; urlsplit would silently drop tabs and newlines.
_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_LOOPBACK = ip_network("127.0.0.0/8")


def check_endpoint(url: str) -> str:
    """The ``url`` if requests may go there: ``https``, or ``http`` to loopback.

    >>> check_endpoint("http://127.0.0.1:8080/token")
    'http://127.0.0.1:8080/token'
    >>> check_endpoint("http://auth.example/token")
    Traceback (most recent call last):
    ...
    orgscope_kit.ask.places.Unfit: http://auth.example/token is http, which would send secrets in the clear

    Raises:
        Unfit: says everything that is wrong with it, without user information or query.
    """
    parts, faults = _split(url)
    if not parts.scheme or (parts.scheme not in ("http", "https") and "://" not in url):
        raise Unfit(f"{shown(url)} is no absolute URL", "Begin it with https://")
    try:
        port = parts.port
        if port == 0 or parts.netloc.endswith(":"):
            raise ValueError
    except ValueError:
        faults.append(("has no valid port", "Give a port from 1 to 65535, or none"))
    if not parts.hostname:
        faults.append(("names no host", "Write https://host/path"))
    elif not _is_host(parts.hostname):
        faults.append(
            ("has a host that is no host name", "Write the host in plain ASCII, an international name as xn--…")
        )
    elif parts.scheme == "http" and not _is_loopback(parts.hostname):
        faults.append(
            (
                "is http, which would send secrets in the clear",
                "Use https:// (http is for 127.0.0.0/8, ::1 and localhost)",
            )
        )
    if parts.scheme not in ("http", "https"):
        faults.append((f"has the scheme {parts.scheme}", "Use https://"))
    return _fit(url, faults)


def check_redirect(uri: str) -> str:
    """The ``uri`` if it can be a redirection endpoint (RFC 6749 §3.1.2): absolute, without fragment.

    >>> check_redirect("com.example.app:/callback")
    'com.example.app:/callback'
    """
    parts, faults = _split(uri)
    if not _SCHEME.match(uri) or not uri.partition(":")[2]:
        raise Unfit(f"{shown(uri)} is no absolute URI", "Write it whole, with its scheme, as it is registered")
    if parts.scheme in ("http", "https") and not parts.netloc:
        faults.append(("names no host", "Write it whole, as it is registered"))
    return _fit(uri, faults)


def check_issuer(url: str) -> str:
    """The ``url`` if it can be an issuer whose metadata may be asked for (RFC 8414 §2): an endpoint, without query.

    >>> check_issuer("https://auth.example/acme")
    'https://auth.example/acme'
    """
    if "?" in check_endpoint(url):
        raise Unfit(f"{shown(url)} has a query, and an issuer has none", "Write it as the server's metadata name it")
    return url


def host_port(url: str) -> str:
    """The ``host:port`` that a checked URL leads to.

    >>> host_port("https://Auth.Example/token")
    'auth.example:443'
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or (80 if parts.scheme == 'http' else 443)}"


def secret_hosts(org: Org) -> tuple[str, ...]:
    """Every ``host:port`` that gets the org's secret: introspection and revocation send it too (RFC 7662, RFC 7009)."""
    urls = (org.token_url, org.introspection_url, org.revocation_url)
    return tuple(dict.fromkeys(host_port(url) for url in urls if url))


def shown(url: str) -> str:
    """The URL for a message: no user information, query or fragment, and not too long.

    >>> shown("https://me:pass@host/path?key=1")
    'https://…@host/path?…'
    """
    text, mark, _ = url.partition("#")
    text, query, _ = text.partition("?")
    scheme, slashes, rest = text.rpartition("://")
    authority, slash, path = rest.partition("/")
    if "@" in rest:
        authority, slash, path = ("…@" + rest.rpartition("@")[2]).partition("/")
    text = f"{scheme}{slashes}{authority}{slash}{path}{'?…' if query else ''}{'#…' if mark else ''}"
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return printable if len(printable) <= 120 else printable[:120] + "…"


def _split(url: str) -> tuple[SplitResult, list[tuple[str, str]]]:
    if not url or not _CHARACTERS.fullmatch(url):
        raise Unfit(
            f"{shown(url) or 'it'} has a character that no URL can hold, or is empty", "Percent-encode it, or remove it"
        )
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Unfit(f"{shown(url)} is no valid URL", "Check its brackets: IPv6 hosts are written [::1]") from None
    faults = []
    if "@" in parts.netloc:
        faults.append(("holds a user name or password", "Remove what stands before the @"))
    if "#" in url:
        faults.append(("has a fragment", "Remove the # and what follows"))
    return parts, faults


def _fit(url: str, faults: list[tuple[str, str]]) -> str:
    if not faults:
        return url
    raise Unfit(f"{shown(url)} " + " and ".join(what for what, _ in faults), ". ".join(fix for _, fix in faults))


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return isinstance(ip_address(host), IPv6Address)
        except ValueError:
            return False
    return _HOST.fullmatch(host) is not None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address == IPv6Address("::1") if isinstance(address, IPv6Address) else address in _LOOPBACK
