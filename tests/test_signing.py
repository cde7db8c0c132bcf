"""Compact JWS of our own, and public keys as JWK: read by the library that others use."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from dcrserver.signing import public_jwk, sign

_RSA = rsa.generate_private_key(65537, 2048)
_KEYS = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": _RSA,
    "PS256": _RSA,
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


@pytest.mark.parametrize("algorithm", _KEYS)
def test_the_library_of_others_takes_what_is_signed(algorithm: str) -> None:
    key = _KEYS[algorithm]
    signed = sign({"sub": "s"}, key, algorithm, "k", "at+jwt")
    assert jwt.decode(signed, key.public_key(), [algorithm]) == {"sub": "s"}
    assert jwt.get_unverified_header(signed) == {"alg": algorithm, "kid": "k", "typ": "at+jwt"}


@pytest.mark.parametrize(
    ("key", "library"),
    [
        (_RSA, RSAAlgorithm),
        *((ec.generate_private_key(curve), ECAlgorithm) for curve in (
            ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1())),
        # Of a coordinate that begins with zeros, which stay.
        *((ec.derive_private_key(n, ec.SECP256R1()), ECAlgorithm) for n in (43, 379, 444)),
        (ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm),
        (ed448.Ed448PrivateKey.generate(), OKPAlgorithm),
    ],
    ids=lambda each: getattr(getattr(each, "curve", None), "name", type(each).__name__),
)  # fmt: skip
def test_a_public_key_is_written_as_the_library_of_others_does(key: Any, library: Any) -> None:
    public = key.public_key()
    theirs = library.to_jwk(public, as_dict=True)
    theirs.pop("key_ops", None)
    assert public_jwk(public) == theirs
    assert library.from_jwk(json.dumps(public_jwk(public))) == public


def test_what_is_no_key_that_signs_is_refused() -> None:
    with pytest.raises(ValueError, match="no public key of a kind"):
        public_jwk(x25519.X25519PrivateKey.generate().public_key())
