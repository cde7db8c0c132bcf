"""Slow hashes are verified apart, a few at a time, and are no lever against the service."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from passlib.hash import bcrypt

from dcrserver import security
from dcrserver.errors import Unavailable
from dcrserver.services.secrets import verification as secret_verification
from dcrserver.services.secrets.kept import ClientSecret
from dcrserver.services.secrets.verification import SecretVerifier

CHOSEN = "correct horse"


def kept(digest: str, secret_id: str = "1") -> ClientSecret:
    return ClientSecret(secret_id, digest, None, 0, 0)


SLOW = kept(bcrypt.using(rounds=4).hash(CHOSEN), "slow")
FAST = kept(security.secret_digest(CHOSEN), "fast")


async def test_the_matching_one_is_found() -> None:
    verifier = SecretVerifier()
    for held in ([SLOW], [FAST], [SLOW, FAST], [FAST, SLOW]):
        assert await verifier.matching("wrong", held) is None
        found = await verifier.matching(CHOSEN, held)
        assert found is not None
        assert found.id == ("fast" if FAST in held else "slow")
    assert await verifier.matching(CHOSEN, []) is None
    assert await verifier.matching("not\nprintable", [SLOW]) is None


async def test_a_secret_that_was_verified_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier, calls = SecretVerifier(), []
    verify = security.verify_slowly
    monkeypatch.setattr(
        security, "verify_slowly", lambda *given: calls.append(given) or verify(*given)
    )
    for _ in range(3):
        assert await verifier.matching(CHOSEN, [SLOW]) is SLOW
    assert len(calls) == 1
    for _ in range(2):  # a wrong one is not
        assert await verifier.matching("wrong", [SLOW]) is None
    assert len(calls) == 3
    # Under another hash it is verified anew: the secret may have been rotated.
    other = kept(bcrypt.using(rounds=4).hash("other"))
    assert await verifier.matching(CHOSEN, [other]) is None


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_verification, "_MAX_REMEMBERED", 2)
    calls: list[str] = []
    monkeypatch.setattr(security, "verify_slowly", lambda secret, _: not calls.append(secret))
    verifier = SecretVerifier()
    for secret in ("a", "b", "c", "c", "b", "a"):
        assert await verifier.matching(secret, [SLOW]) is SLOW
    assert calls == ["a", "b", "c", "a"]


async def test_hashing_blocks_nobody_and_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most, lock = 0, 0, threading.Lock()

    def slowly(*_: str) -> bool:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with lock:
            at_once -= 1
        return False

    monkeypatch.setattr(security, "verify_slowly", slowly)
    verifier, ticks = SecretVerifier(), 0
    others = [kept(f"{SLOW.digest}{number % 3}") for number in range(12)]
    work = asyncio.gather(*(verifier.matching("wrong", [other]) for other in others))
    while not work.done():
        await asyncio.sleep(0.005)
        ticks += 1
    await work
    assert most == 2
    assert ticks > 20  # the loop ran on all the while


@pytest.mark.finding("S21")
async def test_guesses_at_one_client_leave_room_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = threading.Event()
    guessed = SLOW.digest

    def verify(_secret: str, digest: str) -> bool:
        return digest != guessed or not gate.wait(30)

    monkeypatch.setattr(security, "verify_slowly", verify)
    verifier = SecretVerifier()
    waiting = [
        asyncio.ensure_future(verifier.matching(f"wrong {number}", [SLOW])) for number in range(16)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await verifier.matching("one more", [SLOW])
    assert await verifier.matching(CHOSEN, [FAST]) is FAST
    for number in range(40):
        other = kept(f"another {number}")
        assert await verifier.matching(CHOSEN, [other]) is other
    gate.set()
    await asyncio.gather(*waiting)
    assert await verifier.matching("later", [SLOW]) is None


async def test_too_many_at_once_are_told_to_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(security, "verify_slowly", lambda *_: gate.wait(30))
    verifier = SecretVerifier()
    waiting = [
        asyncio.ensure_future(verifier.matching("wrong", [kept(f"client {number}")]))
        for number in range(64)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await verifier.matching("one more", [SLOW])
    assert await verifier.matching(CHOSEN, [FAST]) is FAST  # others go on
    gate.set()
    await asyncio.gather(*waiting)
    assert await verifier.matching("later", [SLOW]) is SLOW


async def test_the_same_secret_at_once_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(security, "verify_slowly", lambda secret, _: not calls.append(secret))
    verifier = SecretVerifier()
    found = await asyncio.gather(*(verifier.matching(CHOSEN, [SLOW]) for _ in range(10)))
    assert found == [SLOW] * 10
    assert calls == [CHOSEN]


@pytest.mark.parametrize(
    ("digest", "secret", "made"),
    [
        (FAST.digest, CHOSEN, None),
        (SLOW.digest, CHOSEN, "$argon2id$"),
        (security.slow_digest(CHOSEN), CHOSEN, None),
        (SLOW.digest, "vZ8pQ3xK7nR2mT6wY1cF5bH9jL4sD0gA", ""),
    ],
    ids=["fast", "bcrypt", "argon2", "not-verified-again"],
)
async def test_hashes_become_what_they_would_be_today(
    digest: str, secret: str, made: str | None
) -> None:
    better = await SecretVerifier().upgraded(secret, kept(digest))
    if made is None:
        assert better is None
    else:
        assert better is not None
        assert better.digest.startswith(made)
        assert security.is_fast(better.digest) == (made == "")
        assert await SecretVerifier().matching(secret, [better]) is better
