"""An issuer of software statements: keys, entries that trust it, statements good and forged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dcrserver.signing import public_jwk

ISSUER = "https://ss-issuer.example"
SOFTWARE = "4NRB1-0XZABZI9E6-5SM3R"
_RSA = rsa.generate_private_key(65537, 2048)
_EC = ec.generate_private_key(ec.SECP256R1())
_ROGUE = rsa.generate_private_key(65537, 2048)
KEYS: dict[str, Any] = {"RS256": _RSA, "PS256": _RSA, "ES256": _EC}
KIDS = {"RS256": "ss-1", "PS256": "ss-1", "ES256": "ss-2"}


def key_set() -> dict[str, Any]:
    """The public keys of the issuer, a JWK Set."""
    return {
        "keys": [
            public_jwk(_RSA.public_key()) | {"kid": "ss-1", "use": "sig"},
            public_jwk(_EC.public_key()) | {"kid": "ss-2", "use": "sig"},
        ]
    }


def pem() -> bytes:
    """The same as PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    keys = (_RSA.public_key(), _EC.public_key())
    return b"".join(key.public_bytes(serialization.Encoding.PEM, form) for key in keys)


def entry(folder: Path, **more: Any) -> dict[str, Any]:
    """What the configuration says of the issuer, whose keys are in a file of ``folder``."""
    file = folder / "ss-issuer.jwks.json"
    file.write_text(json.dumps(key_set()))
    return {"issuer": ISSUER, "jwks_file": str(file)} | more


def trusting(folder: Path, mode: str = "allowed", **more: Any) -> dict[str, Any]:
    """Groups of settings that trust the issuer; ``more`` of its entry."""
    return {"policy": {"statements_mode": mode}, "software_statements": [entry(folder, **more)]}


def claims(**more: Any) -> dict[str, Any]:
    """Of a good statement, with ``more``; a claim of ``...`` is left out."""
    now = int(time.time())
    made = {
        "iss": ISSUER,
        "iat": now,
        "exp": now + 3600,
        "jti": str(uuid.uuid4()),
        "software_id": SOFTWARE,
        "client_name": "From the statement",
    } | more
    return {name: value for name, value in made.items() if value is not ...}


def statement(algorithm: str = "RS256", header: dict[str, Any] | None = None, **more: Any) -> str:
    """A statement that the issuer signed."""
    return _signed(KEYS[algorithm], algorithm, {"kid": KIDS[algorithm]} | (header or {}), more)


def _signed(key: Any, algorithm: str, header: dict[str, Any], more: dict[str, Any]) -> str:
    payload = json.dumps(claims(**more)).encode()
    named = {name: value for name, value in header.items() if value is not None}
    return jwt.PyJWS().encode(payload, key, algorithm, {"typ": "JWT"} | named)


def _rogue(header: dict[str, Any] | None = None, **more: Any) -> str:
    """Signed by somebody else."""
    return _signed(_ROGUE, "RS256", {"kid": "ss-1"} | (header or {}), more)


