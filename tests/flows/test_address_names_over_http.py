"""Conditions on the names of an address: looked up with a name server, for whoever writes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.fetch.resolver import NameResolver
from harness.administration import administrator
from harness.application import CALLBACK, Application, bearer, update_of
from harness.name_server import name_server
from harness.statements import statement, trusting

# Where requests of the tests come from.
HERE = "203.0.113.7"
ZONE = {"7.113.0.203.in-addr.arpa": "host.example.com. evil.example.", "evil.example": "192.0.2.1"}
OURS = {"name": "ours", "when": {"address.host": {"not": ["*.example.com"]}},
        "then": {"reject": {"description": "not from here"}}}  # fmt: skip
SHORT = {"name": "short", "when": {"address.host": "*.example.com"},
         "then": {"expire": {"secret": 1000}}}  # fmt: skip


async def _asked(app: Application) -> dict[str, Any]:
    answer = await app.http.post("/register", json={"redirect_uris": [CALLBACK]})
    told: dict[str, Any] = answer.json()
    return told


async def test_who_comes_from_a_confirmed_name_may_register_and_change(
    make_app: MakeApplication,
) -> None:
    async with name_server(ZONE | {"host.example.com": HERE}) as (where, asked):
        app = await make_app(
            policy={"statements": [OURS, SHORT]},
            outbound={"nameservers": [where]},
            registration={"validate_endpoint": True},
        )
        valid = await app.http.post("/register/validate", json={"redirect_uris": [CALLBACK]})
        assert valid.json()["acceptable"]
        made = await _asked(app)
        own = made["registration_client_uri"]
        changed = await app.http.put(own, json=update_of(made), headers=bearer(made))
        assert changed.status_code == 200
        admin = await administrator(app, "secrets:write", "clients:update", "clients:read")
        rotated = await admin.post(f"/clients/{made['client_id']}/secrets", 201)
        for given in (made, rotated):
            assert 970 <= given["client_secret_expires_at"] - time.time() <= 1000
        # All of it by one look-up: of the address, and of each of its names in both families.
        assert sorted(asked.asked) == sorted([*ZONE, "evil.example", *2 * ["host.example.com"]])


@pytest.mark.finding("N8")
async def test_a_name_that_leads_elsewhere_or_nowhere_does_not_count(
    make_app: MakeApplication, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has an address says what its reverse zone says; silence lets nobody in."""
    rules = {"policy": {"statements": [OURS]}}
    told = []
    for said in (ZONE | {"host.example.com": "192.0.2.2"}, {}):
        async with name_server(said) as (where, _):
            outbound = {"nameservers": [where], "timeout": 1.0}
            told.append(await _asked(await make_app(**rules, outbound=outbound)))
    refused = {"error": "invalid_client_metadata", "error_description": "not from here"}
    assert told == [refused] * 2
    assert capsys.readouterr().err.count("address_names_unknown") == 1


async def test_nobody_is_looked_up_unless_a_statement_asks(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def names(_: NameResolver, address: str, __: float) -> list[str]:
        asked.append(address)
        return []

    monkeypatch.setattr(NameResolver, "names", names)
    near = {"name": "near", "when": {"address": "192.0.2.0/24"}, "then": {"hold": True}}
    await (await make_app(policy={"statements": [near]})).register()
    assert asked == []
    await _asked(await make_app(policy={"statements": [OURS]}))
    assert asked == [HERE]


async def test_lifetimes_of_a_first_secret_are_those_of_how_the_client_came_to_be(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    groups = trusting(tmp_path)
    vouched = {"name": "vouched", "when": {"origin": "software_statement"},
               "then": {"expire": {"secret": 500}}}  # fmt: skip
    many = {"name": "many", "when": {"clients.software_id": {"from": 0, "until": 99}},
            "then": {"expire": {"secret": 400}}}  # fmt: skip
    for one, seconds in ((vouched, 500), (many, 400)):
        groups["policy"]["statements"] = [one]
        app = await make_app(**groups)
        made = await app.register(software_statement=statement())
        assert 0 < made["client_secret_expires_at"] - time.time() <= seconds, one
