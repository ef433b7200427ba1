"""Client assertions: a client that signs who it is (RFC 7523 §2.2 and §3, OpenID Connect Core §9)."""

from __future__ import annotations

import json
import ssl
import warnings
from collections.abc import Mapping
from secrets import token_urlsafe
from time import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from ..ask.places import Unfit, dotted
from ..ask.spec import Spec
from ..errors import Problem
from ..records import Org
from .credentials import Credentials, Secret

__all__ = ["ASSERTING", "ASSERTION_TYPE", "client_assertion", "unusable"]

#: The methods in which a client signs who it is.
ASSERTING = ("client_secret_jwt", "private_key_jwt")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFE_S = 60
_EARLY_S = 5  # our clock may be a little ahead of the server's
_OF_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "secp256k1": "ES256K", "Ed25519": "EdDSA"}
_OF_TYPE = {"RSA": "RS256", "oct": "HS256"}
_KINDS: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_GIVE = "Give the client's private key as PEM (BEGIN PRIVATE KEY) or JWK"


def client_assertion(org: Org, secret: Secret) -> str:
    """A fresh assertion for one request: short-lived, with an id of its own, meant for this server alone.

    Raises:
        Unfit: the key cannot sign.
    """
    key = _shared(secret) if org.auth_method == "client_secret_jwt" else _private(secret.reveal())
    algorithm = org.client_key_alg or _algorithm(key)
    now = int(time())
    claims: dict[str, Any] = {
        "iss": org.client_id,
        "sub": org.client_id,
        "aud": org.client_assertion_audience or _audience(org),
        "iat": now - _EARLY_S,
        "exp": now + _LIFE_S,
        "jti": token_urlsafe(24),
    }
    header = {"alg": algorithm}
    key_id = org.client_key_id or (key.kid if key.key_type != "oct" else None)
    if key_id:
        header["kid"] = key_id
    try:
        if algorithm.lower() == "none":
            raise ValueError
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)
            return jwt.encode(header, claims, key, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        what = f"cannot sign with {algorithm[:20]} ({type(error).__name__})"
        raise Unfit(what, "Correct `client_key_alg`, or give a key of its type and size") from None


def unusable(spec: Spec, credentials: Credentials) -> list[Problem]:
    """Every key or certificate that cannot be used, with what is wrong and the fix; no content is shown."""
    place, found = spec.source.name if spec.source else "investigation", []
    for org in spec.orgs:
        secret = credentials.secret(org.name)
        try:
            if org.auth_method in ASSERTING and secret is not None:
                client_assertion(org, secret)
        except Unfit as error:
            reference = spec.secrets[org.name]
            where = f"{place}: {dotted(('orgs', org.name, reference.key))}"
            found.append(Problem(where, f"{reference} {error.what}", error.fix))
        if org.certificate and not _loads(org.certificate):
            fix = "Give a certificate and the private key that belongs to it, both PEM, the key without passphrase"
            where = f"{place}: {dotted(('orgs', org.name, 'client_certificate'))}"
            found.append(Problem(where, "certificate and key cannot be loaded, or do not belong together", fix))
    return found


def _audience(org: Org) -> str:
    """The token endpoint, or the issuer where it was discovered (RFC 7523 §3 takes either)."""
    return org.issuer if org.issuer and org.discovers_token_url else org.token_url


def _shared(secret: Secret) -> OctKey:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # how long the secret is, the server decides
        return OctKey.import_key(secret.reveal())


def _private(text: str) -> Key:
    stripped = text.strip()
    key = _of_jwk(stripped) if stripped.startswith("{") else _of_pem(stripped)
    if not key.is_private:
        raise Unfit("holds a public key, and the private one signs", _GIVE)
    return key


def _of_jwk(text: str) -> Key:
    try:
        members = json.loads(text)
        if isinstance(members.get("keys"), list):
            (members,) = members["keys"]
        return _KINDS[members["kty"]].import_key(members)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise Unfit("is no JWK of type RSA, EC or OKP, or holds several", _GIVE) from None


def _of_pem(text: str) -> Key:
    if "-----BEGIN" not in text:
        raise Unfit("holds neither PEM nor JWK", _GIVE)
    if "\n" not in text:
        text = text.replace("\\n", "\n")  # as variables of the environment often hold it
    if "ENCRYPTED" in text:
        raise Unfit("holds a key that is locked by a passphrase", "Unlock it: openssl pkey -in key.pem -out open.pem")
    if "CERTIFICATE-----" in text and "PRIVATE KEY-----" not in text:
        raise Unfit("holds a certificate, and the private key signs", _GIVE)
    for kind in _KINDS.values():
        try:
            return kind.import_key(text)
        except (JoseError, ValueError, TypeError):
            continue
    raise Unfit("holds no readable key of type RSA, EC or Ed25519", _GIVE)


def _algorithm(key: Key) -> str:
    own = key.get("alg")
    if isinstance(own, str):
        return own
    if key.key_type in _OF_TYPE:
        return _OF_TYPE[key.key_type]
    return _OF_CURVE.get(str(key.get("crv")), "ES256")


def _loads(certificate: tuple[str, str]) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(*certificate, password=b"")
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        return False
    return True
