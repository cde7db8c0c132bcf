"""What one server exports another imports, and exports again octet by octet the same."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from conftest import MakeApplication
from dcrserver.metadata.bounds import Bounds
from dcrserver.moving import Moved
from dcrserver.services.clients.exports import exported_pages
from dcrserver.strict_json import JsonObject, dumps, loads
from flows.test_metamorphic import FULL
from harness.actors import OPERATOR
from harness.application import Application, application, bearer
from harness.databases import migrate
from harness.properties import examples
from metadata.strategies import ANY_SUBMISSIONS

SECRET = "correct horse"  # short enough for a slow hash
BODIES = ANY_SUBMISSIONS.map(
    lambda body: {name: sent for name, sent in body.items() if name != "sector_identifier_uri"}
)
OWNERS = st.none() | st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=255)
MOMENTS = st.sampled_from([0, 1500000000, 4000000000])


async def exported(app: Application, *, credentials: bool = True) -> list[JsonObject]:
    runtime = app.runtime
    pages = exported_pages(runtime.lists, runtime.default_tenant.name, credentials=credentials)
    return [json.loads(line) async for page in pages for line in page.splitlines()]


async def imported(app: Application, clients: list[JsonObject]) -> list[Moved]:
    """What was told of each; all of them are good."""
    service, tenant = app.operations.client_import, app.runtime.default_tenant
    judged = [
        service.judge(tenant, Bounds(), OPERATOR, loads(dumps(each).encode())) for each in clients
    ]
    assert [told.refused for told, _ in judged if told.refused] == []
    good = [client for _, client in judged if client]
    assert await service.write(tenant, good, OPERATOR) == len(clients)
    return [told for told, _ in judged]


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, owner=OWNERS, suspended_at=MOMENTS, rotates=st.booleans())
async def test_whatever_is_registered_comes_back_the_same(
    pair: tuple[Application, Application],
    body: dict[str, Any],
    owner: str | None,
    suspended_at: int,
    *,
    rotates: bool,
) -> None:
    first, second = pair
    answer = await first.http.post(
        "/register", content=dumps(body), headers={"Content-Type": "application/json"}
    )
    client = answer.json() if answer.status_code == 201 else await first.register()
    if rotates and "client_secret" in client:
        await first.http.post(f"/register/{client['client_id']}/secret", headers=bearer(client))
    mine = [each for each in await exported(first) if each["client_id"] == client["client_id"]]
    more = {"owner": owner, "suspended_at": suspended_at}
    mine[0] |= {name: value for name, value in more.items() if value}
    told = await imported(second, mine)
    assert [each for each in told[0].mapped if "implicit stays" not in each.what] == []
    assert told[0].dropped == []
    back = [each for each in await exported(second) if each["client_id"] == client["client_id"]]
    assert back == mine
    read = await second.http.get(f"/register/{client['client_id']}", headers=bearer(client))
    assert read.status_code == (401 if suspended_at else 200)


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Application, Application]]:
    """Two servers with the same configuration and encryption key."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = []
        for name in ("first", "second"):
            url = f"sqlite:///{folder}/{name}.db"
            await migrate(url)
            made.append(await stack.enter_async_context(application(url, **FULL)))
        yield made[0], made[1]


async def test_credentials_work_on(make_app: MakeApplication) -> None:
    key = base64.b64encode(bytes(32)).decode()
    first, second = [await make_app(secrets={"encryption_keys": [key]}) for _ in range(2)]
    machine = {"grant_types": ["client_credentials"], "redirect_uris": [], "client_secret": SECRET}
    await imported(first, [machine | {"client_id": "chosen", "client_secrets": None}])
    made = await first.register(grant_types=["client_credentials"], redirect_uris=[])
    rotated = await first.http.post(f"/register/{made['client_id']}/secret", headers=bearer(made))
    await first.set_members(
        "chosen", client_credentials_access_token_lifetime=60, access_token_format="opaque"
    )
    await imported(second, await exported(first))
    assert await exported(second) == await exported(first)
    for client_id, secret in (
        ("chosen", SECRET),
        (made["client_id"], made["client_secret"]),
        (made["client_id"], rotated.json()["client_secret"]),
    ):
        answer = await second.http.post(
            "/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret)
        )
        assert answer.status_code == 200, answer.text
    assert (
        await second.http.get(f"/register/{made['client_id']}", headers=bearer(made))
    ).status_code == 200


async def test_without_credentials_there_is_nothing_to_guess_at(app: Application) -> None:
    await app.register()
    told = dumps(await exported(app, credentials=False))
    assert "hash" not in told
    assert "client_secrets" not in told


async def test_a_copy_that_another_key_encrypted_is_refused(make_app: MakeApplication) -> None:
    methods = {"token_endpoint_auth_methods_supported": ["client_secret_jwt"]}
    apps = [
        await make_app(
            secrets={"encryption_keys": [base64.b64encode(bytes([n]) * 32).decode()]},
            authorization_server=methods,
        )
        for n in (1, 2)
    ]
    await apps[0].register(token_endpoint_auth_method="client_secret_jwt")
    [line] = await exported(apps[0])
    service, tenant = apps[1].operations.client_import, apps[1].runtime.default_tenant
    told, client = service.judge(tenant, Bounds(), OPERATOR, line)
    assert client is None
    assert "secrets.encryption_keys" in str(told.refused)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"bounds": {"policy": "gone"}}, "policy of this registration"),
        ({"bounds": {"scopes": "profile"}}, "bounds must be"),
        ({"bounds": {"policy": 7}}, "bounds must be"),
        ({"bounds": 7}, "bounds must be"),
        ({"bounds": {"other": 7}}, "bounds must be"),
        ({"owner": "x" * 256}, "owner must be"),
        ({"owner": "a\nb"}, "owner must be"),
        ({"suspended_at": True}, "suspended_at must be"),
        ({"access_token_lifetime": 0.5}, "access_token_lifetime must be"),
        ({"access_token_lifetime": 86_401}, "access_token_lifetime must be"),
        ({"access_token_format": "xml"}, "access_token_format must be"),
        ({"registration_access_tokens": [{}]}, "registration_access_tokens must"),
        ({"registration_access_tokens": [{}, {}, {}]}, "registration_access_tokens must"),
        ({"client_secrets": 7}, "client_secrets must be"),
        ({"client_secrets": [7]}, "client_secrets must be"),
        ({"client_secrets": [{}]}, "must be given"),
        ({"client_secrets": [{"secret": "a", "hash": "b"}]}, "must be given"),
        ({"client_secrets": [{"secret": "abc"}] * 7}, "more than 6"),
        ({"client_secrets": []}, "neither was given"),
        ({"client_secrets": [{"secret": "abc", "id": "a/b"}]}, "an id of client_secrets"),
        ({"client_secrets": [{"secret": "abc", "id": "x" * 65}]}, "an id of client_secrets"),
        ({"client_secrets": [{"secret": "abc", "id": "x"}] * 2}, "ids of their own"),
    ],
)
async def test_what_no_server_exported_is_refused(
    app: Application, members: dict[str, Any], reason: str
) -> None:
    line = {"client_id": "a", "redirect_uris": ["https://a.example/cb"],
            "client_secret": None, "client_secrets": [{"secret": "abc"}]}  # fmt: skip
    service, tenant = app.operations.client_import, app.runtime.default_tenant
    told, client = service.judge(tenant, Bounds(), OPERATOR, line | members)
    assert client is None
    assert reason in str(told.refused)
