"""Identifiers, secrets and tokens: made, digested, compared, encrypted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import os
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from passlib.context import CryptContext

# Text after the prefix: 48 random bytes are 64 characters. HS512 needs a key of 64 octets
# (OpenID Connect Core 16.19), so one length serves every use of a client secret.
_SECRET_BYTES = 48
_TOKEN_BYTES = 32
_CLIENT_ID_BYTES = 16
_MAX_CLIENT_ID = 512
_ID_BYTES = 8
_IDS_AT_ONCE = 64
_drawn: list[str] = []
# Nobody else is given what a process drew before it was forked.
os.register_at_fork(after_in_child=_drawn.clear)

_FAST_DIGEST = re.compile(r"[0-9a-f]{64}")
# Ory Hydra writes PBKDF2 in the form of the PHC; the library in its own older one.
_PHC_PBKDF2 = re.compile(
    r"\$(pbkdf2-sha(?:1|256|512))\$i=([0-9]{1,9}),l=[0-9]+\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
)
# The costs that verifying may have, by scheme: more is no hash to keep but a lever against us.
_MAX_ROUNDS = {"bcrypt": 14, "argon2": 10}
_MAX_PBKDF2_ROUNDS = 2_000_000
_MAX_ARGON2_KIB = 262_144
# A thread each.
_MAX_ARGON2_LANES = 64
# The longest that servers write has less than 300 characters.
_MAX_HASH = 512
# A text that people choose has less; 22 random letters and digits have more.
_GENERATED_BITS = 100
_GENERATED_LENGTH = 20
_MAX_SECRET = 1024
# Of the form of a digest, and the digest of nothing that anybody knows.
_ABSENT_DIGEST = "0" * 64

# Base64 of URLs (RFC 4648 5).
_URL_SAFE = bytes.maketrans(b"+/", b"-_")

# Of ciphertexts, behind the id of the key; those before had none.
_FORM = "2"


class UndecipherableError(Exception):
    """None of the configured keys opens the ciphertext."""


def new_client_id() -> str:
    """128 random bits in hexadecimal: never a URL, never ordered by time (R7591-3.2.1-02)."""
    return os.urandom(_CLIENT_ID_BYTES).hex()


def is_client_id(text: str) -> bool:
    """Whether a client can be called so: ours are, and those of other servers that came here."""
    return 0 < len(text) <= _MAX_CLIENT_ID and text.isprintable()


def new_id() -> str:
    """64 random bits in hexadecimal, for what is listed and named, and is no secret.

    Many are drawn at once: a registration needs three, and the kernel takes longer to be asked
    than to draw.
    """
    try:
        return _drawn.pop()
    except IndexError:
        text, length = os.urandom(_ID_BYTES * _IDS_AT_ONCE).hex(), 2 * _ID_BYTES
        _drawn.extend([text[at : at + length] for at in range(0, len(text) - length, length)])
        return text[-length:]


def new_client_secret() -> str:
    return f"cs_{_random_text(_SECRET_BYTES)}"


def new_token(prefix: str) -> str:
    """A bearer token of 256 random bits; the prefix lets scanners spot a leak."""
    return f"{prefix}_{_random_text(_TOKEN_BYTES)}"


def _random_text(octets: int) -> str:
    """As ``secrets.token_urlsafe``, by the same random octets, without its seven calls."""
    encoded = binascii.b2a_base64(os.urandom(octets), newline=False)
    return encoded.rstrip(b"=").translate(_URL_SAFE).decode("ascii")


def token_digest(token: str) -> str:
    """What is stored of a bearer token, and what it is looked up by."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def same_digest(digest: str, kept: str | None) -> bool:
    """Constant in time; with nothing kept to compare it takes as long and is False."""
    return hmac.compare_digest(digest, kept or _ABSENT_DIGEST)


def secret_digest(secret: str) -> str:
    """What is stored of a client secret that we made."""
    return token_digest(secret)


def is_fast(digest: str) -> bool:
    return _FAST_DIGEST.fullmatch(digest) is not None


def looks_generated(secret: str, bits: int = _GENERATED_BITS) -> bool:
    """Whether a slow hash would add nothing: as random as ``bits``, as far as can be seen.

    The number of different characters tells how large an alphabet it was drawn from at least.
    """
    seen = len(secret) * math.log2(max(len(set(secret)), 1))
    return len(secret) >= _GENERATED_LENGTH and seen >= bits


