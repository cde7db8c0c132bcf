"""Use cases of administrators: policies that are drafted, activated and rolled back at run time.

A policy is of one tenant, or of all (``*``). Clients are bound to its name, and follow the version
that is active. Those of the configuration file are shown beside them, and changed by nobody here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence

from dcrserver.errors import AlreadyExists, NotFound
from dcrserver.names import ALL_TENANTS, DEFAULT_TENANT
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.keyset import Place
from dcrserver.repositories.stored_policies import DRAFT, StoredPolicyRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access.versions import ANY, Expected
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.policies.views import PolicyVersion, PolicyView, version_view
from dcrserver.services.tenants.fapi_profiles import enforcing
from dcrserver.services.tenants.stored_configuration import StoredConfiguration, told_by
from dcrserver.settings.groups.members import MemberSettings
from dcrserver.settings.problems import Problem
from dcrserver.settings.stored import BadDocument, policy, policy_name, written_policy
from dcrserver.strict_json import JsonObject, dumps

_DECLARED = "the policy is declared in the configuration file, where it is changed"


class PolicyAdministrationService:
    """Use case: administrators write policies and decide which version counts.

    ``scope``: a tenant, or ``*``. Raises, from every method: NotFound (there is no such policy),
    Unavailable (the database does not answer).
    """

    def __init__(
        self,
        database: Database,
        lists: Lists,
        stored: StoredConfiguration,
        declared: Mapping[str, JsonObject],
        members: Mapping[str, MemberSettings],
        broken: Callable[[], Mapping[tuple[str, str], str]],
    ) -> None:
        self._database = database
        self._lists = lists
        self._stored = stored
        self._declared = declared
        self._members = members
        self._broken = broken

    async def policies(self, scope: str, after: Place | None, limit: int) -> list[PolicyView]:
        """Those that mean something there, by name: declared, of all, of the tenant; those that
        come after ``after``.
        """
        first = "" if after is None else str(after[0])
        made = [PolicyView.of_the_file(*each) for each in self._declared.items()]
        for tenant in {scope, ALL_TENANTS}:
            # One of this very name may be what the page comes after.
            found = await self._lists.configuration.policies(tenant, first, limit + 1)
            made += [PolicyView(versions, self._broken()) for versions in found]
        left = (each for each in made if after is None or self.place_of(each) > after)
        return sorted(left, key=self.place_of)[:limit]

    @staticmethod
    def place_of(policy: PolicyView) -> Place:
        """Where the list goes on after ``policy``."""
        return policy.name, int(not policy.declared), policy.tenant

    async def policy(self, scope: str, name: str) -> PolicyView:
        """What ``name`` means there: declared, else of the tenant, else of all."""
        if name in self._declared:
            return PolicyView.of_the_file(name, self._declared[name])
        for where in dict.fromkeys((scope, ALL_TENANTS)):
            if records := await self._records(where, name):
                return PolicyView(records, self._broken())
        raise NotFound("there is no such policy")

    async def versions(self, scope: str, name: str) -> list[PolicyVersion]:
        """Those that were activated, the newest first."""
        found = await self.policy(scope, name)
        if found.declared:
            return []
        records = await self._records(found.tenant, name)
        return [version_view(each) for each in reversed(records) if each.version != DRAFT]

    @property
    def members(self) -> Mapping[str, MemberSettings]:
        """The operator's own, which policies may name."""
        return self._members

    def check(self, document: JsonObject) -> Sequence[Problem]:
        """What is wrong with a policy, each with its place; nothing is stored."""
        try:
            written_policy(document, self._members)
        except BadDocument as error:
            return error.problems
        return ()

    async def draft(
        self, scope: str, name: str, document: JsonObject, origin: Origin, expected: Expected = ANY
    ) -> PolicyView:
        """What the next version will say; nobody is judged by it yet.

        Raises:
            InvalidInput: it is none; the member is named.
            AlreadyExists: it is declared.
            PreconditionFailed: it is not what was expected.
        """
        policy_name(name)
        written_policy(document, self._members)
        now = int(time.time())

        async def attempt() -> None:
            records = await self._changeable(scope, name, expected)
            is_there = bool(records) and records[0].version == DRAFT

            async def write(tx: Transaction, number: int) -> None:
                record = StoredPolicyRecord(
                    scope, name, DRAFT, dumps(document), "draft", number, now, told_by(origin)
                )
                await (tx.stored_policies.write(record) if is_there else _add(tx, record))
                _record(tx, EventType.POLICY_DRAFTED, scope, name, origin, {"policy": document})

            await self._stored.change(write)

        await self._stored.changing(attempt)
        return await self._shown(scope, name)

    async def activate(
        self, scope: str, name: str, origin: Origin, expected: Expected = ANY
    ) -> PolicyView:
        """The draft becomes the next version, by which everybody is judged from now on.

        Raises:
            InvalidInput: this program does not take it (any more); the member is named.
            AlreadyExists: it is declared, or there is no draft.
            PreconditionFailed: it is not what was expected.
        """

        async def attempt() -> None:
            records = await self._changeable(scope, name, expected, there=True)
            if records[0].version != DRAFT:
                raise AlreadyExists("there is no draft to activate")
            await self._turn(records, records[0], EventType.POLICY_ACTIVATED, origin)

        await self._stored.changing(attempt)
        return await self._shown(scope, name)

    async def roll_back(
        self,
        scope: str,
        name: str,
        origin: Origin,
        version: int | None = None,
        expected: Expected = ANY,
    ) -> PolicyView:
        """An earlier version counts again: ``version``, or the one before the active one.

        Raises:
            InvalidInput: this program does not take it any more; the member is named.
            AlreadyExists: it is declared, or there is no such version.
            PreconditionFailed: it is not what was expected.
        """

        async def attempt() -> None:
            records = await self._changeable(scope, name, expected, there=True)
            active = next((each.version for each in records if each.state == "active"), 0)
            wanted = version
            if wanted is None:
                before = [each.version for each in records if DRAFT < each.version < active]
                wanted = max(before, default=None)
            target = next((each for each in records if DRAFT < each.version == wanted), None)
            if target is None:
                raise AlreadyExists("there is no such version to go back to")
            if target.version != active:
                await self._turn(records, target, EventType.POLICY_ROLLED_BACK, origin)

        await self._stored.changing(attempt)
        return await self._shown(scope, name)

    async def delete(self, scope: str, name: str, origin: Origin, expected: Expected = ANY) -> None:
        """All of its versions, if nobody is bound to it.

        Raises:
            AlreadyExists: it is declared, or somebody is: it says how many.
            PreconditionFailed: it is not what was expected.
        """

        async def attempt() -> None:
            await self._changeable(scope, name, expected, there=True)

            async def write(tx: Transaction, _: int) -> None:
                await _check_unbound(tx, scope, name)  # who is bound holds up nobody who asks
                await tx.stored_policies.delete(scope, name)  # nobody is bound from now on
                await _check_unbound(tx, scope, name)
                _record(tx, EventType.POLICY_DELETED, scope, name, origin, {})

            await self._stored.change(write)

        await self._stored.changing(attempt)

    async def _turn(
        self,
        records: Sequence[StoredPolicyRecord],
        target: StoredPolicyRecord,
        event: EventType,
        origin: Origin,
    ) -> None:
        """``target`` counts, a draft as the version after all others."""
        policy(json.loads(target.policy), self._members)
        version = target.version or records[-1].version + 1
        now = int(time.time())

        async def write(tx: Transaction, number: int) -> None:
            for each in records:
                if each.state == "active":
                    retired = each._replace(state="retired", change_number=number)
                    await tx.stored_policies.write(retired)
            made = target._replace(
                version=version, state="active", change_number=number, activated_at=now,
                activated_by=told_by(origin),
            )  # fmt: skip
            if target.version == DRAFT:
                await tx.stored_policies.delete_draft(target.tenant, target.name)
                await tx.stored_policies.add(made)
            else:
                await tx.stored_policies.write(made)
            _record(tx, event, target.tenant, target.name, origin, {"version": version})

        await self._stored.change(write)

    async def _changeable(
        self, scope: str, name: str, expected: Expected, *, there: bool = False
    ) -> list[StoredPolicyRecord]:
        if name in self._declared:
            raise AlreadyExists(_DECLARED)
        records = await self._records(scope, name)
        if records:
            expected.check(PolicyView(records, {}).etag)
        elif there:
            raise NotFound("there is no such policy")
        elif expected is not ANY and expected.tags is not None:
            expected.check("")
        return records

    async def _records(self, scope: str, name: str) -> list[StoredPolicyRecord]:
        async with self._database.read() as tx:
            return await tx.stored_policies.versions(scope, name)

    async def _shown(self, scope: str, name: str) -> PolicyView:
        records = await self._records(scope, name)
        if not records:
            raise NotFound("there is no such policy")  # it was deleted since
        return PolicyView(records, self._broken())


async def _check_unbound(tx: Transaction, scope: str, name: str) -> None:
    """
    Raises:
        AlreadyExists: something is bound to the policy: it says how many of what.
    """
    bound = await tx.policy_bindings.count(scope, name, int(time.time()))
    if enforced := await enforcing(tx, scope, name):
        bound["tenants by Asgardeo's API"] = enforced
    if bound:
        told = ", ".join(f"{count} {noun}" for noun, count in bound.items())
        raise AlreadyExists(f"the policy is in use: {told} are bound to it")


async def _add(tx: Transaction, record: StoredPolicyRecord) -> bool:
    await tx.stored_policies.add(record)
    return True


def _record(
    tx: Transaction, event: EventType, scope: str, name: str, origin: Origin, changes: JsonObject
) -> None:
    """What is for all tenants is told under the default one."""
    audit.record(
        tx,
        event,
        tenant=DEFAULT_TENANT if scope == ALL_TENANTS else scope,
        origin=origin,
        subject=Subject(SubjectKind.POLICY, name),
        changes={"tenant": scope, **changes},
    )
