"""Members that operators declare, over HTTP: kept, told to whom they are for, read at the start."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.settings import ConfigurationError, load
from harness.application import Application, bearer, update_of
from harness.cases import each

DIGITS = {"type": "string", "pattern": "^[0-9]{4}$"}
MEMBERS: dict[str, Any] = {
    "cost_center": {"schema": DIGITS},
    "risk": {"schema": {"type": "integer"}, "read_by": "administrator"},
    "team": {"schema": {"type": "string", "maxLength": 8}, "set_by": "everybody"},
}
REDIRECTS = {"redirect_uris": ["https://client.example.org/cb"]}
GIVEN = {"cost_center": "1234", "risk": 7, "team": "a"}


async def _administered(app: Application) -> tuple[dict[str, str], dict[str, Any]]:
    admin = await app.admin_token("clients:create", "clients:read", "clients:update")
    answer = await app.http.post("/register", json=REDIRECTS | GIVEN, headers=admin)
    assert answer.status_code == 201, answer.text
    return admin, answer.json()


async def test_each_is_set_by_whom_it_says(make_app: MakeApplication) -> None:
    app = await make_app(members=MEMBERS)
    client = await app.register(**GIVEN)
    assert {name: client.get(name) for name in GIVEN} == {
        "cost_center": None, "risk": None, "team": "a",
    }  # fmt: skip
    refused = await app.http.post("/register", json=REDIRECTS | {"team": "too long to be one"})
    assert "team must have at most 8 characters" in refused.json()["error_description"]
    _, made = await _administered(app)
    assert {name: made[name] for name in GIVEN} == GIVEN


async def test_the_document_has_them_beside_the_others(make_app: MakeApplication) -> None:
    described = MEMBERS | {"team": MEMBERS["team"] | {"description": "Who makes it"}}
    app = await make_app(members=described)
    document = (await app.http.get("/openapi.json")).json()
    shapes = document["components"]["schemas"]
    for name in ("ClientMetadata", "ClientUpdate", "ClientInformation", "RegisteredClient"):
        members = shapes[name]["properties"]
        assert members["cost_center"]["pattern"] == "^[0-9]{4}$", name
        assert members["risk"]["type"] == "integer"
        assert members["team"]["description"] == "Who makes it (members.team)"
    without = await make_app()
    assert "cost_center" not in (await without.http.get("/openapi.json")).text


@pytest.mark.finding("E5")
async def test_what_is_for_administrators_is_told_to_no_client(make_app: MakeApplication) -> None:
    app = await make_app(members=MEMBERS)
    admin, made = await _administered(app)
    path = f"/register/{made['client_id']}"
    own = await app.http.get(path, headers=bearer(made))
    assert own.json()["cost_center"] == "1234"
    assert "risk" not in own.text
    changed = await app.http.put(
        path, json=update_of(own.json(), risk=0, cost_center="9999"), headers=bearer(made)
    )
    assert changed.json()["cost_center"] == "1234"
    assert "risk" not in changed.text
    assert (await app.http.get(path, headers=admin)).json()["risk"] == 7
    server = await app.admin_token("clients:read")
    told = await app.http.get(f"/authorization-server/clients/{made['client_id']}", headers=server)
    assert told.json()["risk"] == 7


@each(
    "members, told",
    [
        ({"client_name": {"schema": DIGITS}}, "is a member that this server knows already"),
        ({"client_id": {"schema": DIGITS}}, "is a member that this server knows already"),
        ({"owner": {"schema": DIGITS}}, "is a member that this server knows already"),
        ({"skip_consent": {"schema": DIGITS}}, "is a member that this server knows already"),
        ({"Cost": {"schema": DIGITS}}, "small letters"),
        ({"a#fr": {"schema": DIGITS}}, "small letters"),
        ({"a": {"schema": "string"}}, "members.a.schema"),
        ({"a": {"schema": {"type": "string", "format": "uri"}}}, "schema.format is not understood"),
        ({"a": {"schema": DIGITS, "set_by": "client"}}, "members.a.set_by"),
        ({"a": {"schema": DIGITS, "readby": "everybody"}}, "members.a.readby: no such setting"),
    ],
)
def test_what_cannot_be_declared_stops_the_start(members: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(None, members=members)
    assert told in str(caught.value)


def test_a_policy_may_speak_of_a_declared_member() -> None:
    required = {"registration": {"required": ["team"]}}
    assert load(None, members=MEMBERS, policy=required).policy.registration.required == {"team"}
    with pytest.raises(ConfigurationError, match="team: no such member"):
        load(None, policy=required)
