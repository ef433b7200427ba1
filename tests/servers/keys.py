"""Keys and self-signed certificates for the tests, made anew for each run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, OKPKey, RSAKey

__all__ = ["Certified", "certified", "private_pem", "public_jwk"]

Key = RSAKey | ECKey | OKPKey


@dataclass(frozen=True)
class Certified:
    """A self-signed certificate and its key, both PEM."""

    cert: str
    key: str

    def written(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Paths of both, written into ``folder``."""
        paths = folder / f"{name}.crt", folder / f"{name}.key"
        for path, text in zip(paths, (self.cert, self.key), strict=True):
            path.write_text(text, "utf-8")
            path.chmod(0o600)
        return paths

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half as JWK, with the certificate in ``x5c``."""
        body = "".join(line for line in self.cert.splitlines() if not line.startswith("-----"))
        return {**public_jwk(ECKey.import_key(self.key)), "x5c": [body]}


def certified(name: str) -> Certified:
    """A certificate of ``name``, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Certified(made.public_bytes(Encoding.PEM).decode(), pem)


def private_pem(key: Key) -> str:
    """The whole key as PEM."""
    return key.as_pem(private=True).decode()


def public_jwk(key: Key, **members: str) -> dict[str, Any]:
    """The public half as JWK."""
    return {**key.as_dict(private=False), **members}
