"""Use case: administrators look at connectors, try them, and have links worked on at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dcrserver.connectors.failures import TargetError
from dcrserver.errors import NotFound
from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.names import LinkState
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services.audit.actors import Actor
from dcrserver.services.provisioning.targets import Target, Targets
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import TenantRegistry


@dataclass(frozen=True, slots=True)
class MemberView:
    """What becomes of one member of client metadata; ``fate``: carried, mapped, stored, dropped."""

    member: str
    fate: str
    words: str


class ConnectorView:
    """A connector as it is configured, and how far its target is; moments in seconds."""

    def __init__(self, target: Target, differing: dict[str, int], oldest_ms: int) -> None:
        """``differing``: how many links are in each state that is not applied."""
        settings, connector = target.settings, target.connector
        self.name = target.name
        self.kind = connector.kind
        self.provision = settings.provision
        self.drift = settings.drift
        self.tenants = [*settings.tenants]
        self.mints = connector.mints
        self.overlaps = connector.overlaps
        self.is_away = target.breaker.is_open
        self.pending = differing.get(LinkState.PENDING.word, 0)
        self.failed = differing.get(LinkState.FAILED.word, 0)
        self.gone = differing.get(LinkState.GONE.word, 0)
        self.differs_since = oldest_ms // 1000
        self._carriage = connector.carriage

    @property
    def members(self) -> list[MemberView]:
        """Of each member that can be registered, what becomes of it."""
        known = self._carriage()
        told = []
        for name in PARAMETERS:
            found = known.get(name)
            words = ("dropped", "") if found is None else (found.fate.value, found.words)
            told.append(MemberView(name, *words))
        return told


@dataclass(frozen=True, slots=True)
class TestView:
    """Whether a target answers, lets us in, and can do what is needed."""

    __test__ = False  # it is no test of pytest's

    ok: bool
    server: str | None
    problems: list[str]
    facts: JsonObject


class ConnectorService:
    """Use case: administrators look after connectors.

    Those of one tenant see what is told of its clients, and no more.
    """

    def __init__(self, database: Database, targets: Targets, tenants: TenantRegistry) -> None:
        self._database = database
        self._targets = targets
        self._tenants = tenants

    async def connectors(self, actor: Actor) -> list[ConnectorView]:
        """All that ``actor`` may know of, by name."""
        seen = sorted(self._seen(actor), key=lambda target: target.name)
        return [await self._view(target, actor) for target in seen]

    async def connector(self, name: str, actor: Actor) -> ConnectorView:
        """One of ``connectors``.

        Raises:
            NotFound: there is none of this name.
        """
        return await self._view(self.target(name, actor), actor)

    def target(self, name: str, actor: Actor) -> Target:
        """The target of a connector that ``actor`` may know of.

        Raises:
            NotFound: there is none of this name.
        """
        for target in self._seen(actor):
            if target.name == name:
                return target
        raise NotFound("there is no such connector")

    def tenants_of(self, target: Target, actor: Actor) -> list[str]:
        """Whose clients it is told of, as far as they are the affair of ``actor``."""
        return [name for name in self._told_of(target) if actor.tenant in {None, name}]

    def is_shared(self, target: Target, tenants: Sequence[str]) -> bool:
        """Whether it is told of clients of others than ``tenants``, too."""
        return not set(tenants).issuperset(self._told_of(target))

    def _told_of(self, target: Target) -> list[str]:
        return [name for name in self._tenants.now.by_name if target in self._targets.of(name)]

    async def test(self, name: str, actor: Actor) -> TestView:
        """Asks the target now.

        Raises:
            NotFound: there is none of this name.
        """
        target = self.target(name, actor)
        try:
            found = await target.connector.discover(self.tenants_of(target, actor))
        except TargetError as error:
            return TestView(ok=False, server=None, problems=[str(error)], facts={})
        problems = [*found.problems]
        return TestView(
            ok=not problems, server=found.server, problems=problems, facts=dict(found.facts)
        )

    async def retry(self, name: str, actor: Actor) -> int:
        """All links that are not as they should be are due now; how many there were.

        Raises:
            NotFound: there is no such connector.
        """
        target = self.target(name, actor)
        tenants = self.tenants_of(target, actor)
        place: Sequence[str] | None = ("", "")
        hurried = 0
        while place is not None:

            async def hurry(
                tx: Transaction, after: Sequence[str] = place
            ) -> tuple[int, Sequence[str] | None]:
                found = await tx.client_links.waiting(target.name, after)
                mine = [each for each in found if each.tenant in tenants]
                done = sum([await tx.client_links.hurry(each) for each in mine])
                return done, (found[-1].tenant, found[-1].client_id) if found else None

            count, place = await self._database.transact(hurry)
            hurried += count
        target.nudged.set()
        return hurried

    def _seen(self, actor: Actor) -> list[Target]:
        if actor.tenant is None:
            return [*self._targets]
        return self._targets.of(actor.tenant)

    async def _view(self, target: Target, actor: Actor) -> ConnectorView:
        async with self._database.read() as tx:
            counts = await tx.client_links.counts(target.name, actor.tenant)
        differing = {each.state: each.links for each in counts}
        waiting = [each.oldest for each in counts if each.state != LinkState.RESERVED.word]
        view = ConnectorView(target, differing, min(waiting, default=0))
        view.tenants = [name for name in view.tenants if actor.tenant in {None, name}]
        return view
