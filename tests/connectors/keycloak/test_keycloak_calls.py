"""What the connector does to a real Keycloak, call by call."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from connectors.keycloak.making import CALLBACK, TENANT, MakeConnector, wanted
from dcrserver.connectors.client import Held, NewSecret
from dcrserver.connectors.failures import (
    TargetMisconfigured,
    TargetMissing,
    TargetRefused,
    TargetTaken,
)
from dcrserver.connectors.keycloak.connector import KeycloakConnector
from harness.keycloak import OTHER_REALM, REALM
from harness.keycloak_administrator import Administrator
from harness.long_run import only_long

pytestmark = [only_long, pytest.mark.timeout(600)]

SECRET = NewSecret("one-" + "x" * 40)


async def test_a_client_that_was_made_is_there_as_it_is_wanted(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    client = wanted(client_name="Example", scope="openid profile email", contacts=["a@b.example"])
    made = await connector.create(client, SECRET)
    read = await connector.read(TENANT, client.client_id, made.held)
    assert read is not None
    assert connector.differences(client, read) == ()
    assert (read.remote_id, read.mark, read.tenant) == (made.held.remote_id, "dcrserver", TENANT)
    assert read.metadata["client_name"] == "Example"
    assert set(str(read.metadata["scope"]).split()) == {"openid", "profile", "email"}
    assert SECRET.value not in str(read)
    there = admin.client(client.client_id)
    assert there
    assert there["secret"] == SECRET.value
    assert there["fullScopeAllowed"] is False
    assert there["consentRequired"] is True
    assert set(there["defaultClientScopes"]) == {"acr", "basic", "roles", "web-origins"}
    assert set(there["optionalClientScopes"]) == {"email", "profile"}
    assert made.changed == {}


async def test_making_it_again_brings_it_to_what_is_wanted(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    client = wanted()
    first = await connector.create(client, SECRET)
    changed = client._replace(metadata=client.metadata | {"client_name": "Other"})
    again = await asyncio.gather(*(connector.create(changed, SECRET) for _ in range(8)))
    assert [each.held for each in again] == [first.held] * 8
    there = admin.client(client.client_id)
    assert there
    assert (there["name"], there["secret"]) == ("Other", SECRET.value)


async def test_a_client_of_others_is_neither_taken_nor_changed_nor_deleted(
    connector: KeycloakConnector, connect: MakeConnector, admin: Administrator
) -> None:
    client = wanted()
    made = admin.make(clientId=client.client_id, name="Foreign", secret="theirs")
    before = admin.client(client.client_id)
    with pytest.raises(TargetTaken):
        await connector.create(client, SECRET)
    with pytest.raises(TargetMissing):
        await connector.update(client, Held(made), SECRET)
    await connector.delete(TENANT, client.client_id, Held(made))
    await connector.delete(TENANT, client.client_id, None)
    assert admin.client(client.client_id) == before
    # Nor is one of another mark, or of another tenant in the same realm.
    other = wanted()
    await connect(mark="other").create(other, SECRET)
    for each in (other, other._replace(tenant="elsewhere")):
        with pytest.raises(TargetTaken):
            await connector.create(each, SECRET)


async def test_what_is_cleared_is_cleared_and_what_others_added_stays(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    client = wanted(
        client_name="Example", logo_uri="https://client.example.org/logo.png",
        software_id="s-1", audience=["https://api.example.org"], scope="openid email",
        post_logout_redirect_uris=["https://client.example.org/bye"],
    )  # fmt: skip
    client.metadata["client_name#de"] = "Beispiel"
    made = await connector.create(client, SECRET)
    mapper = {
        "name": "by hand", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": "https://hand.example.org"},
    }  # fmt: skip
    there = admin.client(client.client_id)
    assert there
    admin.change(
        client.client_id, protocolMappers=[*there["protocolMappers"], mapper],
        attributes={"by.hand": "yes"}, description="of an administrator",
    )  # fmt: skip
    bare = client._replace(metadata=wanted().metadata)
    await connector.update(bare, made.held, None)
    read = await connector.read(TENANT, client.client_id, made.held)
    assert read is not None
    assert connector.differences(bare, read) == ()
    there = admin.client(client.client_id)
    assert there
    assert there["name"] == ""
    assert [each["name"] for each in there["protocolMappers"]] == ["by hand"]
    assert there["attributes"]["by.hand"] == "yes"
    assert there["attributes"]["post.logout.redirect.uris"] == "-"
    assert there["description"] == "of an administrator"
    assert there["secret"] == SECRET.value
    assert not {"logoUri", "dcrserver.member.software_id"} & there["attributes"].keys()
    assert "profile" in there["defaultClientScopes"]  # as the realm gives it to new clients


async def test_one_that_was_renamed_by_hand_is_found_again_and_its_copy_is_left(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    client = wanted()
    made = await connector.create(client, SECRET)
    renamed, there = f"renamed-{client.client_id}", admin.client(client.client_id)
    assert there
    admin.change(client.client_id, clientId=renamed)
    await connector.update(client, made.held, None)
    assert admin.client(renamed) is None
    copied = f"copy-{client.client_id}"
    admin.make(clientId=copied, attributes=there["attributes"])
    await connector.delete(TENANT, copied, None)
    assert admin.client(copied)
    found = {each.client_id: each.mark async for each in connector.list_all([TENANT])}
    assert (found[client.client_id], found[copied]) == ("dcrserver", None)


async def test_scopes_are_moved_by_calls_of_their_own(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    name = f"https://api.example.org/{uuid.uuid4()}"
    client = wanted(scope="openid email")
    made = await connector.create(client, SECRET)
    other = client._replace(metadata=client.metadata | {"scope": f"openid phone {name}"})
    with pytest.raises(TargetRefused, match="lacks a client scope") as refused:
        await connector.update(other, made.held, None)
    assert refused.value.reason.startswith("scope: ")
    admin.call("POST", f"/{REALM}/client-scopes", {"name": name, "protocol": "openid-connect"})
    connector._realms[REALM].scopes._asked_at -= 10  # noqa: SLF001 - nobody waits here
    await connector.update(other, made.held, None)
    there = admin.client(client.client_id)
    assert there
    assert set(there["optionalClientScopes"]) == {"phone", name}
    assert set(there["defaultClientScopes"]) == {"acr", "basic", "roles", "web-origins"}


async def test_what_is_gone_is_missing_and_gone_it_stays(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    client = wanted()
    made = await connector.create(client, SECRET)
    await connector.delete(TENANT, client.client_id, made.held)
    assert admin.client(client.client_id) is None
    await connector.delete(TENANT, client.client_id, made.held)
    assert await connector.read(TENANT, client.client_id, made.held) is None
    with pytest.raises(TargetMissing):
        await connector.update(client, made.held, None)
    # Without what was kept, as after a crash in between.
    await connector.create(client, SECRET)
    await connector.delete(TENANT, client.client_id, None)
    assert admin.client(client.client_id) is None


async def test_every_client_is_listed_once_and_nothing_of_keycloak_itself(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    clients = [wanted(f"list-{number:03}-{uuid.uuid4()}") for number in range(230)]
    for some in range(0, len(clients), 16):
        await asyncio.gather(*(connector.create(each, None) for each in clients[some : some + 16]))
    foreign = f"foreign-{uuid.uuid4()}"
    admin.make(clientId=foreign)
    found = [each async for each in connector.list_all([TENANT])]
    names = [each.client_id for each in found]
    assert len(names) == len(set(names))
    assert {each.client_id for each in clients} | {foreign} <= set(names)
    assert not {"account", "realm-management", "dcr"} & set(names)
    marks = {each.client_id: each.mark for each in found}
    assert marks[foreign] is None
    assert marks[clients[0].client_id] == "dcrserver"


async def test_what_somebody_changed_by_hand_is_told_member_by_member(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    client = wanted(client_name="Example", scope="openid email", audience=["https://a.example"])
    made = await connector.create(client, SECRET)

    async def differing() -> tuple[str, ...]:
        read = await connector.read(TENANT, client.client_id, made.held)
        assert read is not None
        return connector.differences(client, read)

    changes: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({"name": "Evil"}, ("client_name",)),
        ({"redirectUris": [CALLBACK, "*"]}, ("redirect_uris",)),
        ({"enabled": False}, ("enabled",)),
        ({"fullScopeAllowed": True}, ("fullScopeAllowed",)),
        ({"implicitFlowEnabled": True}, ("grant_types",)),
        ({"protocolMappers": []}, ("audience",)),
        ({"attributes": {"dcrserver.member.contacts": '["x"]'}}, ("contacts",)),
        ({"attributes": {"dcrserver.owner": "mallory"}}, ("owner",)),
    ]
    for change, told in changes:
        admin.change(client.client_id, **change)
        assert await differing() == told
        await connector.update(client, made.held, None)
        assert await differing() == ()
    scopes = admin.call("GET", f"/{REALM}/client-scopes")
    phone = next(each["id"] for each in scopes if each["name"] == "phone")
    path = f"/{REALM}/clients/{made.held.remote_id}/default-client-scopes/{phone}"
    admin.call("PUT", path)
    assert await differing() == ("scope",)
    await connector.update(client, made.held, None)
    assert await differing() == ()


async def test_sixty_writers_at_one_client_end_in_one_of_their_states(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    client = wanted()
    made = await connector.create(client, SECRET)
    states = [
        client._replace(metadata=client.metadata | {"client_name": f"Name {number}"})
        for number in range(60)
    ]
    await asyncio.gather(*(connector.update(each, made.held, None) for each in states))
    there = admin.client(client.client_id)
    assert there
    assert there["name"].startswith("Name ")


async def test_each_tenant_may_have_a_realm_of_its_own(
    connect: MakeConnector, admin: Administrator
) -> None:
    connector = connect(realm="{tenant}")
    one = wanted()._replace(tenant=REALM)
    other = one._replace(tenant=OTHER_REALM)
    for each in (one, other):
        await connector.create(each, SECRET)
        assert admin.client(each.client_id, each.tenant)
    await connector.delete(REALM, one.client_id, None)
    assert admin.client(one.client_id, OTHER_REALM)
    foreign = f"foreign-{uuid.uuid4()}"
    admin.make(OTHER_REALM, clientId=foreign)
    found = {each.client_id: each async for each in connector.list_all([REALM, OTHER_REALM])}
    assert found[foreign].tenant == OTHER_REALM
    assert found[foreign].mark is None
    told = await connector.discover([REALM, OTHER_REALM, "nowhere"])
    assert told.problems == ("front: there is no realm nowhere",)


async def test_a_realm_that_is_not_there_is_told(connect: MakeConnector) -> None:
    with pytest.raises(TargetMisconfigured, match="no realm nowhere"):
        await connect(realm="nowhere").create(wanted(), SECRET)
