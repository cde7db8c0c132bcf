"""Kills a server that tells a real Keycloak, step by step, and compares both.

PYTHONPATH=src:tests python tests/crash/keycloak_kills.py --url http://127.0.0.1:8090 --kills 200

Steps are the moments before and after each commit, and before, in and after each call that changes
something at Keycloak: in it, after a few milliseconds, as Keycloak may have done it or not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from crash import steps
from crash.levelling import level, lost
from crash.steps import SCENARIOS, STEPS
from dcrserver.connectors.http import Answer, TargetHttp
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.security import secret_digest
from dcrserver.services.provisioning import targets
from dcrserver.services.provisioning.wanted import wanted_of
from harness.application import Application, application
from harness.databases import migrated
from harness.keycloak import ACCOUNT, ACCOUNT_SECRET, ROTATING_REALM
from harness.keycloak_administrator import Administrator
from harness.targets import encryption_key

_CALL_SECONDS = 4.0
_LONGEST_IN_A_CALL = 0.02
_MOST_STEPS = 60
_KILLED = -9
_CALLED = TargetHttp.call


def configured(url: str, mark: str, name: str) -> dict[str, Any]:
    """A server that tells the Keycloak at ``url`` before it answers."""
    target = {
        "kind": "keycloak", "url": url, "realm": ROTATING_REALM, "client_id": ACCOUNT,
        "client_secret": ACCOUNT_SECRET, "mark": mark, "timeout": _CALL_SECONDS,
    }  # fmt: skip
    keys = [encryption_key().get_secret_value()]
    return {"connectors": {name: target}, "secrets": {"encryption_keys": keys}}


async def _call(http: TargetHttp, method: str, url: str, **more: Any) -> Answer:
    if method == "GET" or url.endswith("/token"):
        return await _CALLED(http, method, url, **more)
    STEPS.step()
    calling = asyncio.create_task(_CALLED(http, method, url, **more))
    if STEPS.done + 1 == STEPS.last:
        await asyncio.sleep(random.uniform(0, _LONGEST_IN_A_CALL))  # noqa: S311 - no secret
    STEPS.step()
    answer = await calling
    STEPS.step()
    return answer


def patch() -> None:
    """From now on each commit and each change of Keycloak is a step."""
    targets._MARGIN_SECONDS, targets._CALLS = 0.2, 1  # noqa: SLF001 - so soon claims end
    Database.transact = STEPS.around(Database.transact)  # type: ignore[method-assign]
    TargetHttp.call = _call  # type: ignore[method-assign]


def kill_and_compare(
    url: str, folder: Path, kills: int, scenarios: Iterable[str]
) -> tuple[int, list[str]]:
    """How often it was killed, and what was wrong then. Fewer than ``kills`` are spread over all
    steps; for more the steps are gone through again.
    """
    done, wrong = 0, []
    names = list(scenarios)
    with migrated("sqlite") as database:
        for number, name in enumerate(names):
            share = (kills * (number + 1)) // len(names) - (kills * number) // len(names)
            mark = f"kills-{uuid.uuid4()}"
            path, settings = folder / name, configured(url, mark, name)
            for last in _chosen(database, path, settings, share):
                work = steps.run(database, path, settings, name, last)
                status = steps.forked(patch, work)
                assert status in {0, _KILLED}, (name, last)
                done += status == _KILLED
            found = asyncio.run(_compared(database, path, settings, mark))
            wrong += [f"{name}: {each}" for each in found]
    return done, wrong


def _chosen(database: str, path: Path, settings: dict[str, Any], share: int) -> list[int]:
    """Steps to be killed at: a life without a kill tells how many there are."""
    file = Path(f"{path}.steps")

    async def counted() -> int:
        made = await steps.run(database, path, settings, path.name, 0)
        _write(file, made)
        return made

    assert steps.forked(patch, counted()) == 0
    most = min(int(file.read_text("utf-8")), _MOST_STEPS)
    return [1 + (number * most // share if share < most else number) % most
            for number in range(share)]  # fmt: skip


def _write(file: Path, number: int) -> None:
    file.write_text(str(number), "utf-8")


async def _compared(database: str, path: Path, settings: dict[str, Any], mark: str) -> list[str]:
    async with application(database, **settings) as app:
        here = await level(app)
        with Administrator(settings["connectors"][path.name]["url"]) as admin:
            listed = await asyncio.to_thread(
                admin.call, "GET", f"/{ROTATING_REALM}/clients?max=5000"
            )
        found = [each for each in listed if each["attributes"].get("dcrserver.mark") == mark]
        there = {each["clientId"]: each | {"client_secret": each["secret"]} for each in found}
        wrong = [f"{each} is on one side only" for each in here.keys() ^ there.keys()]
        for client_id in here.keys() & there.keys():
            wrong += await _differences(app, here[client_id], there[client_id])
        return wrong + list(lost(path, here, there))


async def _differences(app: Application, record: ClientRecord, there: dict[str, Any]) -> list[str]:
    (target,) = app.runtime.provisioning.targets
    read = await target.connector.read(record.tenant, record.client_id, None)
    assert read is not None
    members = target.connector.differences(wanted_of(record), read)
    wrong = [f"{record.client_id}: {each} differs" for each in members]
    newest = json.loads(record.client_secrets or "[]")[0]["digest"]
    if secret_digest(there["client_secret"]) != newest:
        wrong.append(f"{record.client_id}: another secret there")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description="kill -9 at each step, with a real Keycloak")
    parser.add_argument("--url", default="http://127.0.0.1:8090")
    parser.add_argument("--kills", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        done, wrong = kill_and_compare(options.url, Path(name), options.kills, SCENARIOS)
    print(f"{done} kills, {len(wrong)} differences")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
