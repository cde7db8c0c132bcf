"""An authorization server that is told of clients, and answers what it likes."""

from __future__ import annotations

from typing import Any

import pytest

from flows.test_registration_behind import app, behind
from harness.application import CALLBACK, Application, bearer, update_of
from harness.registration_targets import OddServer

__all__ = ["app", "behind"]


@pytest.mark.finding("V6")
async def test_a_target_sets_nothing_that_is_for_administrators(
    app: Application, behind: OddServer
) -> None:
    """Neither when a client is made nor when it is changed."""
    theirs: dict[str, Any] = {
        "published": True, "skip_consent": True, "audience": ["https://api.example"],
        "client_credentials_access_token_lifetime": 10**9,
    }  # fmt: skip
    behind.renames.update(theirs)
    client = await app.register(token_endpoint_auth_method="none")
    for _ in range(2):
        view = await app.client(client["client_id"])
        assert theirs.keys().isdisjoint(view.metadata), view.metadata
        answer = await app.http.put(
            f"/register/{client['client_id']}",
            json=update_of(client, client_name="x"), headers=bearer(client),
        )  # fmt: skip
        assert answer.status_code == 200, answer.text


@pytest.mark.finding("V7")
async def test_what_a_target_makes_of_a_client_is_what_a_client_can_be(
    app: Application, behind: OddServer
) -> None:
    """Else nobody is registered, and nothing is left there."""
    wrong: list[tuple[str, Any]] = [
        ("redirect_uris", "https://evil.example"), ("redirect_uris", 5), ("redirect_uris", [5]),
        ("redirect_uris", ["javascript:alert(1)"]), ("grant_types", 7), ("grant_types", [[]]),
        ("client_name", {"a": 1}), ("token_endpoint_auth_method", 5),
        ("jwks_uri", "http://169.254.169.254/"), ("jwks", "x"), ("contacts", "x" * 100_000),
        ("logo_uri", "javascript:alert(1)"),
    ]  # fmt: skip
    for member, value in wrong:
        behind.renames.clear()
        behind.renames[member] = value
        answer = await app.http.post(
            "/register", json={"redirect_uris": [CALLBACK], "client_name": "n"}
        )
        assert answer.status_code == 503, (member, value, answer.text)
        assert behind.clients == {}, (member, value)
