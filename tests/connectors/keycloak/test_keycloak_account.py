"""Our account at a real Keycloak: how it signs in, and what is told where it is not let in."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm

from connectors.keycloak.making import TENANT, MakeConnector, wanted
from dcrserver.connectors.client import NewSecret
from dcrserver.connectors.failures import TargetAway, TargetMisconfigured
from dcrserver.connectors.keycloak.account import _Token
from dcrserver.connectors.keycloak.connector import KeycloakConnector
from harness.clients import new_key, public_jwk
from harness.keycloak import ACCOUNT, ACCOUNT_SECRET, REALM, Keycloak
from harness.keycloak_administrator import Administrator
from harness.long_run import only_long
from harness.process import free_port

pytestmark = [only_long, pytest.mark.timeout(600)]

SECRET = NewSecret("one-" + "x" * 40)
ALGORITHMS = ["ES256", "RS256", "EdDSA"]


def by_key(admin: Administrator, algorithm: str) -> tuple[str, Any]:
    """An account that signs in by a JWT of the key."""
    key, client_id = new_key(algorithm), f"account-{uuid.uuid4()}"
    jwk = public_jwk(key, algorithm, kid="of-the-account", use="sig")
    admin.make_account(
        client_id, "manage-clients", clientAuthenticatorType="client-jwt",
        attributes={"use.jwks.string": "true", "jwks.string": json.dumps({"keys": [jwk]})},
    )  # fmt: skip
    return client_id, key


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_it_signs_in_by_a_key_in_pem(
    connect: MakeConnector, admin: Administrator, tmp_path: Path, algorithm: str
) -> None:
    client_id, key = by_key(admin, algorithm)
    file = tmp_path / "key.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem)
    connector = connect(client_id=client_id, private_key_file=file)
    assert await connector.create(wanted(), SECRET)


async def test_it_signs_in_by_a_jwk(
    connect: MakeConnector, admin: Administrator, tmp_path: Path
) -> None:
    client_id, key = by_key(admin, "ES256")
    file = tmp_path / "key.json"
    jwk = json.loads(ECAlgorithm.to_jwk(key)) | {"kid": "of-the-account"}
    file.write_text(json.dumps(jwk), "utf-8")
    connector = connect(client_id=client_id, private_key_file=file)
    assert await connector.create(wanted(), SECRET)
    file.write_text("no key", "utf-8")
    with pytest.raises(TargetMisconfigured, match="no private key that can sign"):
        await connect(client_id=client_id, private_key_file=file).create(wanted(), SECRET)


async def test_a_token_that_is_not_taken_any_more_is_renewed_once(
    connector: KeycloakConnector,
) -> None:
    await connector.create(wanted(), SECRET)
    account = connector._account  # noqa: SLF001 - what is revoked there looks so here
    held = account._tokens[REALM]  # noqa: SLF001
    account._tokens[REALM] = _Token(f"{held.value[:-4]}AAAA", held.renew_at)  # noqa: SLF001
    assert await connector.create(wanted(), SECRET)
    account._tokens[REALM] = _Token(held.value, 0.0)  # noqa: SLF001 - it is about to end
    assert await connector.create(wanted(), SECRET)
    assert account._tokens[REALM].value != held.value  # noqa: SLF001


async def test_a_secret_that_is_changed_in_its_file_counts_at_the_next_sign_in(
    connect: MakeConnector, admin: Administrator, tmp_path: Path
) -> None:
    client_id, file = f"account-{uuid.uuid4()}", tmp_path / "secret"
    admin.make_account(client_id, "manage-clients", secret="first")
    file.write_text("first\n", "utf-8")
    connector = connect(client_id=client_id, client_secret=None, client_secret_file=file)
    await connector.create(wanted(), SECRET)
    admin.change(client_id, secret="second")
    file.write_text("second\n", "utf-8")
    connector._account._tokens.clear()  # noqa: SLF001 - four minutes later
    assert await connector.create(wanted(), SECRET)


async def test_who_is_not_let_in_is_told_why(connect: MakeConnector, admin: Administrator) -> None:
    without_role, disabled = (f"account-{uuid.uuid4()}" for _ in range(2))
    admin.make_account(without_role, secret="s")
    admin.make_account(disabled, "manage-clients", secret="s")
    account = connect(client_id=disabled, client_secret="s")
    await account.create(wanted(), SECRET)
    admin.change(disabled, enabled=False)
    cases = [
        (account, "is not let in"),
        (connect(client_id=without_role, client_secret="s"), "lacks the role manage-clients"),
        (connect(client_secret="wrong"), "is not let in .*unauthorized_client"),
        (connect(client_id="nobody"), "is not let in .*invalid_client"),
    ]
    for connector, told in cases:
        with pytest.raises(TargetMisconfigured, match=told):
            await connector.create(wanted(), SECRET)
    reader = f"account-{uuid.uuid4()}"
    admin.make_account(reader, "view-clients", secret="s")
    for connector in (cases[1][0], connect(client_id=reader, client_secret="s")):
        problems = (await connector.discover([TENANT])).problems
        assert problems == ("front: our account lacks the role manage-clients in realm acme",)
    assert (await connect().discover([TENANT])).problems == ()


async def test_a_server_that_is_not_there_is_away(connect: MakeConnector) -> None:
    connector = connect(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(TargetAway) as away:
        await connector.create(wanted(), SECRET)
    assert away.value.is_unknown is False
    assert (await connector.discover([TENANT])).problems


async def test_a_token_that_was_revoked_is_renewed(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    await connector.create(wanted(), SECRET)
    account = connector._account  # noqa: SLF001 - whose token somebody revokes
    held = account._tokens[REALM].value  # noqa: SLF001
    async with httpx.AsyncClient(trust_env=False) as http:
        url, proof = server.endpoint("revoke"), (ACCOUNT, ACCOUNT_SECRET)
        revoked = await http.post(url, data={"token": held}, auth=proof)
    assert revoked.status_code == 200
    assert await connector.create(wanted(), SECRET)
    assert account._tokens[REALM].value != held  # noqa: SLF001


async def test_tokens_that_live_a_second_are_renewed_on_the_way(
    connect: MakeConnector, admin: Administrator
) -> None:
    client_id = f"account-{uuid.uuid4()}"
    lives = {"access.token.lifespan": "1"}
    admin.make_account(client_id, "manage-clients", secret="s", attributes=lives)
    connector = connect(client_id=client_id, client_secret="s")
    tokens: set[str] = set()
    while len(tokens) < 3:
        assert await connector.create(wanted(), SECRET)
        tokens.add(connector._account._tokens[REALM].value)  # noqa: SLF001
