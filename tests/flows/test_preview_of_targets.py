"""POST /register/validate tells what authorization servers would make of a registration."""

from __future__ import annotations

from typing import Any

import pytest

from harness.application import CALLBACK, Application

_KEY = "A" * 43 + "="


async def explained(make_app: Any, provision: str, **members: Any) -> dict[str, Any]:
    hydra = {"kind": "hydra", "url": "http://127.0.0.1:1", "provision": provision}
    app: Application = await make_app(
        connectors={"hydra": hydra}, secrets={"encryption_keys": [_KEY]},
        registration={"validate_endpoint": True},
    )  # fmt: skip
    body = {"redirect_uris": [CALLBACK], **members}
    answer = await app.http.post("/register/validate", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("provision", ["before", "after"])
async def test_what_a_server_does_not_carry_is_told(make_app: Any, provision: str) -> None:
    told = await explained(make_app, provision)
    assert told["acceptable"] is True
    (target,) = told["targets"]
    assert target["connector"] == "hydra"
    assert not {"redirect_uris", "grant_types"} & {*target["dropped"]}


async def test_what_a_server_would_choke_on_is_refused_before_it_is_asked(make_app: Any) -> None:
    told = await explained(make_app, "before", dpop_bound_access_tokens=True)
    assert told["acceptable"] is False
    assert told["registration"] is None
    assert told["error"] == "invalid_client_metadata"
    (issue,) = [each for each in told["issues"] if each["severity"] == "error"]
    assert (issue["member"], issue["requirement"]) == (
        "dpop_bound_access_tokens", "connectors.hydra",
    )  # fmt: skip


async def test_where_nobody_waits_for_the_server_it_is_a_warning(make_app: Any) -> None:
    told = await explained(make_app, "after", dpop_bound_access_tokens=True)
    assert told["acceptable"] is True
    warned = [each["member"] for each in told["issues"] if each["severity"] == "warning"]
    assert "dpop_bound_access_tokens" in warned


async def test_without_servers_nothing_is_told_of_any(make_app: Any) -> None:
    app = await make_app(registration={"validate_endpoint": True})
    answer = await app.http.post("/register/validate", json={"redirect_uris": [CALLBACK]})
    assert "targets" not in answer.json()
