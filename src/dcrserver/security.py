"""Identifiers, secrets and tokens: made, digested, compared, encrypted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from passlib.context import CryptContext

# Text after the prefix: 48 random bytes are 64 characters. HS512 needs a key of 64 octets
# (OpenID Connect Core 16.19), so one length serves every use of a client secret.
_SECRET_BYTES = 48
_TOKEN_BYTES = 32
_CLIENT_ID_BYTES = 16

# What we made ourselves holds 384 random bits and needs no slow hash; what people chose and
# administrators imported does. One context verifies both kinds.
_SECRETS = CryptContext(
    schemes=["hex_sha256", "argon2", "bcrypt", "pbkdf2_sha256"], default="hex_sha256"
)
_ABSENT_DIGEST = hashlib.sha256(b"no such token").hexdigest()


class UndecipherableError(Exception):
    """None of the configured keys opens the ciphertext."""


def new_client_id() -> str:
    """128 random bits in hexadecimal: never a URL, never ordered by time (R7591-3.2.1-02)."""
    return secrets.token_hex(_CLIENT_ID_BYTES)


def new_client_secret() -> str:
    return f"cs_{secrets.token_urlsafe(_SECRET_BYTES)}"


def new_token(prefix: str) -> str:
    """A bearer token of 256 random bits; the prefix lets scanners spot a leak."""
    return f"{prefix}_{secrets.token_urlsafe(_TOKEN_BYTES)}"


def token_digest(token: str) -> str:
    """What is stored of a bearer token, and what it is looked up by."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def same_token(token: str, digest: str | None) -> bool:
    """Constant in time; with no digest to compare it takes as long and is False."""
    equal = hmac.compare_digest(token_digest(token), digest or _ABSENT_DIGEST)
    return equal and digest is not None


def secret_digest(secret: str) -> str:
    return str(_SECRETS.hash(secret))


def same_secret(secret: str, digest: str | None) -> bool:
    """As ``same_token``, for client secrets."""
    if not secret.isprintable() or len(secret) > 1024:  # noqa: PLR2004 - none of ours, spare the hash
        return False
    equal = _SECRETS.verify(secret, digest or _ABSENT_DIGEST)
    return equal and digest is not None


class SecretBox:
    """AES-GCM under configured keys: the first encrypts, all decrypt, so keys can be rotated."""

    def __init__(self, keys: Sequence[str]) -> None:
        """``keys``: base64 of 32 bytes each.

        Raises:
            ValueError: a key is none.
        """
        self._keys: dict[str, AESGCM] = {}
        for text in keys:
            try:
                key = base64.b64decode(text, validate=True)
            except binascii.Error:
                key = b""
            if len(key) != 32:  # noqa: PLR2004 - AES-256
                raise ValueError("secrets.encryption_keys: each must be base64 of 32 bytes")
            self._keys[hashlib.sha256(key).hexdigest()[:8]] = AESGCM(key)

    @property
    def is_open(self) -> bool:
        """Whether there is a key to encrypt with."""
        return bool(self._keys)

    def encrypt(self, text: str, context: str) -> str:
        """``context`` binds the ciphertext to its row: it opens nowhere else."""
        key_id = next(iter(self._keys))
        nonce = os.urandom(12)
        sealed = self._keys[key_id].encrypt(nonce, text.encode(), context.encode())
        return f"{key_id}.{base64.b64encode(nonce + sealed).decode()}"

    def decrypt(self, ciphertext: str, context: str) -> str:
        """
        Raises:
            UndecipherableError: no key fits, or the context is another.
        """
        key_id, _, body = ciphertext.partition(".")
        raw = base64.b64decode(body)
        try:
            return self._keys[key_id].decrypt(raw[:12], raw[12:], context.encode()).decode()
        except (KeyError, InvalidTag):
            raise UndecipherableError(key_id) from None
