"""How a recorded request presented its client, and every secret that a recording holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .har_entries import Entry
from .masking import basic_pair, is_opaque, is_secret_name, is_telling

__all__ = ["PUBLIC_PARAMETERS", "Presented", "found_in", "presented"]

#: Parameters of a token request that carry no secret; the value of any other is none of a reader's business.
PUBLIC_PARAMETERS = frozenset(
    {
        "grant_type", "scope", "client_id", "org_id", "organization", "audience", "resource", "redirect_uri",
        "client_assertion_type", "assertion_type", "subject_token_type", "actor_token_type", "requested_token_type",
        "code_challenge_method", "response_type", "token_type_hint", "orgName", "tenant",
    }
)  # fmt: skip
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_MOST_MEMBERS = 2000
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Presented:
    """``method`` by the names of the registry; ``literal``: as it stood in the request; ``secret``: decoded."""

    method: str
    client_id: str | None
    secret: str = field(repr=False, default="")
    literal: str = field(repr=False, default="")


def presented(entry: Entry) -> Presented:
    """The client's authentication (RFC 6749 §2.3.1). Browsers may leave ``Authorization`` out of a file."""
    header = entry.header("authorization") or ""
    scheme, _, value = header.partition(" ")
    in_body, client_id = entry.parameter("client_secret"), entry.parameter("client_id")
    if scheme.lower() == "basic":
        pair = basic_pair(value)
        if pair:
            _, literal, decoded = pair  # a `+` alone is no sign of an encoding
            return Presented("client_secret_basic", pair[0], decoded if _ESCAPE.search(literal) else literal, literal)
        return Presented("client_secret_basic", client_id, value, value)
    if in_body is not None:
        return Presented("client_secret_post", client_id, in_body, in_body)
    assertion = entry.parameter("client_assertion")
    if assertion is not None:
        return Presented("private_key_jwt", client_id)
    if client_id is not None:
        return Presented("none", client_id)
    return Presented("client_secret_basic", None)


def found_in(recorded: Iterable[Entry]) -> frozenset[str]:
    """Every secret and token of these exchanges, as it stood and decoded."""
    found: set[str] = set()
    for entry in recorded:
        found.update(_sent(entry))
        found.update(_members(entry.answer))
    return frozenset(value for value in found if is_telling(value, _SHORTEST))


def _sent(entry: Entry) -> Iterator[str]:
    for name, value in (*entry.request_headers, *entry.response_headers):
        if not is_secret_name(name):
            continue
        yield from (value, value.partition(" ")[2], *basic_pair(value.partition(" ")[2])[1:])
        if "cookie" in name:
            yield from (part.partition("=")[2].strip() for part in value.split(";") if _is_telling(part))
    for name, value in entry.form:
        if name not in PUBLIC_PARAMETERS:
            yield value


def _is_telling(cookie: str) -> bool:
    value = cookie.partition("=")[2].strip()
    return is_opaque(value) and "://" not in value


def _members(value: Any, name: str = "") -> Iterator[str]:
    """Members of an answer whose names say that they are secret."""
    waiting, seen = [(name, value)], 0
    while waiting and seen < _MOST_MEMBERS:
        seen += 1
        key, each = waiting.pop()
        if isinstance(each, dict):
            waiting += [(str(k), v) for k, v in list(each.items())[:200]]
        elif isinstance(each, list):
            waiting += [(key, v) for v in each[:200]]
        elif isinstance(each, str) and is_secret_name(key) and (key != "code" or is_opaque(each)):
            yield each
