"""policy.registration.reuse_public_clients: who registers the same gets the client of before."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from conftest import MakeApplication
from dcrserver.db.tables import clients, events
from harness.administration import Administrator, administrator
from harness.application import Application, application
from harness.statements import statement, trusting
from metadata.support import certified_key

SHARING: dict[str, Any] = {"policy": {"registration": {"reuse_public_clients": True}}}
ADMINISTERS = (
    "clients:read", "clients:write", "clients:delete",
    "secrets:write", "tokens:write",
)  # fmt: skip
_OWN = {"registration_access_token", "registration_client_uri", "client_secret"}


def native(**members: Any) -> dict[str, Any]:
    """A registration that nobody made before."""
    return {
        "client_name": secrets.token_hex(8),
        "redirect_uris": ["http://127.0.0.1:8080/cb", "com.example.app:/cb"],
        "token_endpoint_auth_method": "none",
    } | members


async def register(
    app: Application, body: dict[str, Any], status: int = 201, path: str = "", **headers: str
) -> dict[str, Any]:
    answer = await app.http.post(f"{path}/register", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert "location" not in answer.headers or "registration_client_uri" in answer.json()
    made: dict[str, Any] = answer.json()
    return made


async def led_to(app: Application, body: dict[str, Any], path: str = "", **headers: str) -> str:
    """The client_id of who registers ``body``."""
    return str((await register(app, body, 201, path, **headers))["client_id"])


async def stored(app: Application, name: str) -> int:
    """How many clients have this name; each of them was registered once."""
    async with app.runtime.database.read() as tx:
        found = select(clients.c.client_id).where(clients.c.metadata.contains(name))
        ids = [row["client_id"] for row in (await tx.session.execute(found, {})).all()]
        told = select(events.c.id).where(
            events.c.subject_id.in_(ids), events.c.type == "client.registered"
        )
        assert len((await tx.session.execute(told, {})).all()) == len(ids)
    return len(ids)


async def test_who_registers_the_same_is_told_the_same(any_database: str) -> None:
    async with application(any_database, **SHARING) as app:
        await _the_same(app)


async def _the_same(app: Application) -> None:
    body = native(**{"client_name#fr": "Exemple", "scope": "openid email", "contacts": ["a", "b"]})
    first = await register(app, body)
    assert not _OWN & first.keys()
    same = {
        "again": body,
        "another port": body
        | {"redirect_uris": ["com.example.app:/cb", "http://127.0.0.1:50123/cb"]},
        "another order": dict(reversed(body.items()))
        | {"scope": "email openid", "contacts": ["b", "a"]},
        "every default": body
        | {"grant_types": ["authorization_code"], "response_types": ["code"]}
        | {"application_type": "native"},
        "another case of a tag": {
            name.replace("#fr", "#FR"): value for name, value in body.items()
        },
        "what nobody understands": body | {"x-made-up": 1, "client_secret": "mine"},
    }
    for how, sent in same.items():
        assert await register(app, sent) == first, how
    assert await stored(app, body["client_name"]) == 1


async def test_what_differs_is_a_client_of_its_own(make_app: MakeApplication) -> None:
    app = await make_app(**SHARING, tenants={"a": {}})
    body = native()
    others = [
        body | {"redirect_uris": ["http://127.0.0.1:8080/CB", "com.example.app:/cb"]},
        body | {"redirect_uris": ["http://localhost:8080/cb", "com.example.app:/cb"]},
        body | {"redirect_uris": ["com.example.app:/cb"]},
        body | {"client_name": f"{body['client_name']} "},
        body | {"scope": "openid"},
        body | {"grant_types": ["authorization_code", "refresh_token"]},
        body | {"logo_uri": "https://example.org/logo.png"},
    ]
    found = [await led_to(app, each) for each in (body, *others)]
    found.append(await led_to(app, body, "/t/a"))
    assert len(set(found)) == len(found)


async def test_nobody_shares_who_was_not_told_to(make_app: MakeApplication) -> None:
    """By default; and what has a secret, or keys, is its own under any policy."""
    app = await make_app()
    body = native()
    first = await register(app, body)
    assert first.keys() >= _OWN - {"client_secret"}
    assert await led_to(app, body) != first["client_id"]

    app = await make_app(**SHARING)
    own = [
        native(token_endpoint_auth_method="client_secret_basic"),
        native(jwks={"keys": [certified_key()]}),
        native(jwks_uri="https://client.example.org/jwks"),
    ]
    for body in own:
        one, two = await register(app, body), await register(app, body)
        assert one["client_id"] != two["client_id"], body
        assert "registration_access_token" in one, body


async def test_another_policy_or_origin_is_another_client(make_app: MakeApplication) -> None:
    app = await make_app(**SHARING, policies={"narrow": SHARING["policy"], "own": {}})
    body = native()
    tokens = [
        "", await app.initial_token(), await app.initial_token(policy="narrow"),
        await app.initial_token(scopes=("openid",)),
    ]  # fmt: skip
    found = []
    for token in tokens:
        carried = {"Authorization": f"Bearer {token}"} if token else {}
        one, two = [await led_to(app, body, **carried) for _ in range(2)]
        assert one == two
        found.append(one)
    assert len(set(found)) == len(tokens)
    # The policy of the token does not share.
    carried = {"Authorization": f"Bearer {await app.initial_token(policy='own')}"}
    assert "registration_access_token" in await register(app, body, **carried)


async def test_a_use_of_a_token_is_taken_by_a_new_client_alone(make_app: MakeApplication) -> None:
    app = await make_app(**SHARING, registration={"mode": "protected"})
    body, carried = native(), {"Authorization": f"Bearer {await app.initial_token(2)}"}
    first = await led_to(app, body, **carried)
    for _ in range(3):
        assert await led_to(app, body, **carried) == first
    await register(app, native(), **carried)
    await register(app, native(), 401, **carried)


@pytest.mark.finding("I2")
async def test_nobody_manages_a_client_that_many_share(any_database: str) -> None:
    """Whoever registered it first would send the people of all the others elsewhere."""
    async with application(any_database, **SHARING) as app:
        made = await register(app, native())
        place = f"/register/{made['client_id']}"
        evil = {"client_id": made["client_id"], "redirect_uris": ["http://127.0.0.1/evil"]}
        for header in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer rat_x"}):
            for method in ("GET", "PUT", "DELETE"):
                answer = await app.http.request(method, place, json=evil, headers=header)
                assert answer.status_code == 401, (method, header)
            answer = await app.http.post(f"{place}/secret", headers=header)
            assert answer.status_code == 401
        assert (await app.client(made["client_id"])).metadata["redirect_uris"][0] != evil


@pytest.mark.finding("I2")
async def test_who_may_change_a_client_cannot_have_others_share_it(any_database: str) -> None:
    """By changing one of his own into what others will register; or one that was theirs before."""
    async with application(any_database, **SHARING) as app, application(any_database) as before:
        body = native()
        own = await register(before, native())
        carried = {"Authorization": f"Bearer {own['registration_access_token']}"}
        update = body | {"client_id": own["client_id"]}
        place = f"/register/{own['client_id']}"
        assert (await app.http.put(place, json=update, headers=carried)).status_code == 200
        assert await led_to(app, body) != own["client_id"]

        admin = await administrator(app, *ADMINISTERS)
        for change in (_reissued, _owned, _renamed):
            body = native()
            first = await led_to(app, body)
            await change(admin, f"/clients/{first}")
            second = await led_to(app, body)
            assert second != first, change
            assert await led_to(app, body) == second, change


async def _reissued(admin: Administrator, place: str) -> None:
    await admin.post(f"{place}/registration-access-token", 201)


async def _owned(admin: Administrator, place: str) -> None:
    merge = {"Content-Type": "application/merge-patch+json"}
    await admin.ask("PATCH", place, json={"owner": "acme"}, headers=merge)


async def _renamed(admin: Administrator, place: str) -> None:
    merge = {"Content-Type": "application/merge-patch+json"}
    change = {"metadata": {"client_name": "renamed"}}
    await admin.ask("PATCH", place, json=change, headers=merge)


@pytest.mark.finding("I3")
async def test_what_an_administrator_ended_does_not_come_back(any_database: str) -> None:
    """Suspended: refused until it is resumed. Deleted: a new client, of another client_id."""
    async with application(any_database, **SHARING) as app:
        admin, body = await administrator(app, *ADMINISTERS), native()
        first = await led_to(app, body)
        await admin.post(f"/clients/{first}/suspend")
        told = await register(app, body, 400)
        assert told["error"] == "invalid_client_metadata"
        assert "suspended" in told["error_description"]
        assert await stored(app, body["client_name"]) == 1
        await admin.post(f"/clients/{first}/resume")
        assert await led_to(app, body) == first

        await admin.delete(f"/clients/{first}")
        second = await led_to(app, body)
        assert second != first
        await admin.get(f"/clients/{first}", 404)
        assert await led_to(app, body) == second
        await admin.post(f"/clients/{first}/restore")
        assert await led_to(app, body) == second
        # The one that all share is the one that is judged.
        await admin.post(f"/clients/{first}/suspend")
        assert await led_to(app, body) == second


async def test_of_many_at_once_at_two_instances_one_client_comes(any_database: str) -> None:
    """Also where the one before was deleted a moment ago."""
    async with (
        application(any_database, **SHARING) as one,
        application(any_database, **SHARING) as two,
    ):
        body, gone = native(), ""
        admin = await administrator(one, *ADMINISTERS)
        for _ in range(2):
            sent = [led_to(app, body) for app in (one, two) for _ in range(5)]
            (client_id,) = set(await asyncio.gather(*sent))
            assert client_id != gone
            view = await one.client(client_id)
            assert view.registrations == len(sent)
            assert await stored(one, body["client_name"]) == 1
            await admin.delete(f"/clients/{client_id}")
            gone = client_id


async def test_it_is_counted(make_app: MakeApplication) -> None:
    app = await make_app(**SHARING)
    admin, body = await administrator(app, *ADMINISTERS), native()
    for _ in range(3):
        client_id = await led_to(app, body)
    told = await admin.get(f"/clients/{client_id}")
    assert told["registrations"] == 3
    assert told["last_registered_at"] >= told["created_at"]
    (event,) = await app.events(client_id)
    assert event.type == "client.registered"
    metrics = (await app.http.get("/metrics")).text
    assert "dcrserver_registrations_reused_total 2.0" in metrics
    alone = await led_to(app, native(token_endpoint_auth_method="client_secret_basic"))
    told = await admin.get(f"/clients/{alone}")
    assert (told["registrations"], told["last_registered_at"]) == (1, told["created_at"])


async def test_an_idempotency_key_holds_for_a_client_that_was_there(any_database: str) -> None:
    async with application(any_database, **SHARING) as app:
        body, keys = native(), [str(uuid.uuid4()) for _ in range(2)]
        answers = await asyncio.gather(
            *(register(app, body, **{"Idempotency-Key": key}) for key in keys for _ in range(3))
        )
        assert answers == [answers[0]] * len(answers)
        view = await app.client(answers[0]["client_id"])
        assert view.registrations == len(keys)
        told = await register(app, native(), 422, **{"Idempotency-Key": keys[0]})
        assert told["error"] == "idempotency_key_reused"


async def test_the_preview_tells(make_app: MakeApplication) -> None:
    app = await make_app(**SHARING, registration={"validate_endpoint": True})

    async def told(body: dict[str, Any], **headers: str) -> Any:
        answer = await app.http.post("/register/validate", json=body, headers=headers)
        return answer.json()["shared"]

    assert await told(native()) is True
    assert await told(native(token_endpoint_auth_method="client_secret_basic")) is False
    assert await told(native(redirect_uris=[])) is False
    assert await told(native(), **await app.admin_token("clients:create")) is False


async def test_administrators_make_clients_of_their_own(make_app: MakeApplication) -> None:
    app = await make_app(**SHARING)
    admin, body = await app.admin_token("clients:create"), native()
    found = [await led_to(app, body, **admin), await led_to(app, body, **admin)]
    found.append(await led_to(app, body))
    assert len(set(found)) == len(found)


async def test_who_is_tagged_otherwise_is_another_client(make_app: MakeApplication) -> None:
    policy = SHARING["policy"] | {
        "statements": [
            {"name": "t", "when": {"software_id": "x"}, "then": {"tag": ["seen"]}},
        ]
    }
    app = await make_app(policy=policy)
    body = native(software_id="x")
    first = await led_to(app, body)
    assert (await app.client(first)).tags == ["seen"]
    assert await led_to(app, body) == first


async def test_who_presents_the_same_statement_shares_a_client(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    """One that may be used once makes a client once, and leads nobody to it again."""
    app = await make_app(**_deeply(trusting(tmp_path), SHARING))
    other, once = statement(jti=..., software_version="2"), statement()
    body = native(software_statement=statement(jti=...))
    first = await led_to(app, body)
    assert await led_to(app, body) == first
    assert await led_to(app, body | {"software_statement": other}) != first
    body["software_statement"] = once
    assert await led_to(app, body) != first
    assert (await register(app, body, 400))["error"] == "invalid_software_statement"


def _deeply(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {**one, **other, "policy": {**one["policy"], **other["policy"]}}
