"""JWK Sets by value: public keys only, sound and consistent (RFC 7517, RFC 7518 6, RFC 8037)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dcrserver.metadata import algorithms
from dcrserver.metadata.model import Unacceptable, check_each
from dcrserver.metadata.policy import JwksPolicy
from dcrserver.strict_json import JsonObject, JsonValue

_PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
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
_SIGNING_OKP = frozenset({"Ed25519", "Ed448"})
_MAX_RSA_BITS = 16384
_ENCRYPTION_ALGORITHMS = frozenset((*algorithms.ENCRYPTION, "RSA1_5"))
_OPERATIONS: Mapping[str, frozenset[JsonValue]] = {
    "sig": frozenset({"verify"}),
    "enc": frozenset({"encrypt", "wrapKey", "deriveKey", "deriveBits"}),
}
_ALL_OPERATIONS = _OPERATIONS["sig"] | _OPERATIONS["enc"]

# What every checked set has met, whatever the policy.
_LEAST = JwksPolicy()
# What a key must be to work with an algorithm: key type, and curve where it is fixed.
_SIGNING_KEYS: Mapping[str, tuple[str, frozenset[str]]] = {
    **{name: ("RSA", frozenset()) for name in ("RS256", "RS384", "RS512")},
    **{name: ("RSA", frozenset()) for name in ("PS256", "PS384", "PS512")},
    "ES256": ("EC", frozenset({"P-256"})),
    "ES384": ("EC", frozenset({"P-384"})),
    "ES512": ("EC", frozenset({"P-521"})),
    "ES256K": ("EC", frozenset({"secp256k1"})),
    "EdDSA": ("OKP", _SIGNING_OKP),
    "Ed25519": ("OKP", frozenset({"Ed25519"})),
    "Ed448": ("OKP", frozenset({"Ed448"})),
}


def check(value: JsonValue, policy: JwksPolicy) -> None:
    """Whether ``value`` is a JWK Set a client may register.

    Keys of an unknown type are for others and are passed over (RFC 7517 5).

    Raises:
        Unacceptable: with the positions of the keys at fault.
    """
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list):
        raise Unacceptable("must be a JSON object with an array 'keys'")
    if len(keys) > policy.max_keys:
        raise Unacceptable(f"must not have more than {policy.max_keys} keys")
    check_each(keys, lambda key: _check_key(key, policy), "key")
    members = [key for key in keys if isinstance(key, dict)]
    _check_kids(members, policy)
    _check_uses(members)


def has_key_for(value: JsonValue, use: str, algorithm: str | None = None) -> bool:
    """Whether a checked set holds a key for ``use`` (sig or enc) and, if given, ``algorithm``."""
    return bool(keys_for(value, use, algorithm))


def keys_for(value: JsonValue, use: str, algorithm: str | None = None) -> list[JsonObject]:
    """Those keys of a checked set that are for ``use`` and, if given, ``algorithm``."""
    keys = value.get("keys") if isinstance(value, dict) else None
    return [
        key
        for key in (keys if isinstance(keys, list) else ())
        if isinstance(key, dict)
        and _allows(key, use, algorithm)
        and _suits(str(key.get("kty")), str(key.get("crv")), use, algorithm)
    ]


def public_der(key: JsonObject) -> bytes | None:
    """SubjectPublicKeyInfo of a checked key; None of an unknown type."""
    public = _PUBLIC.get(str(key["kty"]))
    return public(key, _LEAST) if public is not None else None


def has_certificate(value: JsonValue) -> bool:
    """Whether a checked set holds a certificate (RFC 8705 2.2.2)."""
    keys = value.get("keys") if isinstance(value, dict) else None
    return isinstance(keys, list) and any(isinstance(key, dict) and "x5c" in key for key in keys)


def _allows(key: JsonObject, use: str, algorithm: str | None) -> bool:
    """Whether what the key says of itself (use, key_ops, alg) permits this."""
    operations = key.get("key_ops")
    return (
        key.get("use", use) == use
        and ("alg" not in key or (key["alg"] in _SIGNING_KEYS) == (use == "sig"))
        and (algorithm is None or key.get("alg", algorithm) == algorithm)
        and (not isinstance(operations, list) or bool(_OPERATIONS[use].intersection(operations)))
    )


def _suits(key_type: str, curve: str, use: str, algorithm: str | None) -> bool:
    """Whether a key of this type and curve can do it."""
    if not _is_known(key_type, curve):
        return False
    if key_type == "OKP" and (curve in _SIGNING_OKP) != (use == "sig"):
        return False
    if algorithm is None:
        return True
    if use == "enc":
        return (key_type == "RSA") == algorithm.startswith("RSA")
    needed, curves = _SIGNING_KEYS.get(algorithm, ("", frozenset()))
    return key_type == needed and (not curves or curve in curves)


def _is_known(key_type: str, curve: str) -> bool:
    """Whether anybody here could use it; other keys are passed over (RFC 7517 5)."""
    return (
        key_type == "RSA"
        or (key_type == "EC" and curve in _CURVES)
        or (key_type == "OKP" and curve in _OKP)
    )


def _check_key(key: JsonValue, policy: JwksPolicy) -> None:
    if not isinstance(key, dict) or not isinstance(key.get("kty"), str):
        raise Unacceptable("must be a JSON object with a text 'kty'")
    if key["kty"] == "oct":
        raise Unacceptable("is symmetric; only public keys may be registered")
    if any(name in key for name in _PRIVATE_MEMBERS):
        raise Unacceptable("holds private key material; register the public key only")
    for name in ("kid", "use", "alg"):
        if name in key and not isinstance(key[name], str):
            raise Unacceptable(f"has a {name} that is not text")
    operations = key.get("key_ops", [])
    if not isinstance(operations, list) or not all(isinstance(item, str) for item in operations):
        raise Unacceptable("has a key_ops that is not an array of text")
    if len(set(map(str, operations))) != len(operations):  # RFC 7517 4.3
        raise Unacceptable("has a key_ops that names an operation twice")
    _check_purpose(key)
    public = _PUBLIC.get(str(key["kty"]))
    if public is not None:
        encoded = public(key, policy)
        if "x5c" in key:
            _check_x5c(key["x5c"], encoded)


def _check_purpose(key: JsonObject) -> None:
    """use, key_ops and alg must not contradict each other (RFC 7517 4.3) or the key's type.

    Values that nobody here knows are passed over (RFC 7517 4.2 to 4.4).
    """
    use, algorithm = str(key.get("use")), str(key.get("alg"))
    if use in _OPERATIONS and isinstance(operations := key.get("key_ops"), list):
        known = _ALL_OPERATIONS.intersection(operations)
        if known and not known & _OPERATIONS[use]:
            raise Unacceptable(f"has key_ops that do not fit its use {use}")
    kind = "sig" if algorithm in _SIGNING_KEYS else "enc"
    if algorithm not in _SIGNING_KEYS and algorithm not in _ENCRYPTION_ALGORITHMS:
        return
    if use in _OPERATIONS and use != kind:
        raise Unacceptable(f"has a use that does not fit its alg {algorithm}")
    if _is_known(str(key["kty"]), str(key.get("crv"))) and not _suits(
        str(key["kty"]), str(key.get("crv")), kind, algorithm
    ):
        raise Unacceptable(f"has a type that does not fit its alg {algorithm}")


def _rsa(key: JsonObject, policy: JwksPolicy) -> bytes | None:
    modulus, exponent = (int.from_bytes(_octets(key, name)) for name in ("n", "e"))
    if modulus.bit_length() < policy.min_rsa_bits:
        raise Unacceptable(f"has an RSA modulus of less than {policy.min_rsa_bits} bits")
    if modulus.bit_length() > _MAX_RSA_BITS:
        raise Unacceptable(f"has an RSA modulus of more than {_MAX_RSA_BITS} bits")
    try:
        return _der(rsa.RSAPublicNumbers(exponent, modulus).public_key())
    except ValueError:
        raise Unacceptable("is not a valid RSA key") from None


def _ec(key: JsonObject, _policy: JwksPolicy) -> bytes | None:
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


def _okp(key: JsonObject, _policy: JwksPolicy) -> bytes | None:
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


_PUBLIC: Mapping[str, Callable[[JsonObject, JwksPolicy], bytes | None]] = {
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


def _check_x5c(chain: JsonValue, public: bytes | None) -> None:
    """RFC 7517 4.7: standard base64 DER; the leaf holds the very key (OIDR-2-14)."""
    if not isinstance(chain, list) or not chain or not all(isinstance(c, str) for c in chain):
        raise Unacceptable("has an x5c that is not a non-empty array of text")
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


def _check_kids(keys: list[JsonObject], policy: JwksPolicy) -> None:
    kids = [key["kid"] for key in keys if "kid" in key]
    if policy.duplicate_kid == "reject" and len({str(kid) for kid in kids}) != len(kids):
        raise Unacceptable("must not name a kid twice")


def _check_uses(keys: list[JsonObject]) -> None:
    """OIDR-2-13: with signing and encryption keys, every key says what it is for."""
    known = [key for key in keys if _is_known(str(key.get("kty")), str(key.get("crv")))]
    encrypting = [_is_for_encryption(key) for key in known]
    if len(set(encrypting)) > 1 and not all("use" in key for key in known):
        raise Unacceptable("must give each key a use when it holds an encryption key")


def _is_for_encryption(key: JsonObject) -> bool:
    """By its use, or else by its algorithm, operations or curve."""
    operations = key.get("key_ops")
    if "use" in key:
        return key["use"] == "enc"
    return (
        key.get("alg") in _ENCRYPTION_ALGORITHMS
        or (isinstance(operations, list) and bool(_OPERATIONS["enc"].intersection(operations)))
        or (key["kty"] == "OKP" and key["crv"] not in _SIGNING_OKP)
    )
