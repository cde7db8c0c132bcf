"""An authorization server that is told of clients, and answers what it likes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dcrserver.connectors.http import TargetHttp
from flows.test_registration_behind import app, behind
from harness.application import CALLBACK, Application, bearer, update_of
from harness.registration_targets import OddServer
from harness.wanted import target

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


@pytest.mark.finding("V8")
async def test_a_secret_that_a_target_says_again_is_in_no_error(behind: OddServer) -> None:
    """Which are logged, and shown with links."""
    secret, token = "secret-of-a-client-0123456789", "token-of-ours-0123456789"
    settings = target("rfc7591", registration_endpoint=f"{behind.url}/register")
    http = TargetHttp("as", settings)
    try:
        for sent in (
            {"client_secret": secret},
            {"secret": secret},
            {"a": {"client.secret": secret}},
        ):
            behind.says.append((400, {"error_description": f"{secret} or {token} is no good"}))
            answer = await http.call(
                "POST", f"{behind.url}/register", json=sent,
                headers={"Authorization": f"Bearer {token}"},
            )  # fmt: skip
            told = json.dumps(answer.body)
            assert secret not in told, sent
            assert token not in told, sent
            assert "is no good" in told
    finally:
        await http.close()
