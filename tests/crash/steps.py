"""A process that tells a target, killed at a step of its own choice.

Steps are the moments before and after each commit, and before and after each time that the target
is changed. The target is a file, so that it lives on as a database does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from dcrserver.connectors.json_file import JsonFile
from dcrserver.names import LinkState
from dcrserver.repositories.transaction import Database
from dcrserver.services.provisioning import targets
from harness.actors import OPERATOR
from harness.application import Application, application, bearer, update_of
from harness.targets import encryption_key

CALL_SECONDS = 0.5


class Steps:
    """Kills this process at the step ``last``; 0: never."""

    def __init__(self) -> None:
        self.done = 0
        self.last = 0

    def step(self) -> None:
        self.done += 1
        if self.done == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def stepped(*args: Any) -> Any:
            self.step()
            made = await work(*args)
            self.step()
            return made

        return stepped


STEPS = Steps()


def groups(path: Path, provision: str) -> dict[str, Any]:
    """The configuration of a server that tells the file at ``path``."""
    target = {
        "kind": "json_file", "path": str(path), "provision": provision, "timeout": CALL_SECONDS,
    }  # fmt: skip
    keys = [encryption_key().get_secret_value()]
    return {"connectors": {path.stem: target}, "secrets": {"encryption_keys": keys}}


async def register(app: Application, told: Callable[[str], None]) -> dict[str, Any]:
    client = await app.register(client_name="first")
    told(f"{client['client_id']} {client['client_secret']}")
    return client


async def _change(app: Application, told: Callable[[str], None]) -> None:
    client = await register(app, told)
    STEPS.done = 0
    body = update_of(client, client_name="second")
    path = f"/register/{client['client_id']}"
    answer = await app.http.put(path, json=body, headers=bearer(client))
    if answer.status_code == 200:
        told(f"{client['client_id']} {client['client_secret']}")


async def _rotate(app: Application, told: Callable[[str], None]) -> None:
    client = await register(app, told)
    STEPS.done = 0
    tenant, credentials = app.runtime.default_tenant, app.operations.client_credentials
    made = await credentials.rotate_secret(tenant, client["client_id"], OPERATOR)
    told(f"{client['client_id']} {made['client_secret']}")


async def _delete(app: Application, told: Callable[[str], None]) -> None:
    client = await register(app, told)
    STEPS.done = 0
    answer = await app.http.delete(f"/register/{client['client_id']}", headers=bearer(client))
    if answer.status_code == 204:
        told(f"{client['client_id']} -")


SCENARIOS: dict[str, Callable[[Application, Callable[[str], None]], Awaitable[Any]]] = {
    "register": register,
    "change": _change,
    "rotate": _rotate,
    "delete": _delete,
}


def patch() -> None:
    """From now on each commit and each change of the target is a step."""
    targets._MARGIN_SECONDS = 0.2  # noqa: SLF001 - so soon the claims of the killed one end
    Database.transact = STEPS.around(Database.transact)  # type: ignore[method-assign]
    JsonFile._put = STEPS.around(JsonFile._put)  # type: ignore[method-assign]  # noqa: SLF001
    JsonFile.delete = STEPS.around(JsonFile.delete)  # type: ignore[method-assign]


async def _levelled(app: Application) -> None:
    """The worker goes on until the target is told all, or this process is killed."""
    (target,) = app.runtime.provisioning.targets
    while True:
        async with app.runtime.database.read() as tx:
            counts = await tx.client_links.counts(target.name)
        if not [count for count in counts if count.state != LinkState.RESERVED]:
            return
        await asyncio.sleep(0.01)


async def run(url: str, path: Path, configured: dict[str, Any], scenario: str, last: int) -> int:
    """How many steps there were; what was acknowledged is written to ``PATH.told``, a line each."""

    def told(line: str) -> None:
        with Path(f"{path}.told").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    async with application(url, **configured) as app:
        STEPS.done, STEPS.last = 0, last
        work = asyncio.create_task(app.runtime.provisioning.work())
        try:
            await SCENARIOS[scenario](app, told)
            await _levelled(app)
            return STEPS.done
        finally:
            STEPS.last = 0
            work.cancel()
            await asyncio.wait([work])


def in_child(url: str, path: Path, provision: str, scenario: str, last: int) -> int:
    """The status of a process that did it: -9 where it was killed, else 0."""
    return forked(patch, run(url, path, groups(path, provision), scenario, last))


def forked(patched: Callable[[], None], work: Coroutine[Any, Any, int]) -> int:
    """The same of any target: ``patched`` says what its steps are."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            patched()
            asyncio.run(work)
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    work.close()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
