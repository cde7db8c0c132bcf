"""The public key in a JWK: sound, and as others encode it (RFC 7518 6, RFC 8037, RFC 7517 4.7)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dcrserver.metadata.model import Unacceptable
from dcrserver.strict_json import JsonObject, JsonValue

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_OkpKey: TypeAlias = (
    ed25519.Ed25519PublicKey | ed448.Ed448PublicKey | x25519.X25519PublicKey | x448.X448PublicKey
)
_CURVES: Mapping[str, tuple[Callable[[], ec.EllipticCurve], int]] = {
    "P-256": (ec.SECP256R1, 32),
    "P-384": (ec.SECP384R1, 48),
    "P-521": (ec.SECP521R1, 66),
    "secp256k1": (ec.SECP256K1, 32),
}
_OKP: Mapping[str, tuple[type[_OkpKey], int]] = {
    "Ed25519": (ed25519.Ed25519PublicKey, 32),
    "Ed448": (ed448.Ed448PublicKey, 57),
    "X25519": (x25519.X25519PublicKey, 32),
    "X448": (x448.X448PublicKey, 56),
}
_MAX_RSA_BITS = 8192
# A verification costs a multiplication for each bit of the exponent: 65537 has two that are set.
_MAX_EXPONENT_LENGTH = 11  # eight octets in base64url


def is_known(key_type: str, curve: str) -> bool:
    """Whether anybody here could use it; other keys are passed over (RFC 7517 5)."""
    return (
        key_type == "RSA"
        or (key_type == "EC" and curve in _CURVES)
        or (key_type == "OKP" and curve in _OKP)
    )


def check(key: JsonObject, min_rsa_bits: int) -> None:
    """Checks that the members of a JWK make a public key that is strong enough.

    Raises:
        Unacceptable: its members make no public key, too small a one, or not that of its x5c.
    """
    public = _PUBLIC.get(str(key["kty"]))
    if public is None:
        return
    encoded = public(key, min_rsa_bits)
    if "x5c" in key:
        _check_x5c(key["x5c"], encoded)


def is_costly(key: JsonObject) -> bool:
    """Whether it is an RSA key of a kind that is refused today, but was registered before that."""
    exponent = key.get("e")
    return isinstance(exponent, str) and len(exponent) > _MAX_EXPONENT_LENGTH


def public_der(key: JsonObject) -> bytes | None:
    """SubjectPublicKeyInfo of a checked key; None of an unknown type."""
    public = _PUBLIC.get(str(key["kty"]))
    return public(key, 0) if public is not None else None


def _check_x5c(chain: JsonValue, public: bytes | None) -> None:
    """RFC 7517 4.7: standard base64 DER; the leaf holds the very key (OIDR-2-14)."""
    if not isinstance(chain, list) or not chain or not all(isinstance(c, str) for c in chain):
        raise Unacceptable("has an x5c that is not a non-empty array of text")
    from cryptography import x509

    try:
        certificates = [
            x509.load_der_x509_certificate(base64.b64decode(str(item), validate=True))
            for item in chain
        ]
        leaf = certificates[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise Unacceptable("has an x5c that does not hold certificates") from None
    if public is not None and leaf.public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ) != (public):
        raise Unacceptable("has an x5c that is not about the same key")


def _rsa(key: JsonObject, min_bits: int) -> bytes | None:
    modulus, exponent = (int.from_bytes(_octets(key, name)) for name in ("n", "e"))
    if modulus.bit_length() < min_bits:
        raise Unacceptable(f"has an RSA modulus of less than {min_bits} bits")
    if modulus.bit_length() > _MAX_RSA_BITS:
        raise Unacceptable(f"has an RSA modulus of more than {_MAX_RSA_BITS} bits")
    if is_costly(key) or exponent % 2 == 0:
        raise Unacceptable("has an RSA exponent that is even, or longer than 8 octets")
    try:
        return _der(rsa.RSAPublicNumbers(exponent, modulus).public_key())
    except ValueError:
        raise Unacceptable("is not a valid RSA key") from None


def _ec(key: JsonObject, _min_rsa_bits: int) -> bytes | None:
    curve = key.get("crv")
    if not isinstance(curve, str):
        raise Unacceptable("has no crv")
    if curve not in _CURVES:
        return None
    make, size = _CURVES[curve]
    x, y = _octets(key, "x"), _octets(key, "y")
    if len(x) != size or len(y) != size:
        raise Unacceptable(f"has coordinates that are not {size} octets long")
    try:
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), make())
        return _der(numbers.public_key())
    except (ValueError, UnsupportedAlgorithm):
        raise Unacceptable(f"is not a point on {curve}") from None


def _okp(key: JsonObject, _min_rsa_bits: int) -> bytes | None:
    curve = key.get("crv")
    if not isinstance(curve, str):
        raise Unacceptable("has no crv")
    if curve not in _OKP:
        return None
    make, size = _OKP[curve]
    x = _octets(key, "x")
    if len(x) != size:
        raise Unacceptable(f"has an x that is not {size} octets long")
    return _der(make.from_public_bytes(x))


def _der(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | _OkpKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


_PUBLIC: Mapping[str, Callable[[JsonObject, int], bytes | None]] = {
    "RSA": _rsa,
    "EC": _ec,
    "OKP": _okp,
}


def _octets(key: JsonObject, name: str) -> bytes:
    """A base64url member without padding (RFC 7515 2)."""
    text = key.get(name)
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise Unacceptable(f"has no base64url {name}")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Unacceptable(f"has no base64url {name}") from None