def _bare(header: dict[str, Any], signature: bytes = b"", **more: Any) -> str:
    """Of parts as they are."""
    parts = (json.dumps(header).encode(), json.dumps(claims(**more)).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _changed() -> str:
    """The claims were changed after they were signed."""
    head, _, signature = statement().split(".")
    _, payload, _ = _bare({}, client_name="Evil").split(".")
    return f"{head}.{payload}.{signature}"


def _by_public_key() -> str:
    """HMAC keyed by what everybody knows: the public key as PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key = _RSA.public_key().public_bytes(serialization.Encoding.PEM, form)
    signed = _bare({"alg": "HS256", "kid": "ss-1"}).rsplit(".", 1)[0]
    made = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def _private() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(_EC))
    return made


_CODE = "invalid_software_statement"
_NOT = "unapproved_software_statement"
_NOW = time.time
# What it is -> the error code, and how it is made: none is accepted.
FORGERIES: dict[str, tuple[str, Callable[[], Any]]] = {
    "an object in place of a JWT": (_CODE, lambda: {"iss": ISSUER}),
    "an array": (_CODE, lambda: [statement()]),
    "a number": (_CODE, lambda: 7),
    "opaque text": (_CODE, lambda: "notajwt"),
    "two segments": (_CODE, lambda: "a.b"),
    "a JWE of five segments": (_CODE, lambda: "a.b.c.d.e"),
    "three segments of nonsense": (_CODE, lambda: "a.b.c"),
    "an octet too much behind it": (_CODE, lambda: statement() + "="),
    "longer than any statement": (_CODE, lambda: statement(x="x" * 20_000)),
    "alg none": (_CODE, lambda: _bare({"alg": "none", "kid": "ss-1"})),
    "alg nOnE": (_CODE, lambda: _bare({"alg": "nOnE", "kid": "ss-1"})),
    "HMAC keyed by the public key": (_CODE, _by_public_key),
    "signed by another key of the same kid": (_CODE, _rogue),
    "signed by a key of no kid that is known": (_CODE, lambda: _rogue({"kid": "rogue"})),
    "a key of its own in jwk": (
        _CODE, lambda: _rogue({"kid": "r", "jwk": public_jwk(_ROGUE.public_key())})),
    "keys of its own at jku": (_CODE, lambda: _rogue({"jku": "https://rogue.example/jwks"})),
    "a certificate of its own at x5u": (_CODE, lambda: _rogue({"x5u": "https://rogue.example/x"})),
    "a certificate of its own in x5c": (_CODE, lambda: _rogue({"x5c": ["MIIB"]})),
    "claims changed after they were signed": (_CODE, _changed),
    "a signature cut off": (_CODE, lambda: statement().rsplit(".", 1)[0] + "."),
    "an algorithm of no use here": (
        _CODE, lambda: _signed(_RSA, "RS512", {"kid": "ss-1"}, {})),
    "critical headers": (_CODE, lambda: statement(header={"crit": ["x"], "x": 1})),
    "an access token": (_CODE, lambda: statement(header={"typ": "at+jwt"})),
    "without iss": (_CODE, lambda: statement(iss=...)),
    "an iss that is no text": (_CODE, lambda: statement(iss=[ISSUER])),
    "of an issuer that nobody trusts": (_NOT, lambda: _rogue(iss="https://rogue.example")),
    "of an issuer that is nearly ours": (_NOT, lambda: statement(iss=f"{ISSUER}/")),
    "expired": (_CODE, lambda: statement(exp=int(_NOW()) - 3600)),
    "good for longer than ten years": (
        _CODE, lambda: statement(exp=int(_NOW()) + 400_000_000)),
    "an exp that is no number": (_CODE, lambda: statement(exp="tomorrow")),
    "not good yet": (_CODE, lambda: statement(nbf=int(_NOW()) + 3600)),
    "issued tomorrow": (_CODE, lambda: statement(iat=int(_NOW()) + 86400)),
    "older than a day": (_CODE, lambda: statement(iat=int(_NOW()) - 90_000)),
    "for another audience": (_CODE, lambda: statement(aud="https://other.example")),
    "without a claim that is wanted": (_CODE, lambda: statement(software_id=...)),
    "an empty claim that is wanted": (_CODE, lambda: statement(software_id="")),
    "a jti that is no text": (_CODE, lambda: statement(jti=7)),
    "a statement within it": (_CODE, lambda: statement(software_statement=statement())),
    "a statement deep within it": (_CODE, lambda: statement(a=[{"software_statement": "x"}])),
    "a client_secret": (_CODE, lambda: statement(client_secret="x" * 32)),
    "a registration_access_token": (_CODE, lambda: statement(registration_access_token="rat_x")),
    "a private key": (_CODE, lambda: statement(jwks={"keys": [_private()]})),
    "a private key under another name": (_CODE, lambda: statement(org={"keys": [_private()]})),
    "a private key as PEM": (_CODE, lambda: statement(key="-----BEGIN PRIVATE KEY-----\nM")),
    "of software that is blocked": (_NOT, lambda: statement(software_id="blocked-1")),
}  # fmt: skip
# The entry by which each of them is refused.
STRICT: dict[str, Any] = {
    "algorithms": ["RS256", "ES256", "PS256"],
    "required_claims": ["software_id"],
    "maximum_age": 86_400,
    "blocked_software_ids": ["blocked-1"],
}
