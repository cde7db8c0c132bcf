"""Keycloak is out of reach for a while: nothing is half there, and in the end both are the same."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from harness.keycloak import ACCOUNT, ACCOUNT_SECRET, OTHER_REALM, Keycloak
from harness.keycloak_administrator import Administrator
from harness.long_run import only_long
from harness.process import run_to_end, serving
from harness.signing_in import Program, Refused, tokens
from harness.targets import encryption_key
from harness.tcp_proxy import tcp_proxy

pytestmark = [only_long, pytest.mark.timeout(600)]

_PATIENCE_SECONDS = 60
BODY = {"grant_types": ["client_credentials"]}


async def until(condition: Callable[[], Any]) -> None:
    """Asked in a thread: the proxy is on the loop."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - elsewhere's doing
            await asyncio.sleep(0.1)


def settings(port: int, mark: str = "dcrserver") -> dict[str, str]:
    target = {
        "kind": "keycloak", "url": f"http://127.0.0.1:{port}", "realm": OTHER_REALM,
        "client_id": ACCOUNT, "client_secret": ACCOUNT_SECRET, "timeout": 10, "mark": mark,
    }  # fmt: skip
    return {
        "DCR_CONNECTORS": json.dumps({"front": target}),
        "DCR_SECRETS__ENCRYPTION_KEYS": json.dumps([encryption_key().get_secret_value()]),
    }


def works(server: Keycloak, client_id: str, secret: str) -> bool:
    program = Program(client_id, secret, realm=OTHER_REALM)
    try:
        return bool(tokens(server, program, grant_type="client_credentials"))
    except Refused:
        return False


async def test_what_was_changed_while_keycloak_was_away_is_so_there_afterwards(
    server: Keycloak, admin: Administrator, tmp_path: Path
) -> None:
    port = urlsplit(server.url).port
    assert port
    async with tcp_proxy("127.0.0.1", port) as proxy:
        with serving(tmp_path, env=settings(proxy.port)) as dcrserver:
            url = f"sqlite:///{tmp_path}/dcrserver.db"
            issued = run_to_end(
                "token", "issue", "admin", "--role=administrator", "--tenant=*",
                env={"DCR_DATABASE__URL": url},
            )  # fmt: skip
            async with httpx.AsyncClient(
                base_url=dcrserver.base_url, timeout=60, trust_env=False,
                headers={"Authorization": f"Bearer {issued.stdout.strip()}"},
            ) as http:  # fmt: skip

                async def call(method: str, path: str, *statuses: int) -> Any:
                    answer = await http.request(
                        method, path, json=BODY if method == "POST" else None
                    )
                    assert answer.status_code in statuses, answer.text
                    return answer.json() if answer.content else answer.headers

                rotated, suspended, deleted = [
                    await call("POST", "/register", 201) for _ in range(3)
                ]
                clients = "/admin/v1/clients"
                await proxy.refuse()
                refused = await http.post("/register", json=BODY)
                assert refused.status_code == 503
                assert int(refused.headers["retry-after"]) > 0
                newest = ""
                for _ in range(3):
                    path = f"{clients}/{rotated['client_id']}/secrets"
                    newest = (await call("POST", path, 201))["client_secret"]
                await call("POST", f"{clients}/{suspended['client_id']}/suspend", 200)
                await call("DELETE", f"{clients}/{deleted['client_id']}", 204)
                assert works(server, rotated["client_id"], rotated["client_secret"])
                assert len((await call("GET", clients, 200))["items"]) == 2

                await proxy.open()
                await until(lambda: works(server, rotated["client_id"], newest))
                assert not works(server, rotated["client_id"], rotated["client_secret"])
                await until(lambda: not works(
                    server, suspended["client_id"], suspended["client_secret"]
                ))  # fmt: skip
                await until(lambda: admin.client(deleted["client_id"], OTHER_REALM) is None)
                found = admin.client(suspended["client_id"], OTHER_REALM)
                assert found
                assert found["enabled"] is False
                again = await call("POST", "/register", 201)
                assert works(server, again["client_id"], again["client_secret"])


async def test_an_answer_that_was_lost_half_way_leaves_nothing(
    server: Keycloak, admin: Administrator, tmp_path: Path
) -> None:
    """The client was made there, and nobody here heard of it."""
    port = urlsplit(server.url).port
    assert port

    mark = f"mark-{uuid.uuid4()}"  # others of this run have clients in the same realm

    def known() -> set[str]:
        found = admin.call("GET", f"/{OTHER_REALM}/clients?max=1000")
        ours = (each for each in found if each["attributes"].get("dcrserver.mark") == mark)
        return {each["clientId"] for each in ours}

    async with tcp_proxy("127.0.0.1", port) as proxy:
        with serving(tmp_path, env=settings(proxy.port, mark)) as dcrserver:
            async with httpx.AsyncClient(base_url=dcrserver.base_url, timeout=60) as http:
                assert (await http.post("/register", json=BODY)).status_code == 201
                before = await asyncio.to_thread(known)
                registering = asyncio.create_task(http.post("/register", json=BODY))
                while not registering.done() and known() == before:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0)
                proxy.cut()
                answer = await registering
                if answer.status_code == 201:  # it had come already
                    assert len(known()) == len(before) + 1
                else:
                    assert answer.status_code == 503
                    await until(lambda: known() == before)
