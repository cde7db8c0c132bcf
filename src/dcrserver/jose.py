"""Compact JWS (RFC 7515) as others present it: read strictly, verified by one key, one algorithm.

Which key and which algorithm is for the caller to say, by what was registered. What the header
says of keys (jku, jwk, x5u, x5c) is never followed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError
from jwt.warnings import InsecureKeyLengthWarning

from dcrserver.strict_json import BadJson, JsonObject, dumps, loads_object

_MAX_LENGTH = 16384
_MAX_KID = 128
# Seconds: far enough, and a float holds each of them. JSON's integers have no end.
_MAX_DATE = 2**53
_jws = PyJWS()
_OF_KEYS: Mapping[type, Any] = {
    rsa.RSAPublicKey: RSAAlgorithm,
    ec.EllipticCurvePublicKey: ECAlgorithm,
    ed25519.Ed25519PublicKey: OKPAlgorithm,
    ed448.Ed448PublicKey: OKPAlgorithm,
}
_ES256, _ES256_OCTETS = ec.ECDSA(hashes.SHA256()), 32  # RFC 7518 3.4
# Fully specified names (RFC 9864), which the library does not know yet.
for _name in ("Ed25519", "Ed448"):
    _jws.register_algorithm(_name, OKPAlgorithm())


class BadJws(ValueError):
    """Not a JWS that could be accepted, whatever its signature; the message says why."""


@dataclass(frozen=True, slots=True)
class Jws:
    """What a token says; nothing of it is true before ``verify``."""

    token: str
    header: JsonObject
    claims: JsonObject

    @property
    def algorithm(self) -> str:
        return str(self.header.get("alg"))

    @property
    def kid(self) -> str | None:
        """The id of the key that is said to have signed; None where none is named."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None

    def text(self, claim: str) -> str:
        """A claim that is a text; empty where it is missing or something else."""
        value = self.claims.get(claim)
        return value if isinstance(value, str) else ""

    def number(self, claim: str) -> float | None:
        """A NumericDate (RFC 7519 2); None without, or for what no clock will ever show."""
        value = self.claims.get(claim)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number and abs(value) <= _MAX_DATE else None  # type: ignore[arg-type]


def parse(token: str) -> Jws:
    """Reads a compact JWS (RFC 7515 3.1) without verifying its signature.

    Raises:
        BadJws: no compact JWS of two JSON objects, or one with demands that nobody here knows.
    """
    if len(token) > _MAX_LENGTH:
        raise BadJws("it is too long")
    try:
        parts = _jws.decode_complete(token, options={"verify_signature": False})
        header = loads_object(_octets(token.partition(".")[0]), max_members=50)
        claims = loads_object(parts["payload"], max_members=200)
    except (PyJWTError, BadJson, ValueError):
        raise BadJws("it is no compact JWS of JSON objects") from None
    if "crit" in header or "b64" in header:  # RFC 7515 4.1.11: what is not understood is refused
        raise BadJws("it has critical header parameters that are not understood")
    kid = header.get("kid", "")
    if not isinstance(kid, str) or len(kid) > _MAX_KID or not kid.isprintable():
        raise BadJws("its kid is not a short text")
    return Jws(token, header, claims)


def verify(jws: Jws, key: JsonObject | bytes, algorithm: str) -> bool:
    """Whether ``jws`` was signed by ``key`` (a public JWK, or the octets of a secret)."""
    try:
        implementation = _jws.get_algorithm_by_name(algorithm)
        prepared = key if isinstance(key, bytes) else implementation.from_jwk(json.dumps(key))
        with warnings.catch_warnings():
            # How long keys must be was settled when the client was registered.
            warnings.simplefilter("ignore", InsecureKeyLengthWarning)
            _jws.decode_complete(jws.token, prepared, [algorithm])
    except (PyJWTError, NotImplementedError, ValueError, TypeError):
        return False
    return True


def sign(claims: JsonObject, key: Any, algorithm: str, kid: str, token_type: str) -> str:  # noqa: ANN401 - a private key
    """A compact JWS of ``claims``; ``key`` is the private key that ``algorithm`` needs."""
    signed = f"{_header(algorithm, kid, token_type)}.{base64url(dumps(claims).encode())}"
    return f"{signed}.{base64url(_signature(signed.encode(), key, algorithm))}"


def _signature(octets: bytes, key: Any, algorithm: str) -> bytes:  # noqa: ANN401 - as ``sign``
    if algorithm != "ES256":
        return _jws.get_algorithm_by_name(algorithm).sign(octets, key)
    # PyJWT goes through hexadecimal text, for a fifth of the whole signature.
    r, s = decode_dss_signature(key.sign(octets, _ES256))
    return r.to_bytes(_ES256_OCTETS, "big") + s.to_bytes(_ES256_OCTETS, "big")


@lru_cache(maxsize=256)
def _header(algorithm: str, kid: str, token_type: str) -> str:
    return base64url(dumps({"alg": algorithm, "kid": kid, "typ": token_type}).encode())


def public_jwk(key: object) -> JsonObject:
    """A public key of the library as a JWK, without what it may be used for.

    Raises:
        ValueError: it is a key of another kind.
    """
    for kind, algorithm in _OF_KEYS.items():
        if isinstance(key, kind):
            made: JsonObject = algorithm.to_jwk(key, as_dict=True)
            return {name: value for name, value in made.items() if name != "key_ops"}
    raise ValueError("it is no public key of a kind that is known")


def thumbprint(key: JsonObject) -> str:
    """RFC 7638 3: of a public JWK."""
    members = {"RSA": ("e", "n"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}[str(key["kty"])]
    required = {name: key[name] for name in sorted((*members, "kty"))}
    text = json.dumps(required, separators=(",", ":"))
    return base64url(hashlib.sha256(text.encode()).digest())


def base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _octets(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
