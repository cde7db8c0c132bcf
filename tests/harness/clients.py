"""Clients as they prove who they are: keys, assertions, DPoP proofs, certificates."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import secrets
import time
from typing import Any
from urllib.parse import quote

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from jwt.algorithms import get_default_algorithms

from harness.application import BASE_URL

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_ENDPOINT = f"{BASE_URL}/token"


def new_key(algorithm: str = "ES256") -> PrivateKey:
    if algorithm.startswith("ES"):
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def public_jwk(key: PrivateKey, algorithm: str = "ES256", **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(get_default_algorithms()[algorithm].to_jwk(key.public_key()))
    made.pop("key_ops", None)
    return {"kty": made["kty"], **made, **members}


def claims_for(client_id: str, **changes: Any) -> dict[str, Any]:
    """Of a good assertion; ... takes a claim away."""
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": BASE_URL,
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_hex(8),
    } | changes
    return {name: value for name, value in claims.items() if value is not ...}


def assertion(
    client_id: str,
    key: Any,
    algorithm: str = "ES256",
    headers: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, str]:
    """The form fields of an assertion."""
    token = jwt.encode(claims_for(client_id, **changes), key, algorithm, headers=headers)
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}


def proof(
    key: PrivateKey,
    algorithm: str = "ES256",
    headers: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, str]:
    """The header of a DPoP proof for the token endpoint."""
    claims = {
        "htm": "POST",
        "htu": TOKEN_ENDPOINT,
        "iat": int(time.time()),
        "jti": secrets.token_hex(8),
    } | changes
    header = {"typ": "dpop+jwt", "jwk": public_jwk(key, algorithm)} | (headers or {})
    kept = {name: value for name, value in claims.items() if value is not ...}
    return {"DPoP": jwt.encode(kept, key, algorithm, headers=header)}


def certificate(
    key: PrivateKey,
    subject: str = "CN=client.example.org,O=Example,C=DE",
    *,
    san: list[x509.GeneralName] | None = None,
    days: tuple[int, int] = (-1, 1),
) -> x509.Certificate:
    """A self-signed one, valid from and to so many days from now."""
    now = dt.datetime.now(dt.UTC)
    name = x509.Name.from_rfc4514_string(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
    )
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName(san), critical=False)
    return builder.sign(
        key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    )


def pem(made: x509.Certificate) -> str:
    return made.public_bytes(serialization.Encoding.PEM).decode()


def escaped(made: x509.Certificate) -> str:
    """As nginx writes it into a header."""
    return quote(pem(made))


SANS: dict[str, tuple[str, x509.GeneralName]] = {
    "tls_client_auth_san_dns": ("Client.Example.org", x509.DNSName("client.example.org")),
    "tls_client_auth_san_uri": (
        "https://client.example.org/id",
        x509.UniformResourceIdentifier("https://client.example.org/id"),
    ),
    "tls_client_auth_san_ip": (
        "2001:db8::1",
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
    ),
    "tls_client_auth_san_email": (
        "ops@client.example.org",
        x509.RFC822Name("ops@client.example.org"),
    ),
}
