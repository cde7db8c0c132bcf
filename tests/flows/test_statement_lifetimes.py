"""Lifetimes and facts that statements set of clients that register themselves, for life."""

from __future__ import annotations

import json
import time
from typing import Any

from conftest import MakeApplication
from harness.administration import administrator
from harness.application import CALLBACK, bearer, update_of

STATEMENTS = [
    {"name": "short", "when": {"origin": "open"}, "then": {"expire": {
        "secret": 1000, "registration_access_token": 500, "access_token": 300}}},
    {"name": "pkce", "then": {"require_pkce": True}},
    {"name": "asked", "then": {"require_consent": True}},
    {"name": "strangers", "when": {"origin": "open"}, "then": {"first_party": False}},
]  # fmt: skip
FACTS = {
    "authorization_code_access_token_lifetime": 300,
    "client_credentials_access_token_lifetime": 300,
    "require_pkce": True,
    "skip_consent": False,
    "third_party": True,
}


def _in(seconds: int, moment: int) -> bool:
    return seconds - 30 <= moment - time.time() <= seconds


async def test_what_a_client_is_given_ends_when_its_policy_says_so(
    make_app: MakeApplication,
) -> None:
    app = await make_app(
        policy={
            "statements": STATEMENTS,
            "management": {"registration_access_token_rotation": "on_read"},
        },
    )
    admin = await administrator(app, "clients:read", "clients:create", "secrets:write")

    async def stored(client_id: str) -> Any:
        async with app.runtime.database.read() as tx:
            return await tx.clients.find("default", client_id)

    made = await app.register(skip_consent=True, third_party=False, require_pkce=False)
    assert _in(1000, made["client_secret_expires_at"])
    record = await stored(made["client_id"])
    assert _in(500, record.registration_access_token_expires_at)
    assert json.loads(record.metadata).items() >= FACTS.items()
    own = made["registration_client_uri"]
    read = (await app.http.get(own, headers=bearer(made))).json()
    record = await stored(made["client_id"])
    assert _in(500, record.registration_access_token_expires_at)
    change = update_of(made, token_endpoint_auth_method="client_secret_post", skip_consent=True)
    updated = (await app.http.put(own, json=change, headers=bearer(read))).json()
    assert updated["client_secret"] != made["client_secret"]
    assert _in(1000, updated["client_secret_expires_at"])
    rotated = await admin.post(f"/clients/{made['client_id']}/secrets", 201)
    assert _in(1000, rotated["client_secret_expires_at"])
    record = await stored(made["client_id"])
    assert _in(500, record.registration_access_token_expires_at)
    assert json.loads(record.metadata).items() >= FACTS.items()
    # It is about those who come openly.
    other = await admin.post("/clients", 201, json={"metadata": {"redirect_uris": [CALLBACK]}})
    assert other["client_secret_expires_at"] in {0, None}
    assert other["metadata"]["require_pkce"] is True
    assert "third_party" not in other["metadata"]
