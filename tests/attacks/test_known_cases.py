"""What went wrong in servers of others, each by its number: a policy that could be left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.metadata.catalogue import PARAMETERS, SERVER_ASSIGNED
from dcrserver.metadata.model import Who
from dcrserver.services.registration.facts import NAMES as CHOSEN
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, bearer, update_of
from harness.statements import statement, trusting

EVIL = "https://evil.example/cb"
PUBLIC = {"token_endpoint_auth_method": "none"}
REFUSE = {"reject": {"error": "invalid_client_metadata", "description": "not here"}}


def refusing(name: str = "rule", **when: Any) -> dict[str, Any]:
    """A statement that refuses what it is about; __ for the dot before host."""
    keys = {key.replace("__", "."): value for key, value in when.items()}
    return {"name": name, "when": keys, "then": REFUSE}


async def put(app: Application, client: dict[str, Any], **changes: Any) -> Any:
    body = update_of(client, **changes)
    return await app.http.put(f"/register/{client['client_id']}", json=body, headers=bearer(client))


@pytest.mark.finding("K1")
async def test_cve_2026_15572_a_client_cannot_become_of_a_kind_that_is_refused(
    make_app: MakeApplication,
) -> None:
    """The type was swapped by an update, which only the policy of the old one was asked about."""
    rule = refusing(token_endpoint_auth_method={"not": "none"})
    app = await make_app(policy={"statements": [rule]})
    made = await app.register(**PUBLIC)
    answer = await put(app, made, token_endpoint_auth_method="client_secret_basic")
    assert (answer.status_code, answer.json()["error_description"]) == (400, "not here")
    assert (await app.client(made["client_id"])).metadata["token_endpoint_auth_method"] == "none"


@pytest.mark.finding("K1")
async def test_cve_2026_18573_the_new_values_are_judged_not_the_old_ones(
    make_app: MakeApplication,
) -> None:
    both = refusing(**PUBLIC, redirect_uris__host={"not": ["*.example.org"]})
    app = await make_app(policy={"statements": [both]})
    made = await app.register(redirect_uris=[EVIL])  # confidential: may
    assert (await put(app, made, **PUBLIC, client_secret=...)).status_code == 400
    assert (await put(app, made, redirect_uris=[CALLBACK])).status_code == 200


@pytest.mark.finding("K1")
async def test_cve_2026_18570_what_is_left_out_is_judged_as_well(
    make_app: MakeApplication,
) -> None:
    rule = refusing(software_id={"not": ["good"]})
    app = await make_app(policy={"statements": [rule]})
    body = {"redirect_uris": [CALLBACK]}
    assert (await app.http.post("/register", json=body)).status_code == 400
    made = await app.register(software_id="good")
    for value in (..., "", "other"):
        assert (await put(app, made, software_id=value)).status_code == 400, value
    assert (await app.client(made["client_id"])).metadata["software_id"] == "good"


@pytest.mark.finding("K2")
async def test_cve_2026_16102_the_policy_of_a_token_binds_whatever_the_body_says(
    make_app: MakeApplication,
) -> None:
    strict = {"statements": [refusing(redirect_uris__host={"not": ["*.example.org"]})]}
    app = await make_app(policies={"strict": strict, "free": {}})
    headers = {"Authorization": f"Bearer {await app.initial_token(policy='strict')}"}
    for more in ({}, {"policy": "free"}, {"policy_override": True}, {"bounds": {"policy": None}}):
        body = {"redirect_uris": [EVIL], **more}
        answer = await app.http.post("/register", json=body, headers=headers)
        assert answer.status_code == 400, more
    body = {"redirect_uris": [CALLBACK], "policy": "free"}
    made = (await app.http.post("/register", json=body, headers=headers)).json()
    assert (await app.client(made["client_id"])).policy == "strict"
    for more in ({}, {"policy": "free"}, {"policy_override": True}):
        assert (await put(app, made, redirect_uris=[EVIL], **more)).status_code == 400, more


@pytest.mark.finding("K3")
async def test_cve_2026_16093_an_unsigned_statement_is_nobodys_word(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    rule = refusing(origin={"not": "software_statement"})
    app = await make_app(**trusting(tmp_path) | {"policy": {
        "statements_mode": "allowed", "statements": [rule]}})  # fmt: skip
    header, payload, _ = statement().split(".")
    for forged in (f"{header}.{payload}.", f"eyJhbGciOiJub25lIn0.{payload}.", "x", ""):
        body = {"redirect_uris": [CALLBACK], "software_statement": forged}
        assert (await app.http.post("/register", json=body)).status_code == 400, forged


@pytest.mark.finding("K4")
async def test_cve_2026_9705_a_registration_access_token_wakes_no_suspended_client(
    app: Application,
) -> None:
    made = await app.register(**PUBLIC)
    await app.operations.client_lifecycle.suspend(
        app.runtime.default_tenant, made["client_id"], OPERATOR
    )
    for more in ({}, {"status": "active"}, {"suspended_at": 0}, {"enabled": True}):
        assert (await put(app, made, **more)).status_code == 401, more
    assert (await app.client(made["client_id"])).suspended_at


@pytest.mark.finding("K5")
async def test_cve_2026_9792_no_condition_switches_what_is_done_off(
    make_app: MakeApplication,
) -> None:
    """With some conditions the rule beside them was passed over in silence."""
    for when in (
        {"origin": "open"}, {"origin": {"not": "administrator"}}, {"actor": "anonymous"},
        {"actor": {"not": ["administrator"]}}, {"tenant": "default"}, {"tenant": {"not": "other"}},
        {"address": ["0.0.0.0/0", "::/0"]}, {"address": {"not": "192.0.2.0/24"}},
        {"client_name": "x"}, {"client_name": {"prefix": "x"}}, {"client_name": {"pattern": "^x$"}},
        {"client_name": {"not": "y"}}, {"redirect_uris__host": "*.example.org"},
        {"redirect_uris": CALLBACK}, {"grant_types": "authorization_code"},
        {"token_endpoint_auth_method": {"not": "none"}}, {"software_id": {"not": "y"}}, {},
    ):  # fmt: skip
        app = await make_app(policy={"statements": [refusing(**when)]})
        body = {"redirect_uris": [CALLBACK], "client_name": "x"}
        answer = await app.http.post("/register", json=body)
        assert answer.status_code == 400, when


@pytest.mark.finding("K6")
async def test_cve_2026_65635_no_self_service_path_sets_what_is_an_administrators(
    app: Application,
) -> None:
    """Mass assignment at Boruta: whoever registered was what they said they were."""
    rows = [row for row in PARAMETERS.values() if row.set_by is Who.ADMINISTRATOR]
    sent: dict[str, Any] = {row.name: row.example for row in rows}
    sent |= {name.upper(): value for name, value in sent.items()}
    sent |= {f"{name}#en": value for name, value in sent.items()}
    chosen = {"owner": "me", "tags": ["x"], "template": "x", "client_secret": "cs_" + "a1" * 20,
              "client_id": "mine", "client_secret_expires_at": 0, "policy": "x",
              "policy_override": True, "policy_version": 1, "expires_at": 2**40}  # fmt: skip
    assert chosen.keys() >= CHOSEN
    sent |= chosen | {
        "registration_access_token": "rat_x", "client_id_issued_at": 1, "origin": "administrator",
        "status": "active", "suspended_at": 0, "version": 9, "bounds": {}, "tenant": "other",
        "issued_at": 1, "software_statement_issuer": "https://i.example", "verified_facts": {},
        "registration_client_uri": "https://evil.example", "scopes": ["x"], "is_admin": True,
    }  # fmt: skip
    made = await app.register(**sent)
    told = (await put(app, made, **{
        name: value for name, value in sent.items() if name not in SERVER_ASSIGNED
    })).json()  # fmt: skip
    assert "error" not in told, told
    stored = await app.client(made["client_id"])
    held = {name.partition("#")[0].lower() for name in stored.metadata}
    assert held.isdisjoint({row.name for row in rows} | chosen.keys())
    assert (stored.owner, stored.policy, stored.tags, stored.origin) == (None, None, [], "open")
    assert (stored.tenant, stored.client_id) == ("default", made["client_id"])
    assert stored.expires_at == 0
    assert made["client_id"] != "mine"
    assert made["client_secret"] != sent["client_secret"]
    assert "software_statement_issuer" not in stored.metadata


@pytest.mark.finding("K7")
async def test_cve_2026_73309_an_empty_secret_is_none(app: Application) -> None:
    made = await app.register(grant_types=["client_credentials"], redirect_uris=[])
    for secret in ("", " ", "null"):
        form = {"grant_type": "client_credentials", "client_id": made["client_id"],
                "client_secret": secret}  # fmt: skip
        assert (await app.http.post("/token", data=form)).status_code == 401, secret
        basic = (made["client_id"], secret)
        data = {"grant_type": "client_credentials"}
        assert (await app.http.post("/token", data=data, auth=basic)).status_code == 401, secret
