"""JWK Sets by value: public keys only, sound and consistent (RFC 7517, RFC 7518 6, RFC 8037)."""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.metadata import algorithms, public_keys
from dcrserver.metadata.model import Unacceptable, check_each
from dcrserver.metadata.public_keys import is_known
from dcrserver.policies import JwksPolicy
from dcrserver.strict_json import JsonObject, JsonValue

PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_SIGNING_OKP = frozenset({"Ed25519", "Ed448"})
_ENCRYPTION_ALGORITHMS = frozenset((*algorithms.ENCRYPTION, "RSA1_5"))
_OPERATIONS: Mapping[str, frozenset[JsonValue]] = {
    "sig": frozenset({"verify"}),
    "enc": frozenset({"encrypt", "wrapKey", "deriveKey", "deriveBits"}),
}
_ALL_OPERATIONS = _OPERATIONS["sig"] | _OPERATIONS["enc"]

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

_POLICY = JwksPolicy()


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
        and not public_keys.is_costly(key)
    ]


def sound_keys(value: JsonValue, algorithm: str, kid: str | None) -> list[JsonObject]:
    """Signing keys of a set of others for ``algorithm``; with a ``kid``, those that have it or have
    none. One by one: a key that is for others, or too short, takes nothing from its neighbours.
    """
    keys = value.get("keys") if isinstance(value, dict) else None
    named = [
        key
        for key in (keys if isinstance(keys, list) else ())
        if isinstance(key, dict) and (kid is None or key.get("kid", kid) == kid) and _is_sound(key)
    ]
    return keys_for({"keys": list[JsonValue](named)}, "sig", algorithm)


def _is_sound(key: JsonObject) -> bool:
    try:
        check({"keys": [key]}, _POLICY)
    except Unacceptable:
        return False
    return True


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
    if not is_known(key_type, curve):
        return False
    if key_type == "OKP" and (curve in _SIGNING_OKP) != (use == "sig"):
        return False
    if algorithm is None:
        return True
    if use == "enc":
        return (key_type == "RSA") == algorithm.startswith("RSA")
    needed, curves = _SIGNING_KEYS.get(algorithm, ("", frozenset()))
    return key_type == needed and (not curves or curve in curves)


def _check_key(key: JsonValue, policy: JwksPolicy) -> None:
    if not isinstance(key, dict) or not isinstance(key.get("kty"), str):
        raise Unacceptable("must be a JSON object with a text 'kty'")
    if key["kty"] == "oct":
        raise Unacceptable("is symmetric; only public keys may be registered")
    if any(name in key for name in PRIVATE_MEMBERS):
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
    public_keys.check(key, policy.min_rsa_bits)


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
    if is_known(str(key["kty"]), str(key.get("crv"))) and not _suits(
        str(key["kty"]), str(key.get("crv")), kind, algorithm
    ):
        raise Unacceptable(f"has a type that does not fit its alg {algorithm}")


def _check_kids(keys: list[JsonObject], policy: JwksPolicy) -> None:
    kids = [key["kid"] for key in keys if "kid" in key]
    if policy.duplicate_kid == "reject" and len({str(kid) for kid in kids}) != len(kids):
        raise Unacceptable("must not name a kid twice")


def _check_uses(keys: list[JsonObject]) -> None:
    """OIDR-2-13: with signing and encryption keys, every key says what it is for."""
    known = [key for key in keys if is_known(str(key.get("kty")), str(key.get("crv")))]
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
