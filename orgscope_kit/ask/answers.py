"""Single answers: which of them count, what a refusal is about, and whether two are alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import urlsplit

from ..providers import About, named
from ..providers.reading import whole
from ..records import Exchange, Org

__all__ = [
    "Shape",
    "shape",
    "TOKEN",
    "about",
    "alike",
    "host_of",
    "inspections",
    "org_id_to_send",
    "presents_alike",
    "token_rows",
]

#: What a refusal looks like, whatever was asked: status, code, text.
Shape: TypeAlias = tuple[int | None, str | None, str]

#: Outcomes that bring a token.
TOKEN = ("granted", "narrowed")


@lru_cache(maxsize=4096)  # asked for several times an exchange
def host_of(url: str) -> str:
    """``host:port`` of a URL, the port filled in.

    >>> host_of("https://login.example/oauth/token")
    'login.example:443'
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.hostname}:{port}"


def token_rows(org: Org, exchanges: Iterable[Exchange]) -> list[Exchange]:
    """The last attempt of each token request: inspections, the authorization endpoint and earlier attempts left out."""
    last: dict[str, Exchange] = {}
    for row in exchanges:
        if row.endpoint == org.token_endpoint and row.purpose != "inspect":
            last[row.probe_id] = row
    return list(last.values())


def org_id_to_send(org: Org) -> str | None:
    """The org parameter of the org's own token requests; ``None`` where the provider has none, or no id is known."""
    return org.org_id if named(org.provider).has_org_parameter else None


def presents_alike(one: Org, other: Org) -> bool:
    """Whether two orgs that hold the same credential put the same question to the same server."""

    def question(org: Org) -> tuple[object, ...]:
        way = org.auth_method, org.client_key_id, org.client_key_alg, org.client_assertion_audience, org.certificate
        return org.token_url, org.issuer, org_id_to_send(org), org.verify, *way

    return question(one) == question(other)


def inspections(org: Org, exchanges: Iterable[Exchange], kind: str) -> list[Exchange]:
    """The inspections of the org's tokens that are about ``kind``: the token, the permissions, or a resource."""
    endpoints = {how.endpoint for how in named(org.provider).inspections(org) if how.about == kind}
    return [row for row in exchanges if row.purpose == "inspect" and row.org == org.name and row.endpoint in endpoints]


def about(org: Org, row: Exchange) -> About | None:
    """What a refusal is about; ``None`` for an answer that is none."""
    if row.outcome != "refused":
        return None
    return named(org.provider).about(row.status, row.error, row.error_description)


def shape(row: Exchange) -> Shape:
    """Status, code and text of a refusal, the request's scopes, ids and times taken out of the text."""
    text = row.error_description or ""
    for scope in sorted(row.scope_requested or (), key=len, reverse=True):
        text = whole(scope).sub("#", text)
    return row.status, row.error, re.sub(r"#(\W*#)+", "#", re.sub(r"\S*\d\S*", "#", text))


def alike(one: Exchange, other: Exchange, *names: str) -> bool:
    """Whether two requests were answered alike: their scopes, ``names``, ids and times taken out of the texts."""
    varied = {*names, *(one.scope_requested or ()), *(other.scope_requested or ())}

    def shape(row: Exchange) -> tuple[object, ...]:
        text = row.error_description or ""
        for word in sorted(varied, key=len, reverse=True):
            text = whole(word).sub("#", text)
        return row.outcome, row.status, row.error, re.sub(r"\S*\d\S*", "#", text), bool(row.scope_granted)

    return shape(one) == shape(other)
