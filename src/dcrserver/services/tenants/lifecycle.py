"""Use cases of administrators: tenants that are made, changed and ended at run time.

Those of the configuration file are shown beside them and changed by nobody here. Every check is
made on what is known after a look, and a change is made on top of exactly that: of two who make
one name, or take one path, at the same time, one is told that it is taken.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dcrserver.errors import AlreadyExists, Forbidden, InvalidInput, NotFound
from dcrserver.json_patch import merged
from dcrserver.names import DEFAULT_TENANT
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.stored_tenants import StoredTenantRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access.actors import Actor
from dcrserver.services.access.versions import ANY, Expected
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.tenants.stored_configuration import StoredConfiguration
from dcrserver.settings import ConfigurationError, TenantSettings
from dcrserver.settings.stored import tenant_name, tenant_settings
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant, TenantRegistry

# The job that ends what is being deleted.
DELETION = "delete_tenants"
# What reaches beyond the tenant itself: whom it answers for.
_OF_ALL = frozenset({"path", "base_url", "webfinger"})


@dataclass(frozen=True, slots=True)
class TenantView:
    """A tenant as administrators see it; times in seconds since 1970, 0 for never.

    ``settings``: the keys of [tenants.NAME] that are set. ``broken``: why it is not served as it
    is stored. ``progress``: of its deletion, by table, how many rows are gone.
    """

    name: str
    declared: bool
    status: str
    issuer: str | None
    settings: JsonObject
    version: int = 0
    created_at: int = 0
    updated_at: int = 0
    broken: str | None = None
    progress: Mapping[str, int] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{self.created_at:x}-{self.version}"'


@dataclass(frozen=True, slots=True)
class TenantMaking:
    """What this process makes of settings, and what it could not make.

    ``declared``: the settings of the tenants of the file, the default one among them.
    """

    declared: Mapping[str, JsonObject]
    candidate: Callable[[str, TenantSettings], Tenant]
    broken: Callable[[], Mapping[str, str]]


class TenantLifecycleService:
    """Use case: administrators make, change, suspend, resume and delete tenants.

    Raises, from every method: NotFound (there is no such tenant), Forbidden (whoever asks has
    nothing to do with it), Unavailable (the database does not answer).
    """

    def __init__(
        self,
        database: Database,
        lists: Lists,
        tenants: TenantRegistry,
        stored: StoredConfiguration,
        making: TenantMaking,
    ) -> None:
        self._database = database
        self._lists = lists
        self._tenants = tenants
        self._stored = stored
        self._making = making

    async def tenants(self, actor: Actor, after: str, limit: int) -> list[TenantView]:
        """Those that ``actor`` may see, by name; those that come after ``after``."""
        if actor.tenant is not None:
            return [await self.tenant(actor, actor.tenant)] if actor.tenant > after else []
        stored = await self._lists.configuration.page(after, limit)
        found = {record.tenant: self._view(record) for record in stored}
        found |= {name: self._declared(name) for name in self._making.declared if name > after}
        return [found[name] for name in sorted(found)[:limit]]

    async def tenant(self, actor: Actor, name: str) -> TenantView:
        """One, whatever its status is."""
        if not actor.of_tenant(name):
            raise Forbidden("the admin token is not good for this tenant")
        if name in self._making.declared:
            return self._declared(name)
        async with self._database.read() as tx:
            record = await tx.stored_tenants.find(name)
        return self._view(_there(record))

    async def create(self, name: str, settings: JsonObject, origin: Origin) -> TenantView:
        """A new tenant, which answers in this process when this returns.

        Raises:
            InvalidInput: the name, or a setting, cannot be one; it names the member.
            AlreadyExists: the name is taken, or something that it would answer for is.
        """
        _of_all(origin.actor)
        tenant_name(name)
        checked = tenant_settings(settings)
        await self._stored.changing(lambda: self._create(name, checked, settings, origin))
        return await self.tenant(origin.actor, name)

    async def _create(
        self, name: str, checked: TenantSettings, settings: JsonObject, origin: Origin
    ) -> None:
        if name in self._making.declared:
            raise AlreadyExists("the configuration file has a tenant of this name")
        async with self._database.read() as tx:
            record = await tx.stored_tenants.find(name)
        if record is not None:
            is_gone = record.status == "deleted"
            raise AlreadyExists(
                "a tenant of this name was deleted a moment ago; try again in a minute"
                if is_gone
                else "there is a tenant of this name"
            )
        if await self._lists.tenants.holds(name):
            raise AlreadyExists(
                "clients or tokens of a tenant of this name are left, which was taken out of the"
                " configuration file; purge it first"
            )
        self._fits(name, checked)
        now = int(time.time())

        async def write(tx: Transaction, number: int) -> None:
            await tx.stored_tenants.add(
                StoredTenantRecord(name, dumps(settings), "active", None, number, now, now)
            )
            _record(tx, EventType.TENANT_CREATED, name, origin, {"settings": settings})

        await self._stored.change(write)

    async def configure(
        self, name: str, patch: JsonObject, origin: Origin, expected: Expected = ANY
    ) -> TenantView:
        """The settings with ``patch`` merged in (RFC 7396).

        Raises:
            InvalidInput: a setting cannot be one; it names the member.
            AlreadyExists: it is declared, or something that it would answer for is taken.
            PreconditionFailed: it is not what was expected.
        """
        if not origin.actor.of_tenant(name):
            raise Forbidden("the admin token is not good for this tenant")
        if _OF_ALL & patch.keys():
            _of_all(origin.actor)

        async def attempt() -> None:
            record = await self._changeable(name, expected)
            before: JsonObject = json.loads(record.settings)
            settings = _merged(before, patch)
            self._fits(name, tenant_settings(settings))
            if settings == before:
                return
            changes = audit.difference(before, settings)
            await self._write(
                record._replace(settings=dumps(settings)),
                EventType.TENANT_CONFIGURED,
                origin,
                {"settings": changes},
            )

        await self._stored.changing(attempt)
        return await self.tenant(origin.actor, name)

    async def suspend(self, name: str, origin: Origin, expected: Expected = ANY) -> TenantView:
        """Nothing of it answers, until it is resumed.

        Raises:
            AlreadyExists: it is declared, or being deleted.
            PreconditionFailed: it is not what was expected.
        """
        return await self._turn(name, "suspended", EventType.TENANT_SUSPENDED, origin, expected)

    async def resume(self, name: str, origin: Origin, expected: Expected = ANY) -> TenantView:
        """Lets a suspended tenant answer again; raises as ``suspend``."""
        return await self._turn(name, "active", EventType.TENANT_RESUMED, origin, expected)

    async def delete(self, name: str, origin: Origin, expected: Expected = ANY) -> TenantView:
        """Nothing of it answers any more, and a job deletes everything in it.

        Raises:
            AlreadyExists: it is declared.
            PreconditionFailed: it is not what was expected.
        """
        _of_all(origin.actor)

        async def attempt() -> None:
            record = await self._changeable(name, expected, deleting=True)
            if record.status == "deleting":
                return
            await self._write(
                record._replace(status="deleting"), EventType.TENANT_DELETION_BEGUN, origin, {}
            )

        await self._stored.changing(attempt)
        return await self.tenant(origin.actor, name)

    async def _turn(
        self, name: str, status: str, event: EventType, origin: Origin, expected: Expected
    ) -> TenantView:
        _of_all(origin.actor)

        async def attempt() -> None:
            record = await self._changeable(name, expected)
            if record.status != status:
                await self._write(record._replace(status=status), event, origin, {})

        await self._stored.changing(attempt)
        return await self.tenant(origin.actor, name)

    async def _changeable(
        self, name: str, expected: Expected, *, deleting: bool = False
    ) -> StoredTenantRecord:
        if name in self._making.declared:
            raise AlreadyExists(
                "the tenant is declared in the configuration file, where it is changed"
            )
        async with self._database.read() as tx:
            record = _there(await tx.stored_tenants.find(name))
        expected.check(self._view(record).etag)
        if record.status == "deleting" and not deleting:
            raise AlreadyExists("the tenant is being deleted")
        return record

    async def _write(
        self, record: StoredTenantRecord, event: EventType, origin: Origin, changes: JsonObject
    ) -> None:
        now = int(time.time())

        async def write(tx: Transaction, number: int) -> None:
            await tx.stored_tenants.write(record._replace(version=number, updated_at=now))
            if record.status == "deleting":
                await tx.leases.hurry(DELETION)
            _record(tx, event, record.tenant, origin, changes)

        await self._stored.change(write)

    def _fits(self, name: str, settings: TenantSettings) -> None:
        """Whether a tenant of these ``settings`` could be among all."""
        try:
            tenant = self._making.candidate(name, settings)
        except ConfigurationError as error:
            key, _, text = str(error).removeprefix(f"tenants.{name}").partition(": ")
            raise InvalidInput(text, pointer=f"#/{key.lstrip('.') or 'base_url'}") from None
        if (reason := self._tenants.refusal(tenant)) is not None:
            raise AlreadyExists(reason)

    def _declared(self, name: str) -> TenantView:
        tenant = self._tenants.now.by_name[name]
        return TenantView(
            name, declared=True, status="active", issuer=tenant.issuer,
            settings=self._making.declared[name],
        )  # fmt: skip

    def _view(self, record: StoredTenantRecord) -> TenantView:
        served = self._tenants.now.by_name.get(record.tenant)
        is_ours = served is not None and not served.declared
        return TenantView(
            name=record.tenant,
            declared=False,
            status=record.status,
            issuer=served.issuer if served is not None and is_ours else None,
            settings=json.loads(record.settings),
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            broken=self._making.broken().get(record.tenant),
            progress=json.loads(record.progress or "{}"),
        )


def _merged(before: JsonObject, patch: JsonObject) -> JsonObject:
    made = merged(before, patch)
    assert isinstance(made, dict)  # noqa: S101 - of two objects comes one
    return made


def _of_all(actor: Actor) -> None:
    """Lets through administrators of all tenants.

    Raises:
        Forbidden: of one.
    """
    if actor.tenant is not None:
        raise Forbidden("only administrators of all tenants may do this")


def _there(record: StoredTenantRecord | None) -> StoredTenantRecord:
    if record is None or record.status == "deleted":
        raise NotFound("there is no such tenant")
    return record


def _record(
    tx: Transaction, event: EventType, name: str, origin: Origin, changes: JsonObject
) -> None:
    """Of the end of a tenant under the default one: its own events end with it."""
    ends = event is EventType.TENANT_DELETION_BEGUN
    audit.record(
        tx,
        event,
        tenant=DEFAULT_TENANT if ends else name,
        origin=origin,
        subject=Subject(SubjectKind.TENANT, name),
        changes=changes,
    )
