"""Identifiers, secrets, tokens, encryption at rest."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from passlib.hash import argon2, bcrypt, pbkdf2_sha256

from dcrserver import security
from dcrserver.security import SealedIn, SecretBox, UndecipherableError
from harness.long_run import only_long

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
PLACE = SealedIn("t", "p", "client-1")


def test_identifiers_are_never_urls_and_never_repeat() -> None:
    made = {security.new_client_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(each) == 32 and each.isalnum() for each in made)


# A process that has made some forks into workers, each of which prints what it makes.
_WORKERS = """
import os
from dcrserver.security import new_client_id, new_client_secret, new_id, new_token
def made(number):
    kinds = (new_client_id, new_client_secret, new_id, lambda: new_token("at"))
    return "\\n".join(kind() for _ in range(number) for kind in kinds) + "\\n"
os.write(1, made(10).encode())
children = []
for _ in range(2):
    if (child := os.fork()) == 0:
        os.write(1, made(10).encode())
        os._exit(0)
    children.append(child)
assert [os.waitpid(each, 0)[1] for each in children] == [0, 0]
"""


@only_long
def test_two_workers_make_nothing_alike() -> None:
    """Whatever was drawn before the fork: randomness that is kept ready would be in both."""
    run = subprocess.run([sys.executable, "-c", _WORKERS], capture_output=True, check=True)
    made = run.stdout.split()
    assert len(made) == len(set(made)) == 3 * 10 * 4


def test_tokens_carry_their_prefix() -> None:
    assert security.new_token("rat").startswith("rat_")
    assert len(security.new_client_secret()) >= 64


def test_tokens_are_compared_by_digest() -> None:
    token = security.new_token("rat")
    digest = security.token_digest(token)
    assert token not in digest
    assert security.same_digest(security.token_digest(token), digest)
    assert not security.same_digest(security.token_digest(token + "x"), digest)
    assert not security.same_digest(security.token_digest(token), None)
    assert not security.same_digest(security.token_digest("no such token"), None)
    assert not security.same_digest(security.token_digest("\ud800"), digest)


def test_secrets_are_compared_by_digest() -> None:
    secret = security.new_client_secret()
    digest = security.secret_digest(secret)
    assert secret not in digest
    assert security.is_fast(digest)
    assert security.same_digest(security.token_digest(secret), digest)


@pytest.mark.parametrize("secret", ["\x00", "a\nb", "x" * 2000])
def test_what_cannot_be_a_secret_is_none(secret: str) -> None:
    assert not security.is_presentable(secret)


@pytest.mark.parametrize("scheme", [argon2.using(rounds=1, memory_cost=64), bcrypt, pbkdf2_sha256])
def test_imported_hashes_verify(scheme: type) -> None:
    digest = scheme.hash("chosen by a person")  # type: ignore[attr-defined]
    assert security.imported_digest(digest) == digest
    assert security.verify_slowly("chosen by a person", digest)
    assert not security.verify_slowly("chosen by another", digest)
    assert not security.verify_slowly("chosen by a person" * 10, digest)


_ARGON2 = "$argon2id$v=19$m=65536,t=3,p={}$c2FsdHNhbHRzYWx0"


@pytest.mark.parametrize(
    ("hashed", "told"),
    [
        (_ARGON2.format("4,keyid=YQ,data=YQ") + "$" + "A" * 43, "keyid"),
        (_ARGON2.format(4096) + "$" + "A" * 43, "costs more"),
        (_ARGON2.format(4) + "$" + "A" * 2000, "longer"),
        (f"pbkdf2_sha256$1${'s' * 2000}${'A' * 43}=", "longer"),
        (_ARGON2.format(4), "is cut short"),
        ("$2b$12$" + "a" * 21 + "u", "is cut short"),
        ("$pbkdf2-sha256$1$YQ", "is cut short"),
        ("pbkdf2_sha256$1$salt", "is cut short"),
    ],
)
def test_a_hash_that_nobody_can_match_is_none(hashed: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        security.imported_digest(hashed)


def test_what_is_encrypted_can_be_read_again() -> None:
    box = SecretBox([NEW])
    sealed = box.encrypt("secret ü", PLACE)
    assert "secret" not in sealed
    assert box.decrypt(sealed, PLACE) == "secret ü"


@pytest.mark.finding("S27")
@pytest.mark.parametrize(
    "other",
    [PLACE._replace(tenant="u"), PLACE._replace(purpose="q"), PLACE._replace(id="client-2")],
)
def test_it_opens_in_its_own_row_only(other: SealedIn) -> None:
    box = SecretBox([NEW])
    with pytest.raises(UndecipherableError):
        box.decrypt(box.encrypt("secret", PLACE), other)


@pytest.mark.finding("S27")
def test_what_was_bound_to_its_id_alone_is_read_until_it_is_rewritten() -> None:
    key, nonce = base64.b64decode(NEW), bytes(12)
    sealed = nonce + AESGCM(key).encrypt(nonce, b"secret", b"client-1")
    old = f"{hashlib.sha256(key).hexdigest()[:8]}.{base64.b64encode(sealed).decode()}"
    box = SecretBox([NEW])
    assert box.decrypt(old, PLACE) == "secret"
    assert not box.is_current(old)
    assert box.is_current(box.encrypt("secret", PLACE))
    with pytest.raises(UndecipherableError):  # it cannot pass for the new form, nor that for it
        box.decrypt(box.encrypt("secret", PLACE).replace(".2.", "."), PLACE)


def test_keys_can_be_rotated() -> None:
    sealed = SecretBox([OLD]).encrypt("secret", PLACE)
    assert SecretBox([NEW, OLD]).decrypt(sealed, PLACE) == "secret"
    with pytest.raises(UndecipherableError):
        SecretBox([NEW]).decrypt(sealed, PLACE)


@pytest.mark.parametrize("key", ["", "short", "!!!", base64.b64encode(b"x" * 31).decode()])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"secrets\.encryption_keys"):
        SecretBox([key])


def test_without_keys_the_box_is_shut() -> None:
    assert not SecretBox([]).can_encrypt
