"""After a kill: a worker levels what is left, and what was acknowledged is looked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dcrserver.repositories.clients import ClientRecord
from harness.application import Application


async def level(app: Application) -> dict[str, ClientRecord]:
    """The target's clients, when a worker that comes after the killed has done its work."""
    (target,) = app.runtime.provisioning.targets
    work = asyncio.create_task(app.runtime.provisioning.work())
    try:
        async with asyncio.timeout(30):
            while True:
                here = await _linked(app, target.name)
                async with app.runtime.database.read() as tx:
                    links = [
                        await tx.client_links.find("default", client_id, target.name)
                        for client_id in here
                    ]
                    counts = await tx.client_links.counts(target.name)
                # One is looked at again when its secret before ends.
                if not counts and not any(link.claim for link in links if link):
                    return here
                await asyncio.sleep(0.05)
    finally:
        work.cancel()
        await asyncio.wait([work])


async def _linked(app: Application, connector: str) -> dict[str, ClientRecord]:
    found: dict[str, ClientRecord] = {}
    async for page in app.runtime.lists.clients.every(None):
        async with app.runtime.database.read() as tx:
            for record in page:
                link = await tx.client_links.find("default", record.client_id, connector)
                if link is not None:
                    found[record.client_id] = record
    return found


def lost(
    path: Path, here: dict[str, ClientRecord], there: dict[str, dict[str, Any]]
) -> Iterable[str]:
    """What was acknowledged, the last of each client."""
    told = dict(line.split() for line in Path(f"{path}.told").read_text().splitlines())
    for client_id, secret in told.items():
        if secret == "-":
            if client_id in here or client_id in there:
                yield f"{client_id} was deleted"
        elif client_id not in here:
            if path.stem != "delete":  # killed before it was acknowledged
                yield f"{client_id} was acknowledged"
        elif path.stem != "rotate" and there[client_id].get("client_secret") != secret:
            yield f"{client_id} was told another secret"
