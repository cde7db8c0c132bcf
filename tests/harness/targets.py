"""An authorization server in memory, as connectors see one, and as it fails."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import SecretStr

from dcrserver.connectors.client import (
    Applied,
    Carriage,
    Discovered,
    Held,
    NewSecret,
    Objection,
    RemoteClient,
    Verdict,
    WantedClient,
)
from dcrserver.connectors.comparing import digest
from dcrserver.connectors.failures import TargetAway, TargetMissing, TargetTaken
from dcrserver.settings import ConnectorSettings
from dcrserver.strict_json import JsonValue

MARK = "dcrserver"


@dataclass
class There:
    """A client at the target."""

    want: WantedClient
    secrets: list[str] = field(default_factory=list)
    mark: str = MARK


@dataclass
class FakeTarget:
    """What the server has; ``failures`` come before what is asked for is done, one a call, and
    ``lost`` after it. ``held``: calls wait until it is set.
    """

    clients: dict[tuple[str, str], There] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    failures: deque[Exception | None] = field(default_factory=deque)
    lost: deque[Exception | None] = field(default_factory=deque)
    is_away: bool = False
    seconds: float = 0.0
    held: asyncio.Event | None = None
    at_once: int = 0
    most_at_once: int = 0
    busy: set[tuple[str, str]] = field(default_factory=set)
    # Whether two ever worked on one client at once.
    was_shared: bool = False

    async def ask(self, call: str, key: tuple[str, str], do: Callable[[], Any]) -> Any:
        """Does it, as the server is today."""
        self.calls.append((call, key[1]))
        self.was_shared |= key in self.busy
        self.busy.add(key)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
            if self.held is not None:
                await self.held.wait()
            if self.is_away:
                raise TargetAway("fake: status 503", is_unknown=False)
            if self.failures and (failure := self.failures.popleft()) is not None:
                raise failure
            made = do()
            if self.lost and (failure := self.lost.popleft()) is not None:
                raise failure
            return made
        finally:
            self.at_once -= 1
            self.busy.discard(key)

    def count(self, call: str) -> int:
        return sum(1 for each, _ in self.calls if each == call)


class FakeConnector:
    """Tells a ``FakeTarget``."""

    kind: ClassVar[str] = "fake"
    mints = False
    overlaps = False
    overlaps_by_own = False
    lists = True

    def __init__(self, target: FakeTarget, name: str = "kc") -> None:
        self.target = target
        self._name = name
        self.refuses: Callable[[WantedClient], Verdict] = lambda _: Verdict()
        self.changes: dict[str, JsonValue] = {}

    @property
    def name(self) -> str:
        return self._name

    def carriage(self) -> Mapping[str, Carriage]:
        return {}

    def judge(self, client: WantedClient) -> Verdict:
        return self.refuses(client)

    def fingerprint(self, client: WantedClient) -> str:
        return digest([client.metadata, client.is_active, client.owner, [*client.tags]])

    async def discover(self) -> Discovered:
        return Discovered("a fake")

    async def create(self, client: WantedClient, secret: NewSecret | None) -> Applied:
        key = client.tenant, client.client_id

        def do() -> Applied:
            there = self.target.clients.get(key)
            if there is not None and there.mark != MARK:
                raise TargetTaken("fake: 409", "client_id is taken")
            kept = [] if there is None else there.secrets
            secrets = [secret.value, *kept] if secret and secret.value not in kept else kept
            self.target.clients[key] = There(client, secrets)
            return Applied(Held(f"remote-{client.client_id}", {"token": "t"}), dict(self.changes))

        made: Applied = await self.target.ask("create", key, do)
        return made

    async def read(self, tenant: str, client_id: str, _held: Held | None) -> RemoteClient | None:
        def do() -> RemoteClient | None:
            there = self.target.clients.get((tenant, client_id))
            if there is None:
                return None
            metadata = dict(there.want.metadata)
            return RemoteClient(f"remote-{client_id}", client_id, there.mark, metadata, metadata)

        found: RemoteClient | None = await self.target.ask("read", (tenant, client_id), do)
        return found

    async def update(self, client: WantedClient, held: Held, secret: NewSecret | None) -> Applied:
        key = client.tenant, client.client_id

        def do() -> Applied:
            there = self.target.clients.get(key)
            if there is None:
                raise TargetMissing("fake: 404")
            assert held == Held(f"remote-{client.client_id}", {"token": "t"})
            there.want = client
            if secret is not None and secret.value not in there.secrets:
                there.secrets.insert(0, secret.value)
            return Applied(held, dict(self.changes))

        made: Applied = await self.target.ask("update", key, do)
        return made

    async def delete(self, tenant: str, client_id: str, _held: Held | None) -> None:
        def do() -> None:
            there = self.target.clients.get((tenant, client_id))
            if there is not None and there.mark == MARK:
                del self.target.clients[tenant, client_id]

        await self.target.ask("delete", (tenant, client_id), do)

    async def list_all(self, tenants: Sequence[str]) -> AsyncIterator[RemoteClient]:
        for tenant, client_id in list(self.target.clients):
            if tenant in tenants:
                found = await self.read(tenant, client_id, None)
                if found is not None:
                    yield found

    def differences(self, client: WantedClient, remote: RemoteClient) -> tuple[str, ...]:
        names = client.metadata.keys() | remote.metadata.keys()
        return tuple(sorted(n for n in names if client.metadata.get(n) != remote.metadata.get(n)))

    async def close(self) -> None:
        pass


def objecting(member: str, text: str) -> Callable[[WantedClient], Verdict]:
    """What objects to clients that have ``member``."""

    def judge(client: WantedClient) -> Verdict:
        return Verdict((Objection(member, text),)) if member in client.metadata else Verdict()

    return judge


def connector_settings(**values: Any) -> ConnectorSettings:
    """Of a target that needs nothing."""
    usual = {"kind": "hydra", "url": "http://127.0.0.1:1", "timeout": 2}
    return ConnectorSettings(**(usual | values))


def encryption_key() -> SecretStr:
    return SecretStr("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
