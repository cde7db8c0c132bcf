"""Compact JWS (RFC 7515) of our own, and public keys as JWK (RFC 7517): without the library that
reads those of others, which most commands would load for nothing.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from dcrserver.strict_json import JsonObject, dumps

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_SHA256 = hashes.SHA256()
_ES256, _ES256_OCTETS = ec.ECDSA(_SHA256), 32  # RFC 7518 3.4
# RFC 7518 3.3, 3.5: the salt of PS256 is as long as the hash.
_RSA = {
    "RS256": padding.PKCS1v15(),
    "PS256": padding.PSS(padding.MGF1(_SHA256), _SHA256.digest_size),
}
# As the library calls them -> RFC 7518 6.2.1.1, RFC 8812 3.1.
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def sign(claims: JsonObject, key: PrivateKey, algorithm: str, kid: str, token_type: str) -> str:
    """A compact JWS of ``claims``; ``key`` is of the kind that ``algorithm`` needs."""
    signed = f"{_header(algorithm, kid, token_type)}.{base64url(dumps(claims).encode())}"
    return f"{signed}.{base64url(_signature(signed.encode(), key, algorithm))}"


def _signature(octets: bytes, key: Any, algorithm: str) -> bytes:  # noqa: ANN401 - as ``sign``
    if algorithm == "ES256":
        r, s = decode_dss_signature(key.sign(octets, _ES256))
        return r.to_bytes(_ES256_OCTETS, "big") + s.to_bytes(_ES256_OCTETS, "big")
    if algorithm in _RSA:
        return bytes(key.sign(octets, _RSA[algorithm], _SHA256))
    return bytes(key.sign(octets))


@lru_cache(maxsize=256)
def _header(algorithm: str, kid: str, token_type: str) -> str:
    return base64url(dumps({"alg": algorithm, "kid": kid, "typ": token_type}).encode())


def public_jwk(key: object) -> JsonObject:
    """A public key of the library as a JWK, without what it may be used for.

    Raises:
        ValueError: it is a key of another kind.
    """
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        point, octets = key.public_numbers(), (key.key_size + 7) // 8
        return {
            "kty": "EC",
            "crv": _CURVES.get(key.curve.name, key.curve.name),
            "x": _number(point.x, octets),
            "y": _number(point.y, octets),
        }
    for kind, name in ((ed25519.Ed25519PublicKey, "Ed25519"), (ed448.Ed448PublicKey, "Ed448")):
        if isinstance(key, kind):
            return {"kty": "OKP", "crv": name, "x": base64url(key.public_bytes_raw())}
    raise ValueError("it is no public key of a kind that is known")


def base64url(octets: bytes) -> str:
    """RFC 7515 2: without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _number(value: int, octets: int = 0) -> str:
    """RFC 7518 2: of an integer, in as few octets as hold it, or in ``octets``."""
    return base64url(value.to_bytes(octets or (value.bit_length() + 7) // 8, "big"))
