"""Compact JWS (RFC 7515) as others present it: read strictly, verified by one key, one algorithm.

Which key and which algorithm is for the caller to say, by what was registered. What the header
says of keys (jku, jwk, x5u, x5c) is never followed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import warnings
from dataclasses import dataclass

from jwt.algorithms import OKPAlgorithm
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError
from jwt.warnings import InsecureKeyLengthWarning

from dcrserver.signing import base64url
from dcrserver.strict_json import BadJson, JsonObject, loads_object

_MAX_LENGTH = 16384
_MAX_KID = 128
# Seconds: far enough, and a float holds each of them. JSON's integers have no end.
_MAX_DATE = 2**53
_jws = PyJWS()
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


def thumbprint(key: JsonObject) -> str:
    """RFC 7638 3: of a public JWK."""
    members = {"RSA": ("e", "n"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}[str(key["kty"])]
    required = {name: key[name] for name in sorted((*members, "kty"))}
    text = json.dumps(required, separators=(",", ":"))
    return base64url(hashlib.sha256(text.encode()).digest())


def _octets(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
