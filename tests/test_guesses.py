"""How often a caller may fail to be a client."""

from __future__ import annotations

import pytest

from conftest import MakeApplication
from dcrserver.errors import TooManyRequests
from dcrserver.services.authentication import guesses
from dcrserver.services.authentication.guesses import Guesses
from dcrserver.settings import RateLimitSettings

requirement = pytest.mark.requirement


def after(times: int, *key: str | None) -> Guesses:
    made = Guesses(RateLimitSettings(failed_authentication="3/minute"))
    for _ in range(times):
        made.count("default", *key)  # type: ignore[arg-type]
    return made


def waits(counted: Guesses, *key: str | None) -> bool:
    try:
        counted.check("default", *key)  # type: ignore[arg-type]
    except TooManyRequests as refusal:
        return 1 <= refusal.retry_after <= 60
    return False


def test_who_failed_too_often_waits() -> None:
    assert not waits(after(2, "a", "192.0.2.1"), "a", "192.0.2.1")
    assert waits(after(3, "a", "192.0.2.1"), "a", "192.0.2.1")


@pytest.mark.parametrize("other", [("b", "192.0.2.1"), ("a", "192.0.2.2"), ("a", None)])
def test_others_do_not(other: tuple[str, str | None]) -> None:
    assert not waits(after(9, "a", "192.0.2.1"), *other)


def test_the_client_gets_in_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = after(3, "a", "192.0.2.1")
    now = guesses.time.monotonic()
    monkeypatch.setattr("dcrserver.services.authentication.guesses.time.monotonic",
                        lambda: now + 61)  # fmt: skip
    assert not waits(counted, "a", "192.0.2.1")
    counted.count("default", "a", "192.0.2.1")
    assert not waits(counted, "a", "192.0.2.1")


def test_invented_identifiers_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "_MAX_REMEMBERED", 100)
    counted = after(3, "first", "192.0.2.1")
    for number in range(1000):
        counted.count("default", f"{number:064}-and-more", "192.0.2.2")
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
    assert right.status_code == 429, "as long as the limit lasts, nobody learns what was right"
    other = await app.register(grant_types=["client_credentials"])
    for _ in range(50):
        answer = await app.http.post(
            "/revoke", data=fields, auth=(other["client_id"], other["client_secret"])
        )
        assert answer.status_code == 200
