"""What an issuer's metadata say (RFC 8414, OpenID Connect Discovery): where its endpoints are, and what it knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from ..records import Org
from ..scopes import is_scope
from .places import Unfit
from .urls import check_endpoint, host_port, shown

__all__ = ["METADATA_FAULTS", "Metadata", "applied", "read_metadata", "well_known"]

_ENDPOINTS = ("token_endpoint", "introspection_endpoint", "revocation_endpoint", "authorization_endpoint")
_MOST_LISTED = 5000
#: The kit's own words for metadata that cannot be used.
METADATA_FAULTS = ("issuer_mismatch", "no_token_endpoint", "token_endpoint_elsewhere")
#: Scopes of OpenID Connect: a list of these alone is no inventory of what a server's APIs know.
_OPENID = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is kept of an issuer's metadata.

    Attributes:
        scopes: ``scopes_supported``; auth_methods: ``token_endpoint_auth_methods_supported``; ``None`` where absent.
        exchange_id: the exchange that brought them.
    """

    issuer: str
    token_endpoint: str
    introspection_endpoint: str | None = None
    revocation_endpoint: str | None = None
    authorization_endpoint: str | None = None
    scopes: tuple[str, ...] | None = None
    auth_methods: tuple[str, ...] | None = None
    exchange_id: int = 0

    @property
    def is_inventory(self) -> bool:
        """Whether ``scopes`` lists more than the scopes of OpenID Connect."""
        return bool(set(self.scopes or ()) - _OPENID)

    def as_json(self) -> dict[str, Any]:
        """For the journal and ``run.json``."""
        return asdict(self)

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Metadata:
        """The inverse of ``as_json``."""
        lists = {name: None if kept[name] is None else tuple(kept[name]) for name in ("scopes", "auth_methods")}
        return cls(**{**kept, **lists})


def well_known(issuer: str) -> tuple[str, str]:
    """Where an issuer's metadata lie: RFC 8414 §3.1, then OpenID Connect Discovery §4.

    >>> well_known("https://auth.example/acme")[0]
    'https://auth.example/.well-known/oauth-authorization-server/acme'
    >>> well_known("https://auth.example/acme/")[1]
    'https://auth.example/acme/.well-known/openid-configuration'
    """
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    inserted = f"{origin}/.well-known/oauth-authorization-server{path}"
    return inserted, f"{origin}{path}/.well-known/openid-configuration"


def read_metadata(payload: Mapping[str, Any], org: Org) -> Metadata:
    """The metadata in ``payload``, if they are those of the org's issuer and of use to it.

    Raises:
        Unfit: they are not; ``what`` is the kit's word for it, ``fix`` the sentence.
    """
    told = payload.get("issuer")
    if told != org.issuer:  # RFC 8414 §3.3: identical, or not to be used
        named = f"the issuer {shown(told)}" if isinstance(told, str) else "no issuer"
        raise Unfit("issuer_mismatch", f"the metadata name {named}, and {org.issuer} was asked for (RFC 8414 §3.3)")
    token, introspection, revocation, authorization = (_endpoint(payload.get(name)) for name in _ENDPOINTS)
    if token is None:
        if not org.discovers_token_url:
            token = org.token_url
        else:
            raise Unfit("no_token_endpoint", "the metadata name no token endpoint that can be used")
    if org.discovers_token_url and host_port(token) != host_port(str(org.issuer)):
        says = f"the metadata name a token endpoint on another host ({host_port(token)}), which gets no secret"
        raise Unfit("token_endpoint_elsewhere", says)
    scopes, methods = (payload.get(f"{name}_supported") for name in ("scopes", "token_endpoint_auth_methods"))
    listed = _listed(scopes), _listed(methods)
    return Metadata(str(told), token, introspection, revocation, authorization, *listed)


def applied(org: Org, metadata: Metadata | None) -> Org:
    """``org`` with what its issuer's metadata add; what the file says stays, and no other host gets a secret."""
    if metadata is None or org.issuer != metadata.issuer:
        return org
    token = metadata.token_endpoint if org.discovers_token_url else org.token_url
    if org.discovers_token_url and host_port(token) != host_port(metadata.issuer):
        return org
    added = {
        name: url
        for name in ("introspection", "revocation", "authorization")
        if (url := getattr(metadata, f"{name}_endpoint")) is not None
        and getattr(org, f"{name}_url") is None
        and host_port(url) == host_port(token)
    }
    return replace(org, token_url=token, **{f"{name}_url": url for name, url in added.items()})


def _endpoint(url: Any) -> str | None:
    try:
        return check_endpoint(url) if isinstance(url, str) else None
    except Unfit:
        return None


def _listed(value: Any) -> tuple[str, ...] | None:
    """A list of names; ``None`` for what is none, or longer than can be kept whole."""
    if not isinstance(value, list) or not value or len(value) > _MOST_LISTED:
        return None
    return tuple(dict.fromkeys(each for each in value if isinstance(each, str) and is_scope(each)))
