"""In what form a secret stands in the table, as the server that reads it can verify."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import NamedTuple

import bcrypt

from dcrserver.connectors.failures import TargetRefused

# Secrets of ours hold 384 random bits: the cost is for those that people chose.
_ROUNDS = 10
_LONGEST = 72


class SecretForm(NamedTuple):
    """``made``: what stands in the table; ``fits``: whether a text there is that of a secret."""

    made: Callable[[str], str]
    fits: Callable[[str, str], bool]


def _hashed(secret: str) -> str:
    """
    Raises:
        TargetRefused: longer than bcrypt looks at.
    """
    octets = secret.encode()
    if len(octets) > _LONGEST:
        words = f"client_secret must not be longer than {_LONGEST} octets"
        raise TargetRefused(words, words)
    return bcrypt.hashpw(octets, bcrypt.gensalt(_ROUNDS)).decode()


def _verified(secret: str, kept: str) -> bool:
    try:
        return bcrypt.checkpw(secret.encode(), kept.encode())
    except ValueError:  # another form, of before the configuration was changed
        return False


def _sha256(secret: str) -> str:
    return base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()


FORMS: Mapping[str, SecretForm] = {
    "bcrypt": SecretForm(_hashed, _verified),
    "sha256": SecretForm(_sha256, lambda secret, kept: hmac.compare_digest(_sha256(secret), kept)),
    "plain": SecretForm(
        lambda secret: secret,
        lambda secret, kept: hmac.compare_digest(secret.encode(), kept.encode()),
    ),
}
