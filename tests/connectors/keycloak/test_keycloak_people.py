"""People sign in at a real Keycloak for clients that the connector made there."""

from __future__ import annotations

import time
from typing import Any

import pytest

from connectors.keycloak.making import CALLBACK, TENANT, MakeConnector, wanted
from dcrserver.connectors.client import NewSecret
from dcrserver.connectors.keycloak.connector import KeycloakConnector
from dcrserver.jose import parse
from harness.clients import new_key, public_jwk
from harness.keycloak import ROTATING_REALM, Keycloak
from harness.keycloak_administrator import Administrator
from harness.long_run import only_long
from harness.signing_in import Program, Refused, sign_in, subject, tokens

pytestmark = [only_long, pytest.mark.timeout(600)]

SECRET = NewSecret("one&+% " + "x" * 40)
OTHER = NewSecret("two-" + "y" * 40)


async def test_each_method_signs_a_person_in(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    """A key says no use, as many clients' do not: Keycloak alone would not find it."""
    key = new_key("ES256")
    jwks = {"keys": [public_jwk(key, kid="k1")]}
    by_method: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "client_secret_basic": ({}, {"secret": SECRET.value}),
        "private_key_jwt": ({"jwks": jwks}, {"key": key, "kid": "k1"}),
        "none": ({}, {}),
    }
    for method, (members, proof) in by_method.items():
        client = wanted(
            token_endpoint_auth_method=method, scope="openid email", client_name=f"By {method}",
            **members,
        )  # fmt: skip
        await connector.create(client, SECRET if method.startswith("client_secret") else None)
        got = sign_in(server, Program(client.client_id, **proof), "openid email")
        assert subject(server, got["access_token"])
        assert set(got["scope"].split()) >= {"openid", "email"}
        with pytest.raises(Refused, match="invalid_scope"):
            sign_in(server, Program(client.client_id, **proof), "openid phone")


async def test_a_machine_gets_tokens_with_its_audience(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    client = wanted(
        grant_types=["client_credentials"], response_types=[], redirect_uris=None,
        audience=["https://api.example.org"], client_credentials_access_token_lifetime=77,
    )  # fmt: skip
    await connector.create(client, SECRET)
    got = tokens(server, Program(client.client_id, SECRET.value), grant_type="client_credentials")
    assert got["expires_in"] == 77
    audience = parse(got["access_token"]).claims["aud"]
    assert "https://api.example.org" in str(audience)


async def test_pairwise_subjects_are_one_for_clients_of_one_host_and_stay(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    found = []
    for host in ("one.example.org", "one.example.org", "two.example.org"):
        uri = f"https://{host}/cb"
        client = wanted(subject_type="pairwise", redirect_uris=[uri])
        made = await connector.create(client, SECRET)
        program = Program(client.client_id, SECRET.value, redirect_uri=uri)
        before = subject(server, sign_in(server, program)["access_token"])
        changed = client._replace(metadata=client.metadata | {"client_name": "Other"})
        await connector.update(changed, made.held, None)
        found.append(subject(server, sign_in(server, program)["access_token"]))
        assert found[-1] == before
    assert found[0] == found[1] != found[2]


async def test_native_programs_listen_on_any_port(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    client = wanted(
        token_endpoint_auth_method="none", redirect_uris=["http://127.0.0.1:33418/callback"]
    )
    await connector.create(client, None)
    program = Program(client.client_id, redirect_uri="http://127.0.0.1:51234/callback")
    assert sign_in(server, program)["access_token"]
    with pytest.raises(Refused, match="redirect_uri"):
        sign_in(server, Program(client.client_id, redirect_uri="http://127.0.0.1:51234/other"))


async def test_the_life_of_a_client_is_true_at_once(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    client = wanted()
    held = (await connector.create(client, SECRET)).held
    program = Program(client.client_id, SECRET.value)
    first = sign_in(server, program)

    elsewhere = "https://client.example.org/elsewhere"
    client.metadata["redirect_uris"] = [elsewhere]
    await connector.update(client, held, None)
    with pytest.raises(Refused, match="redirect_uri"):
        sign_in(server, program)
    program = Program(client.client_id, SECRET.value, redirect_uri=elsewhere)
    assert sign_in(server, program)

    assert connector.overlaps is False
    changed = await connector.update(client, held, OTHER._replace(previous_until=2**31 - 1))
    assert changed.secret is None
    assert connector.overlaps is False  # this realm has no policy for it
    with pytest.raises(Refused, match="unauthorized_client"):
        sign_in(server, program)
    program = Program(client.client_id, OTHER.value, redirect_uri=elsewhere)
    assert sign_in(server, program)

    await connector.update(client._replace(is_active=False), held, None)
    assert subject(server, first["access_token"]) is None
    with pytest.raises(Refused, match="invalid_client"):
        tokens(server, program, grant_type="refresh_token", refresh_token=first["refresh_token"])
    await connector.update(client, held, None)
    again = tokens(
        server, program, grant_type="refresh_token", refresh_token=first["refresh_token"]
    )
    assert subject(server, again["access_token"])

    await connector.delete(TENANT, client.client_id, held)
    assert subject(server, again["access_token"]) is None
    with pytest.raises(Refused, match="not found"):
        sign_in(server, program)


async def test_where_a_policy_lets_secrets_overlap_the_one_before_works_on(
    connect: MakeConnector, server: Keycloak, admin: Administrator
) -> None:
    connector = connect(realm=ROTATING_REALM)
    client = wanted(grant_types=["client_credentials"], response_types=[], redirect_uris=None)
    made = await connector.create(client, SECRET)
    assert connector.overlaps
    there = admin.client(client.client_id, ROTATING_REALM)
    assert there  # the policy would end it in thirty days, and nobody here knew
    assert int(there["attributes"]["client.secret.expiration.time"]) > time.time() + 10**9

    def works(secret: NewSecret) -> bool:
        program = Program(client.client_id, secret.value, realm=ROTATING_REALM)
        try:
            return bool(tokens(server, program, grant_type="client_credentials"))
        except Refused:
            return False

    until = int(time.time()) + 600
    for _ in range(2):  # the second time, as the answer was lost
        await connector.update(client, made.held, OTHER._replace(previous_until=until))
        assert works(SECRET)
        assert works(OTHER)
    renamed = client._replace(metadata=client.metadata | {"client_name": "Other"})
    await connector.update(renamed, made.held, None)
    assert works(SECRET)
    assert works(OTHER)
    third = NewSecret("three-" + "z" * 40)
    await connector.update(client, made.held, third)
    assert [works(each) for each in (SECRET, OTHER, third)] == [False, False, True]


async def test_a_public_client_that_gets_a_secret_has_that_one(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    public = wanted(token_endpoint_auth_method="none")
    held = (await connector.create(public, None)).held
    confidential = wanted(public.client_id)
    await connector.update(confidential, held, SECRET)
    assert sign_in(server, Program(public.client_id, SECRET.value, redirect_uri=CALLBACK))
    await connector.update(public, held, None)
    assert sign_in(server, Program(public.client_id))
