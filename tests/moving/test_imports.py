"""Exports of other servers move in, and their clients log in with the secrets that they had.

The files have the shapes of real exports, with clients of our own making; secrets of Hydra's are
``s-ID-0123456789``, those of Keycloak's stand in its export.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from conftest import MakeApplication
from dcrserver.metadata.bounds import Bounds
from dcrserver.moving import Documents, Report
from dcrserver.services.audit import utc
from dcrserver.services.clients.imports import Import
from harness.actors import OPERATOR
from harness.application import Application
from harness.long_run import FIRST_EVERYDAY

FILES = Path(__file__).parent.parent / "data" / "imports"
KEY = base64.b64encode(bytes(32)).decode()
# Keycloak's own discovery document, as far as it bounds what can be registered.
KEYCLOAK = {
    "grant_types_supported": [
        "authorization_code", "implicit", "password", "client_credentials", "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code", "urn:openid:params:grant-type:ciba",
    ],
    "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
    "token_endpoint_auth_methods_supported": [
        "private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth",
        "client_secret_jwt", "none",
    ],
    "subject_types_supported": ["public", "pairwise"],
    "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
    "scopes_supported": ["openid", "profile", "offline_access"],
}  # fmt: skip


async def move_in(app: Application, name: str, **hashes: dict[str, Any]) -> Report:
    """The report of an import of the file ``name``, which is done."""
    report, good = Report(), list[Import]()
    service, tenant = app.operations.client_import, app.runtime.default_tenant
    with (FILES / name).open("rb") as file:
        for number, value, _ in Documents(file):
            made, client = service.judge(tenant, Bounds(), OPERATOR, value, hashes)
            report.tell(made, f"client {number}")
            good += [client] if client else []
    report.imported = await service.write(tenant, good, OPERATOR)
    return report


def hydra_hashes() -> dict[str, dict[str, Any]]:
    return {row["client_id"]: row for row in json.loads((FILES / "hydra-hashes.json").read_text())}


async def login(app: Application, client_id: str, secret: str) -> int:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
    headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    data = {"grant_type": "client_credentials"}
    return int((await app.http.post("/token", data=data, headers=headers)).status_code)


def told(report: Report) -> dict[str, str]:
    """What was told of each client, by its identifier."""
    made: dict[str, str] = {}
    for kind in (*report.to_json()["mapped"], *report.to_json()["dropped"]):
        for client_id in kind["examples"]:
            made[client_id] = f"{made.get(client_id, '')} {kind['member']}: {kind['what']};"
    return made


@pytest.fixture
async def keyed(make_app: MakeApplication) -> AsyncIterator[Application]:
    """Keeps secrets readable where they are needed so."""
    async with AsyncExitStack():
        yield await make_app(secrets={"encryption_keys": [KEY]})


@pytest.mark.parametrize("any_database", FIRST_EVERYDAY, indirect=True)
async def test_clients_of_hydra(any_app: Application) -> None:
    report = await move_in(any_app, "hydra.json", **hydra_hashes())
    assert (report.imported, report.refusals) == (12, 2)
    # PBKDF2 with SHA-256 and SHA-1, bcrypt, and all that were rotated.
    for client_id in ("worker", "legacy", "oldest", "rotating"):
        assert await login(any_app, client_id, f"s-{client_id}-0123456789") == 200, client_id
        assert await login(any_app, client_id, "s-other-0123456789") == 401, client_id
    for number in (1, 2):
        assert await login(any_app, "rotating", f"before-{number}-rotating") == 200
    for older in (await any_app.client("rotating")).secrets[1:]:
        await any_app.operations.client_credentials.end_secret(
            any_app.runtime.default_tenant, "rotating", older.id, OPERATOR
        )
    for number in (1, 2):
        assert await login(any_app, "rotating", f"before-{number}-rotating") == 401
    assert await login(any_app, "rotating", "s-rotating-0123456789") == 200
    assert await login(any_app, "acme:inventory/eu", "s-acme:inventory/eu-0123456789") == 400
    shown = await any_app.client("acme:inventory/eu")
    assert (shown.owner, utc(shown.created_at)) == ("acme", "2025-03-04T05:06:07Z")
    what = told(report)
    assert "registered for authorization_code" in what["old-spa"]
    assert "any port will do" in what["https://agent.example.org/client.json"]
    assert "kept, though it is not served here" in what["tv"]
    assert "a wildcard" in what["any-scope"]


async def test_clients_of_keycloak(keyed: Application) -> None:
    report = await move_in(keyed, "keycloak-realm.json")
    assert (report.imported, report.refusals) == (14, 8)
    for client_id in ("batch", "Ünïcode client"):
        assert await login(keyed, client_id, f"secret-of-{client_id}-0123456789") == 200
        assert await login(keyed, client_id, "**********") == 401
    assert await login(keyed, "rotated", "secret-of-rotated-0123456789") == 200
    assert await login(keyed, "rotated", "secret-before-0123456789") == 200
    assert await login(keyed, "expired-rotation", "secret-before-0123456789") == 401
    assert await login(keyed, "disabled", "secret-of-disabled-0123456789") == 401
    await keyed.operations.client_lifecycle.resume(
        keyed.runtime.default_tenant, "disabled", OPERATOR
    )
    assert await login(keyed, "disabled", "secret-of-disabled-0123456789") == 200
    what = told(report)
    assert "suspended here" in what["disabled"]
    assert '["password"]' in what["password"]
    assert '"tls_client_auth"' in what["certificate"]
    assert "no key to encrypt with" in what["encrypted"]


async def test_nothing_is_lost_where_the_server_does_what_keycloak_did(
    make_app: MakeApplication,
) -> None:
    app = await make_app(
        secrets={"encryption_keys": [KEY]},
        authorization_server=KEYCLOAK | {"request_parameter_supported": True},
        policy={"grants": {"implicit": True, "password": True}},
    )
    report = await move_in(app, "keycloak-realm.json")
    assert report.imported == 14
    assert (await app.client("implicit")).metadata["grant_types"] == ["implicit"]
    assert "implicit stays" in told(report)["implicit"]


async def test_a_secret_that_nobody_can_read_is_told(app: Application) -> None:
    """Without a key for it a client of client_secret_jwt keeps a digest, as nothing serves it."""
    report = await move_in(app, "keycloak-realm.json")
    assert report.imported == 14
    assert "kept as a digest only" in told(report)["secret-jwt"]


async def test_rows_of_node_oidc_provider(app: Application) -> None:
    report = await move_in(app, "oidc-provider.jsonl")
    assert (report.imported, report.refusals) == (2, 1)
    assert await login(app, "Vz4kf2aGq0tP", "q9Zp3vTn8wXs5bKd2mRf7hLc4jGy6aQe") == 200


async def test_rows_of_authlib(app: Application) -> None:
    report = await move_in(app, "authlib.json")
    assert (report.imported, report.refusals) == (2, 0)
    data = {"grant_type": "client_credentials", "client_id": "a1B2c3",
            "client_secret": "Xk29sLq8Wd7Zr5Tn3Vb6Mp1Hy4Gc0Jf"}  # fmt: skip
    assert (await app.http.post("/token", data=data)).status_code == 200
    assert (await app.client("a1B2c3")).owner == "7"


async def test_who_is_there_already_stays(any_app: Application) -> None:
    service, tenant = any_app.operations.client_import, any_app.runtime.default_tenant

    async def write(count: int) -> int:
        public = {"token_endpoint_auth_method": "none", "redirect_uris": ["https://a.example/cb"]}
        lines = [public | {"client_id": f"ü {number}"} for number in range(count)]
        judged = [service.judge(tenant, Bounds(), OPERATOR, line)[1] for line in lines]
        return await service.write(tenant, [each for each in judged if each], OPERATOR)

    assert await write(150) == 150
    assert await write(400) == 250
    assert await write(400) == 0


def _places(value: Any, *before: Any) -> Iterator[tuple[Any, ...]]:
    """Where anything stands inside of ``value``."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inside:
        yield (*before, key)
        if isinstance(each, dict | list):
            yield from _places(each, *before, key)


def _with(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    changed = copy.deepcopy(value)
    *way, last = place
    reduce(getitem, way, changed)[last] = other
    return changed


_SECTOR = {
    "clientId": "pairwise",
    "protocolMappers": [
        {
            "protocolMapper": "oidc-sha256-pairwise-sub-mapper",
            "config": {"sectorIdentifierUri": "https://a.example/sector"},
        }
    ],
}


@pytest.mark.parametrize("name", ["hydra.json", "keycloak-realm.json", "authlib.json", "pairwise"])
async def test_what_is_of_another_kind_ends_no_import(app: Application, name: str) -> None:
    """A client that is refused is told; one that ends the program hides all the others."""
    tenant, service = app.runtime.default_tenant, app.operations.client_import
    if name == "pairwise":
        clients: list[Any] = [_SECTOR]
    else:
        with (FILES / name).open("rb") as file:
            clients = [value for _, value, _ in Documents(file)][:2]
    for client in clients:
        for place in _places(client):
            for other in (None, True, -1, 10**30, "http://[", [None], [{}], {"a": [[]]}):
                made, good = service.judge(tenant, Bounds(), OPERATOR, _with(client, place, other))
                assert (good is None) == (made.refused is not None)
