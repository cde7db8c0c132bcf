"""What an administrator sets for a client, over HTTP: nobody else does, and nobody else ends it."""

from __future__ import annotations

from typing import Any

import pytest

from dcrserver.metadata import FAMILIES
from harness.application import BASE_URL, Application, bearer, update_of

OWN = {row.name: row.example for row in FAMILIES["extensions"].rows}
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": []}


@pytest.mark.finding("E1")
async def test_whoever_registers_itself_sets_none_of_it(any_app: Application) -> None:
    client = await any_app.register(
        **OWN, owner="somebody", tags=["x"], policy="any", template="any"
    )
    assert not client.keys() & {*OWN, "owner", "tags", "policy", "template"}
    path = client["registration_client_uri"].removeprefix(BASE_URL)
    answer = await any_app.http.put(path, json=update_of(client, **OWN), headers=bearer(client))
    assert answer.status_code == 200, answer.text
    assert not answer.json().keys() & {*OWN}
    found = await any_app.client(client["client_id"])
    assert (found.owner, found.tags, found.policy) == (None, [], None)
    assert not found.metadata.keys() & {*OWN}


@pytest.mark.finding("E2")
async def test_an_update_by_the_client_leaves_what_was_set(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    await any_app.set_members(
        client["client_id"],
        client_credentials_access_token_lifetime=77,
        access_token_format="opaque",
    )
    path = client["registration_client_uri"].removeprefix(BASE_URL)
    for changes in (
        {"client_name": "other"},
        {"client_credentials_access_token_lifetime": 86400, "access_token_format": "jwt"},
        {"client_credentials_access_token_lifetime": None, "access_token_format": ""},
    ):
        answer = await any_app.http.put(
            path, json=update_of(client, **changes), headers=bearer(client)
        )
        assert answer.status_code == 200, answer.text
        client |= answer.json()
        assert client["client_credentials_access_token_lifetime"] == 77
        assert client["access_token_format"] == "opaque"
    granted = await any_app.http.post(
        "/token",
        data={"grant_type": "client_credentials"},
        auth=(client["client_id"], client["client_secret"]),
    )
    assert granted.json()["expires_in"] == 77
    assert granted.json()["access_token"].startswith("at_")
