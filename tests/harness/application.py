"""The application in this process, over HTTP without a socket."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from pydantic import SecretStr

from dcrserver import posture
from dcrserver.app import create_app
from dcrserver.metadata.bounds import Bounds
from dcrserver.posture import Finding
from dcrserver.repositories.events import EventRecord
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.initial_access_tokens import NewInitialAccessToken
from dcrserver.services.clients.views import ClientView
from dcrserver.settings import DatabaseSettings, Settings, load
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.foundation import opened
from dcrserver.wiring.operations import Operations
from dcrserver.wiring.runtime import Runtime, built_on
from harness.actors import OPERATOR

BASE_URL = "https://server.example.com"
CALLBACK = "https://client.example.org/cb"


@dataclass
class Application:
    """``operations``: what commands would do, on the same database."""

    runtime: Runtime
    operations: Operations
    http: httpx.AsyncClient

    async def register(self, **metadata: Any) -> dict[str, Any]:
        """A registered client; redirect_uris are filled in unless given."""
        body = {"redirect_uris": [CALLBACK]} | metadata
        answer = await self.http.post("/register", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def events(self, client_id: str) -> list[EventRecord]:
        """What happened to a client of the default tenant, oldest first."""
        return await self.runtime.lists.events.of_subject("default", "client", client_id)

    async def client(self, client_id: str) -> ClientView:
        """A client of the default tenant as administrators see it; NotFound without one."""
        tenant, reading = self.runtime.default_tenant, self.operations.client_reading
        return await reading.client(tenant, client_id, OPERATOR.actor)

    async def set_members(self, client_id: str, **members: Any) -> None:
        """An administrator sets metadata of a client of the default tenant; None takes back."""
        tenant, changes = self.runtime.default_tenant, self.operations.client_changes
        await changes.merge(tenant, client_id, {"metadata": members}, OPERATOR)

    async def do_job(self, name: str) -> None:
        """What a worker does when it is time for it."""
        await self.runtime.jobs.jobs[name].work(self.runtime.database)

    async def initial_token(self, uses: int | None = None, **bounds: Any) -> str:
        """An initial access token of the default tenant, good for a minute."""
        return await self.operations.token_administration.issue_initial_access_token(
            self.runtime.default_tenant,
            NewInitialAccessToken(uses, 60, Bounds(**bounds)),
            OPERATOR,
        )

    async def admin_token(self, *scopes: str, audiences: tuple[str, ...] = ()) -> dict[str, str]:
        """The Authorization header of an admin token with ``scopes``."""
        wanted = NewAdminToken(scopes, 3600, "", audiences)
        token = await self.operations.token_administration.issue_admin_token(
            self.runtime.default_tenant.name, wanted, OPERATOR
        )
        return {"Authorization": f"Bearer {token}"}


def findings_of(runtime: Runtime) -> list[Finding]:
    """What the server would warn of."""
    return posture.findings(runtime.settings, runtime.tenants, runtime.limiter)


def bearer(client: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {client['registration_access_token']}"}


def update_of(client: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The body of an update that sends back all that was received (R7592-2.2-02)."""
    forbidden = {
        "registration_access_token",
        "registration_client_uri",
        "client_secret_expires_at",
        "client_id_issued_at",
    }
    made = {name: value for name, value in client.items() if name not in forbidden} | changes
    return {name: value for name, value in made.items() if value is not ...}


def settings(url: str, **groups: Any) -> Settings:
    """Those of a server without rate limits, and of the environment; made once where it is usual,
    as it is half of what making an application takes.
    """
    if not groups and not _is_configured():
        return _usual().model_copy(update={"database": DatabaseSettings(url=SecretStr(url))})
    return _loaded(url, **groups)


def _is_configured() -> bool:
    names = (name for name in os.environ if name.startswith("DCR_"))
    return any(not name.startswith("DCR_TEST_") for name in names)


@cache
def _usual() -> Settings:
    return _loaded("sqlite://")


def _loaded(url: str, **groups: Any) -> Settings:
    server = {"base_url": BASE_URL} | groups.pop("server", {})
    return load(
        None,
        server=server,
        database={"url": url},
        rate_limits={"enabled": False} | groups.pop("rate_limits", {}),
        **groups,
    )


@asynccontextmanager
async def application(url: str, **groups: Any) -> AsyncIterator[Application]:
    """An application on the migrated database ``url``."""
    async with opened(Configured(settings(url, **groups))) as base, built_on(base) as runtime:
        transport = httpx.ASGITransport(create_app(runtime), client=("203.0.113.7", 40000))
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
            yield Application(runtime, Operations(base), http)
