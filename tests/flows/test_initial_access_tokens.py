"""Who may register: modes of tenants, initial access tokens, what they bound, who used them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from conftest import MakeApplication
from dcrserver.errors import NotFound
from dcrserver.services.access.token_reading import InitialAccessTokenView
from dcrserver.services.audit import SubjectKind
from harness.actors import OPERATOR
from harness.application import BASE_URL, CALLBACK, Application, application, bearer, update_of

requirement = pytest.mark.requirement
MINIMAL = {"redirect_uris": [CALLBACK]}
PROTECTED: dict[str, Any] = {"registration": {"mode": "protected"}}


def carrying(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def register(app: Application, token: str | None, **metadata: Any) -> httpx.Response:
    headers = carrying(token) if token else {}
    return await app.http.post("/register", json=MINIMAL | metadata, headers=headers)


async def listed(app: Application) -> list[InitialAccessTokenView]:
    """Those of the default tenant, each with what was registered with it."""
    reading = app.operations.token_reading
    found = await reading.initial_access_tokens("default", None, 500)
    return [await reading.initial_access_token("default", each.id) for each in found]


async def test_each_tenant_has_a_mode_of_its_own(make_app: MakeApplication) -> None:
    app = await make_app(
        registration={"mode": "protected"},
        tenants={"a": {"mode": "open"}, "b": {"mode": "closed"}, "c": {}},
    )
    statuses = {}
    for path in ("", "/t/a", "/t/b", "/t/c"):
        answer = await app.http.post(f"{path}/register", json=MINIMAL)
        document = await app.http.get(f"{path}/.well-known/openid-configuration")
        statuses[path] = (answer.status_code, "registration_endpoint" in document.json())
    assert statuses == {
        "": (401, True), "/t/a": (201, True), "/t/b": (401, False), "/t/c": (401, True),
    }  # fmt: skip
    token = await app.initial_token()
    assert (await register(app, token)).status_code == 201
    # Nothing crosses tenants (row 36).
    for path in ("/t/b", "/t/c"):
        answer = await app.http.post(f"{path}/register", json=MINIMAL, headers=carrying(token))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


async def test_each_tenant_may_have_a_policy_of_its_own(make_app: MakeApplication) -> None:
    app = await make_app(
        policies={"strict": {"redirect": {"query": False}}},
        tenants={"a": {"policy": "strict"}},
    )
    body = {"redirect_uris": [f"{CALLBACK}?a=b"]}
    assert (await app.http.post("/register", json=body)).status_code == 201
    assert (await app.http.post("/t/a/register", json=body)).status_code == 400


@requirement("POL-50")
async def test_the_challenges(make_app: MakeApplication) -> None:
    app = await make_app(**PROTECTED)
    missing = await register(app, None)
    assert missing.status_code == 401
    assert missing.headers["www-authenticate"] == f'Bearer realm="{BASE_URL}"'
    token = await app.initial_token()
    query = await app.http.post("/register", params={"access_token": token}, json=MINIMAL)
    assert query.status_code == 401
    for bad in ("iat_unknown", token + "x"):
        answer = await register(app, bad)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_token_ends(make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    app = await make_app(**PROTECTED)
    revoked, expired = await app.initial_token(), await app.initial_token()
    tokens, kind = app.operations.token_administration, SubjectKind.INITIAL_ACCESS_TOKEN
    first = (await app.operations.lists.tokens.initial_access_tokens("default"))[0].id
    await tokens.revoke(kind, "default", first, OPERATOR)
    with pytest.raises(NotFound):
        await tokens.revoke(kind, "default", first, OPERATOR)
    ended = {each.id: each.revoked_at for each in await listed(app)}
    assert ended[first]
    assert sorted(not at for at in ended.values()) == [False, True]
    statuses = sorted([(await register(app, each)).status_code for each in (revoked, expired)])
    assert statuses == [201, 401]
    later = time.time() + 61
    monkeypatch.setattr("time.time", lambda: later)
    for token in (revoked, expired):
        assert (await register(app, token)).status_code == 401


async def test_administrators_register_in_every_mode(make_app: MakeApplication) -> None:
    for mode in ("open", "protected", "closed"):
        app = await make_app(registration={"mode": mode})
        may = await app.admin_token("clients:create")
        made = await app.http.post("/register", json=MINIMAL, headers=may)
        assert made.status_code == 201
        events = await app.events(made.json()["client_id"])
        assert events[0].actor_kind == "administrator"
        may_not = await app.admin_token("clients:read")
        answer = await app.http.post("/register", json=MINIMAL, headers=may_not)
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


# What a token allows


async def test_scopes_and_grants_are_bounded(any_database: str) -> None:
    """Row 15: nothing but what the token allows, by default denied."""
    async with application(any_database, **PROTECTED) as app:
        token = await app.initial_token(scopes=("profile",), grant_types=("client_credentials",))
        machine = {"grant_types": ["client_credentials"], "redirect_uris": []}
        made = (await register(app, token, **machine, scope="profile email openid")).json()
        assert made["scope"] == "profile"
        refused = await register(app, token, grant_types=["authorization_code"])
        assert refused.status_code == 400
        # A later update is judged by the same.
        more = update_of(made, scope="profile email", client_secret=...)
        where = made["registration_client_uri"]
        after = await app.http.put(where, json=more, headers=bearer(made))
        assert after.json()["scope"] == "profile"
        other = update_of(
            after.json(), grant_types=["authorization_code"], redirect_uris=[CALLBACK]
        )
        answer = await app.http.put(where, json=other, headers=bearer(after.json()))
        assert answer.status_code == 400


async def test_a_policy_of_the_token_stays_with_the_client(any_database: str) -> None:
    strict = {
        "redirect": {"https_only": True},
        "management": {"registration_access_token_rotation": "never"},
    }
    groups: dict[str, Any] = PROTECTED | {"policies": {"partners": strict}}
    local = ["http://127.0.0.1/cb"]
    async with application(any_database, **groups) as app:
        free, bound = await app.initial_token(), await app.initial_token(policy="partners")
        assert (await register(app, free, redirect_uris=local)).status_code == 201
        assert (await register(app, bound, redirect_uris=local)).status_code == 400
        client = (await register(app, bound)).json()
        where = client["registration_client_uri"]
        answer = await app.http.put(
            where, json=update_of(client, redirect_uris=local), headers=bearer(client)
        )
        assert answer.status_code == 400
        kept = await app.http.put(where, json=update_of(client), headers=bearer(client))
        assert kept.json()["registration_access_token"] == client["registration_access_token"]
    # The policy is gone from the configuration: nobody gets more than it allowed.
    async with application(any_database, **PROTECTED) as app:
        answer = await app.http.put(where, json=update_of(client), headers=bearer(client))
        assert answer.status_code == 503
        assert "partners" not in answer.text


async def test_the_explanation_knows_the_bounds(make_app: MakeApplication) -> None:
    app = await make_app(**PROTECTED)
    token = await app.initial_token(scopes=("profile",))
    answer = await app.http.post(
        "/register/validate", json=MINIMAL | {"scope": "profile email"}, headers=carrying(token)
    )
    assert answer.json()["registration"]["scope"] == "profile"


# Who used it


async def test_who_registered_what_is_told(any_database: str) -> None:
    async with application(any_database, **PROTECTED) as app:
        token = await app.initial_token(uses=3)
        made = [(await register(app, token)).json() for _ in range(2)]
        await app.http.delete(made[0]["registration_client_uri"], headers=bearer(made[0]))
        ids = {each["client_id"] for each in made}
        (row,) = [row for row in await listed(app) if {use.client_id for use in row.used} & ids]
        assert {use.client_id for use in row.used} == ids
        assert {use.address for use in row.used} == {"203.0.113.7"}
        assert (row.uses_left, row.issuer) == (1, "operator:test")
        events = await app.events(made[1]["client_id"])
        assert (events[0].actor_kind, events[0].actor_id) == ("initial_access_token", row.id)


async def test_a_refused_registration_takes_no_use(any_database: str) -> None:
    async with application(any_database, **PROTECTED) as app:
        token = await app.initial_token(uses=1)
        for _ in range(3):
            assert (await register(app, token, redirect_uris=["x"])).status_code == 400
        assert (await register(app, token)).status_code == 201
        assert (await register(app, token)).status_code == 401


@pytest.mark.parametrize("uses", [1, 7])
async def test_fifty_at_once_get_no_more_than_there_is(any_database: str, uses: int) -> None:
    """Row 14: two instances, one token, exactly so many registrations."""
    async with (
        application(any_database, **PROTECTED) as one,
        application(any_database, **PROTECTED) as two,
    ):
        token = await one.initial_token(uses=uses)
        answers = await asyncio.gather(
            *(register((one, two)[number % 2], token) for number in range(50))
        )
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(201), statuses.count(401)) == (uses, 50 - uses)
        made = {answer.json()["client_id"] for answer in answers if answer.status_code == 201}
        histories = [{use.client_id for use in row.used} for row in await listed(one)]
        assert made in histories
