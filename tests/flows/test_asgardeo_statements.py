"""Software statements by Asgardeo's API: mandateSSA, ssaJwks, and who needs no credential then."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import MakeApplication
from harness import statements
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.statements import FORGERIES, ISSUER, statement
from harness.tls import TlsServer, answer, tls_server

CONFIGURATION = "/api/server/v1/configs/dcr"
REGISTER = "/api/identity/oauth2/dcr/v1.1/register"
SCOPES = ("policies:read", "policies:write", "clients:read", "clients:create", "clients:update")
ENABLED = {"asgardeo": {"enabled": True}}
OPEN = {"mandateSSA": "true", "authenticationRequired": "false"}
# Refused by what an entry of the configuration says of its issuer; keys alone say nothing so.
OF_THE_ENTRY = {
    "an algorithm of no use here",
    "of an issuer that is nearly ours",
    "older than a day",
    "without a claim that is wanted",
    "an empty claim that is wanted",
    "of software that is blocked",
}
finding = pytest.mark.finding


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[TlsServer]:
    async with tls_server(tmp_path, answer(json.dumps(statements.key_set()).encode())) as server:
        yield server


def location(keys: TlsServer) -> str:
    return f"https://localhost:{keys.port}/keys"


def reaching(keys: TlsServer, **more: Any) -> dict[str, Any]:
    """Settings under which the keys of a statement may be where the test has them."""
    outbound = {"allowed_hosts": [f"localhost:{keys.port}"], "ca_file": str(keys.ca_file)}
    return ENABLED | {"outbound": outbound} | more


async def configure(app: Application, headers: dict[str, str], **values: Any) -> httpx.Response:
    operations = [{"op": "add", "path": f"/{name}", "value": each} for name, each in values.items()]
    return await app.http.patch(CONFIGURATION, json=operations, headers=headers)


async def register(
    app: Application, headers: dict[str, str] | None = None, **members: Any
) -> httpx.Response:
    name = f"By statement {uuid.uuid4()}"
    body = {"redirect_uris": [CALLBACK], "client_name": name} | members
    return await app.http.post(REGISTER, json=body, headers=headers)


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", "")


async def test_a_statement_is_mandatory_and_judged_by_the_keys_that_are_named(
    own_database: str, keys: TlsServer
) -> None:
    async with (
        application(own_database, **reaching(keys)) as app,
        application(own_database, **reaching(keys)) as other,
    ):
        admin = await app.admin_token(*SCOPES)
        # Nobody reads one yet.
        assert (await register(app, admin, software_statement="no jwt")).status_code == 201
        changed = await configure(app, admin, ssaJwks=location(keys))
        assert changed.status_code == 200, changed.text
        # Not mandatory, but what is sent is judged, by every process at once.
        for each in (app, other):
            assert (await register(each, admin)).status_code == 201
            told = await register(each, admin, software_statement="no jwt")
            assert said(told) == (400, "invalid_software_statement")
        assert (await configure(app, admin, mandateSSA="true")).status_code == 200
        told = await app.http.get(CONFIGURATION, headers=admin)
        assert (told.json()["mandateSSA"], told.json()["ssaJwks"]) == (True, location(keys))
        for each in (app, other):
            for sent in ({}, {"software_statement": ""}, {"software_statement": None}):
                told = await register(each, admin, **sent)
                assert said(told) == (400, "invalid_software_statement")
                assert "mandateSSA" in told.json()["error_description"]
            made = await register(
                each, admin, software_statement=statement(iss="https://any.example")
            )
            assert made.status_code == 201, made.text
            assert made.json()["client_name"] == "From the statement"
            assert made.json()["software_statement_issuer"] == "https://any.example"
        # Still without one where no administrator of theirs asked for it.
        assert (await app.http.post("/register", json={"redirect_uris": [CALLBACK]})).is_success
        assert (await configure(app, admin, mandateSSA="false", ssaJwks=None)).status_code == 200
        assert (await register(other, admin)).status_code == 201


@finding("E13")
async def test_who_has_no_credential_registers_by_a_good_statement_alone(
    make_app: MakeApplication, keys: TlsServer
) -> None:
    app = await make_app(**reaching(keys))
    admin = await app.admin_token(*SCOPES)
    text = statement()
    assert (await register(app, software_statement=text)).status_code == 401
    opened = await configure(app, admin, ssaJwks=location(keys), **OPEN)
    assert opened.status_code == 200, opened.text
    assert said(await register(app)) == (400, "invalid_software_statement")
    for name in FORGERIES.keys() - OF_THE_ENTRY:
        _, forge = FORGERIES[name]
        told = await register(app, software_statement=forge())
        assert told.status_code == 400, name
    assert (await register(app, {"Authorization": "Bearer x"})).status_code == 401
    chosen = {"ext_param_client_id": "mine", "ext_application_owner": "alice",
              "ext_param_client_secret": "Fz3-kQ9xW1~vB7.mT5_pL2:hJ4"}  # fmt: skip
    made = await register(app, software_statement=text, **chosen)
    assert made.status_code == 201, made.text
    client = made.json()
    assert client["client_id"] != "mine"
    assert client["client_secret"] != chosen["ext_param_client_secret"]
    assert "ext_application_owner" not in client
    again = await register(app, software_statement=text)
    assert said(again) == (400, "invalid_software_statement")
    record = (await app.runtime.lists.clients.page("default", limit=1))[0]
    assert (record.client_id, record.origin) == (client["client_id"], "software_statement")
    assert record.owner is None
    # What was vouched for stays when the client changes itself, at the other door.
    changed = await app.http.put(
        client["registration_client_uri"],
        json=update_of(client, client_name="Your Bank", software_statement=None),
        headers=bearer(client),
    )
    assert changed.json()["client_name"] == "From the statement", changed.text
    assert changed.json()["software_statement_issuer"] == ISSUER


async def test_a_stranger_s_statement_is_bound_to_what_is_enforced(
    make_app: MakeApplication, keys: TlsServer
) -> None:
    """FAPI and statements together: whoever has no credential is no exception."""
    app = await make_app(**reaching(keys))
    admin = await app.admin_token(*SCOPES)
    values = OPEN | {"enableFapiEnforcement": "true", "fapiProfile": "FAPI2_SECURITY"}
    assert (await configure(app, admin, ssaJwks=location(keys), **values)).status_code == 200
    weak = await register(app, software_statement=statement())
    assert said(weak) == (400, "invalid_client_metadata")
    strong = await register(
        app,
        software_statement=statement(),
        token_endpoint_auth_method="private_key_jwt",
        tls_client_certificate_bound_access_tokens=True,
        jwks=statements.key_set(),
    )
    assert strong.status_code == 201, strong.text
    record = (await app.runtime.lists.clients.page("default", limit=1))[0]
    assert "asgardeo-fapi2" in (record.bounds or "")


async def test_who_has_no_credential_is_limited_by_address(
    make_app: MakeApplication, keys: TlsServer
) -> None:
    limits = {"rate_limits": {"enabled": True, "open_registration": "1/hour"}}
    app = await make_app(**reaching(keys, **limits))
    admin = await app.admin_token(*SCOPES)
    await configure(app, admin, ssaJwks=location(keys), **OPEN)
    assert (await register(app, software_statement=statement())).status_code == 201
    assert (await register(app, software_statement=statement())).status_code == 429
    assert (await register(app, admin, software_statement=statement())).status_code == 201


async def test_a_closed_tenant_stays_closed(own_database: str, keys: TlsServer) -> None:
    closed = {"registration": {"mode": "closed"}}
    async with (
        application(own_database, **reaching(keys)) as before,
        application(own_database, **reaching(keys, **closed)) as app,
    ):
        admin = await app.admin_token(*SCOPES)
        refused = await configure(app, admin, ssaJwks=location(keys), **OPEN)
        assert (refused.status_code, refused.json()["code"]) == (400, "CNF-60517")
        assert "closed" in refused.json()["description"]
        assert (await configure(before, admin, ssaJwks=location(keys), **OPEN)).status_code == 200
        assert (await register(app, software_statement=statement())).status_code == 401


async def test_a_change_of_the_keys_counts_after_a_restart(
    own_database: str, keys: TlsServer
) -> None:
    async with application(own_database, **reaching(keys)) as app:
        admin = await app.admin_token(*SCOPES)
        await configure(app, admin, ssaJwks=location(keys))
    async with application(own_database, **reaching(keys)) as app:
        body = {"redirect_uris": [CALLBACK], "software_statement": "no jwt"}
        refused = await app.http.post("/register", json=body)
        assert said(refused) == (400, "invalid_software_statement")
        await configure(app, admin, ssaJwks=None)
        assert (await app.http.post("/register", json=body)).status_code == 201


async def test_keys_are_fetched_from_no_address_of_ours(
    make_app: MakeApplication, keys: TlsServer
) -> None:
    """They are named at run time, by whoever administers the tenant."""
    app = await make_app(**ENABLED)
    admin = await app.admin_token(*SCOPES)
    await configure(app, admin, ssaJwks=location(keys), **OPEN)
    told = await register(app, software_statement=statement())
    assert told.status_code == 503, told.text
    assert keys.connections == 0


async def test_one_statement_registers_one_client_however_many_send_it(
    own_database: str, keys: TlsServer
) -> None:
    async with application(own_database, **reaching(keys)) as app:
        admin = await app.admin_token(*SCOPES)
        await configure(app, admin, ssaJwks=location(keys), **OPEN)
        text = statement()
        answers = await asyncio.gather(*(register(app, software_statement=text) for _ in range(4)))
        assert sorted(each.status_code for each in answers) == [201, 400, 400, 400]