@cache
def _slow() -> CryptContext:
    """What people chose and other servers issued is kept by a slow hash: argon2id made here, the
    others as they were imported. What we made ourselves holds 384 random bits and needs none.
    """
    from passlib.context import CryptContext

    return CryptContext(
        schemes=[
            "argon2",
            "bcrypt",
            "pbkdf2_sha256",
            "pbkdf2_sha512",
            "pbkdf2_sha1",
            "django_pbkdf2_sha256",
        ],
        default="argon2",
    )


def slow_digest(secret: str) -> str:
    """What is stored of a secret that a person may have chosen. Takes a tenth of a second."""
    return str(_slow().hash(secret))


def is_current(digest: str) -> bool:
    """Whether ``slow_digest`` would make the same kind."""
    return bool(_slow().identify(digest) == "argon2")


def verify_slowly(secret: str, digest: str) -> bool:
    """Costs up to seconds of one core: not for the event loop."""
    try:
        return bool(_slow().verify(secret, digest))
    except ValueError:  # longer than bcrypt takes
        return False


def is_presentable(secret: str) -> bool:
    """Whether it can be a secret at all; what cannot is spared the hash."""
    return secret.isprintable() and len(secret) <= _MAX_SECRET


def imported_digest(text: str) -> str:
    """A hash of another server, in the form that is verified here.

    Raises:
        ValueError: of no known kind, or too costly to verify.
    """
    if len(text) > _MAX_HASH:
        raise ValueError(f"is longer than {_MAX_HASH} characters")
    found = _PHC_PBKDF2.fullmatch(text)
    if found is not None:
        scheme, rounds, salt, checksum = found.groups()
        salt, checksum = (part.replace("+", ".") for part in (salt, checksum))
        text = f"${scheme.removesuffix('-sha1')}${rounds}${salt}${checksum}"
    if is_fast(text):
        return text
    scheme = _slow().identify(text)
    if scheme is None:
        raise ValueError("is no bcrypt, argon2 or pbkdf2 hash, nor SHA-256 in hexadecimal")
    try:
        parsed = _slow().handler(scheme).from_string(text)
    except NotImplementedError as error:  # keyid and data of argon2
        raise ValueError(str(error)) from None
    if not parsed.checksum:  # the library reads it as settings to make a hash by
        raise ValueError("is cut short: it ends behind the salt")
    if _costs_too_much(scheme, parsed):
        raise ValueError("costs more to verify than a server can spend on a request")
    return text


def _costs_too_much(scheme: str, parsed: Any) -> bool:  # noqa: ANN401 - the library has no types
    return bool(
        parsed.rounds > _MAX_ROUNDS.get(scheme, _MAX_PBKDF2_ROUNDS)
        or getattr(parsed, "memory_cost", 0) > _MAX_ARGON2_KIB
        or getattr(parsed, "parallelism", 0) > _MAX_ARGON2_LANES
    )


class SealedIn(NamedTuple):
    """Where a ciphertext belongs: no writer of the database can move it to another row."""

    tenant: str
    purpose: str
    id: str

    @property
    def octets(self) -> bytes:
        return json.dumps(self).encode()


class SecretBox:
    """AES-GCM under configured keys: the first encrypts, all decrypt, so keys can be rotated."""

    def __init__(self, keys: Sequence[str]) -> None:
        """``keys``: base64 of 32 bytes each.

        Raises:
            ValueError: a key is not base64 of 32 bytes.
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
    def can_encrypt(self) -> bool:
        """Whether there is a key to encrypt with."""
        return bool(self._keys)

    def is_current(self, ciphertext: str) -> bool:
        """Whether ``encrypt`` would use the same key and the same form."""
        return ciphertext.startswith(f"{next(iter(self._keys), '')}.{_FORM}.")

    def encrypt(self, text: str, place: SealedIn) -> str:
        """``place`` binds the ciphertext to its row: it opens nowhere else."""
        key_id = next(iter(self._keys))
        nonce = os.urandom(12)
        sealed = self._keys[key_id].encrypt(nonce, text.encode(), place.octets)
        return f"{key_id}.{_FORM}.{base64.b64encode(nonce + sealed).decode()}"

    def decrypt(self, ciphertext: str, place: SealedIn) -> str:
        """The secret in ``ciphertext``, which was encrypted for ``place``.

        Raises:
            UndecipherableError: no key fits, or it was made for another place.
        """
        key_id, _, rest = ciphertext.partition(".")
        form, _, body = rest.rpartition(".")
        # The first form, until ``keys reencrypt`` has rewritten it, is bound to the id alone.
        bound = place.octets if form == _FORM else place.id.encode()
        try:
            raw = base64.b64decode(body)
            return self._keys[key_id].decrypt(raw[:12], raw[12:], bound).decode()
        except (KeyError, InvalidTag, ValueError):
            raise UndecipherableError(key_id) from None
