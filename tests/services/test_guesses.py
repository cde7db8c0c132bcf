"""How often a caller may fail to be a client."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver import buckets, security
from dcrserver.errors import InvalidClient, TooManyRequests, Unavailable
from dcrserver.limits import rate_of
from dcrserver.services.authentication.guesses import Guesses
from dcrserver.services.secrets.kept import ClientSecret, ClientSecrets
from harness.application import Application

requirement = pytest.mark.requirement


def fail(counted: Guesses, *key: str | None) -> Exception:
    """What the caller is told."""
    wrong = InvalidClient("wrong")
    try:
        with counted.attempt("default", *key):  # type: ignore[arg-type]
            raise wrong
    except (InvalidClient, TooManyRequests) as refusal:
        return refusal


def after(times: int, *key: str | None) -> Guesses:
    made = Guesses(rate_of("3/minute"))
    for _ in range(times):
        fail(made, *key)
    return made


def waits(counted: Guesses, *key: str | None) -> bool:
    told = fail(counted, *key)
    return isinstance(told, TooManyRequests) and 1 <= told.retry_after <= 60


def test_who_failed_too_often_waits() -> None:
    assert not waits(after(2, "a", "192.0.2.1"), "a", "192.0.2.1")
    assert waits(after(3, "a", "192.0.2.1"), "a", "192.0.2.1")


@pytest.mark.parametrize("other", [("b", "192.0.2.1"), ("a", "192.0.2.2"), ("a", None)])
def test_others_do_not(other: tuple[str, str | None]) -> None:
    assert not waits(after(9, "a", "192.0.2.1"), *other)


def test_the_client_gets_in_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = after(3, "a", "192.0.2.1")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert not waits(counted, "a", "192.0.2.1")
    assert not waits(counted, "a", "192.0.2.1")


def test_invented_identifiers_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "_MAX_REMEMBERED", 100)
    counted = after(3, "first", "192.0.2.1")
    for number in range(1000):
        fail(counted, f"{number:064}-and-more", "192.0.2.2")
    assert len(counted) == 100


@requirement("R6749-2.3.1-03", "R7009-5-01")
async def test_a_flood_of_wrong_secrets_is_stopped(make_app: MakeApplication) -> None:
    """At every endpoint together, odd type hints included; the client itself works on elsewhere."""
    app = await make_app(rate_limits={"enabled": True, "failed_authentication": "5/minute"})
    client = await app.register(grant_types=["client_credentials"])
    fields = {"token": "x", "token_type_hint": "\u2603" * 100, "grant_type": "client_credentials"}
    statuses = []
    for number in range(12):
        path = ("/revoke", "/token", "/introspect")[number % 3]
        answer = await app.http.post(path, data=fields, auth=(client["client_id"], f"x{number}"))
        statuses.append(answer.status_code)
    assert statuses == [401] * 5 + [429] * 7
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    right = await app.http.post(
        "/token", data=fields, auth=(client["client_id"], client["client_secret"])
    )
    assert right.status_code == 200, "others at its address lock nobody out"
    other = await app.register(grant_types=["client_credentials"])
    for _ in range(50):
        answer = await app.http.post(
            "/revoke", data=fields, auth=(other["client_id"], other["client_secret"])
        )
        assert answer.status_code == 200


@pytest.mark.finding("S4", "S12")
def test_an_attempt_counts_from_its_beginning_and_no_longer_when_it_was_right() -> None:
    counted = after(0)
    key = ("default", "a", "192.0.2.1")
    with ExitStack() as at_once:
        allowed = [at_once.enter_context(counted.attempt(*key)) for _ in range(5)]
    assert allowed == [True] * 3 + [False] * 2
    assert len(counted) == 0
    with pytest.raises(Unavailable), counted.attempt(*key):
        raise Unavailable("busy")
    assert len(counted) == 0
    assert not waits(counted, "a", "192.0.2.1")


CHOSEN = "correct horse"


@pytest.mark.finding("S12")
@pytest.mark.parametrize("secret", [CHOSEN, "vZ8pQ3xK7nR2mT6wY1cF5bH9jL4sD0gA"])
async def test_what_people_chose_is_not_told_after_too_many_guesses(
    make_app: MakeApplication, secret: str
) -> None:
    """Right or wrong, and hashed or not, unless it holds more than anybody could guess."""
    app = await make_app(rate_limits={"enabled": True, "failed_authentication": "5/minute"})
    client = await app.register(grant_types=["client_credentials"])
    await keep(app, client["client_id"], security.secret_digest(secret))
    for _ in range(5):
        assert await ask(app, client, "wrong") == 401
    assert await ask(app, client, "wrong") == 429
    assert await ask(app, client, secret) == (429 if secret == CHOSEN else 200)


@pytest.mark.finding("S12")
async def test_no_slow_hash_is_computed_after_too_many_guesses(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app(rate_limits={"enabled": True, "failed_authentication": "5/minute"})
    client = await app.register(grant_types=["client_credentials"])
    await keep(app, client["client_id"], security.slow_digest(CHOSEN))
    calls: list[str] = []
    monkeypatch.setattr(security, "verify_slowly", lambda secret, _: bool(calls.append(secret)))
    statuses = [await ask(app, client, f"{n}vZ8pQ3xK7nR2mT6wY1cF5bH9jL4sD") for n in range(9)]
    assert statuses == [401] * 5 + [429] * 4
    assert len(calls) == 5


async def ask(app: Application, client: dict[str, Any], secret: str) -> int:
    answer = await app.http.post(
        "/token",
        data={"grant_type": "client_credentials"},
        auth=(client["client_id"], secret),
    )
    return answer.status_code


async def keep(app: Application, client_id: str, digest: str) -> None:
    """As an import would have stored its secret."""
    database = app.runtime.database
    async with database.read() as tx:
        record = await tx.clients.find("default", client_id)
    assert record is not None
    secrets = ClientSecrets((ClientSecret("1", digest, None, 0, 0),))
    changed = record._replace(client_secrets=secrets.to_json(), version=record.version + 1)
    assert await database.transact(lambda tx: tx.clients.replace(record, changed))
