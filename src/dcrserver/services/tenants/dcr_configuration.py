"""Use case: administrators say, at run time, how clients are registered by Asgardeo's API.

What a process needs of it is read where it is needed: these paths are not the ones that must be
fast, and what was acknowledged counts at once, everywhere. The keys of software statements are of
the tenant, and so known to its other paths, too (``Tenant.statement_keys``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import NamedTuple, TypeAlias

from dcrserver.errors import BadDcrConfiguration, InvalidSoftwareStatement, Unavailable
from dcrserver.metadata import uris
from dcrserver.metadata.bounds import UNBOUNDED, Bounds
from dcrserver.metadata.validation import STATEMENT
from dcrserver.repositories.dcr_configurations import DcrConfigurationRecord
from dcrserver.repositories.stored_policies import StoredPolicyRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access.initial_access_tokens import RegistrationPermit
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.audit.actors import Actor
from dcrserver.services.tenants.fapi_profiles import PROFILES, policy_of
from dcrserver.services.tenants.stored_configuration import StoredConfiguration, told_by
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant, TenantRegistry

_DEFAULT_PROFILE = "FAPI1_ADVANCED"
_CLOSED = (
    "authenticationRequired must be true where registration is closed (mode): administrators"
    " register clients there"
)
_NO_STATEMENT = "software_statement must be sent: the configuration demands it (mandateSSA)"


class StatementKeysMissing(BadDcrConfiguration):
    """Software statements are demanded, and nobody says by which keys they are verified."""

    code = "CNF-65021"


class OpenWithoutStatements(BadDcrConfiguration):
    """Anybody would register, without a software statement."""

    code = "CNF-65022"


class UnknownFapiProfile(BadDcrConfiguration):
    """There is no such profile."""

    code = "CNF-65023"


@dataclass(frozen=True, slots=True)
class DcrConfiguration:
    """Theirs by our spelling; ``ssa_jwks``: where the keys of software statements are."""

    authentication_required: bool = True
    mandate_ssa: bool = False
    ssa_jwks: str | None = None
    enable_fapi_enforcement: bool = False
    fapi_profile: str | None = None

    def checked(self) -> DcrConfiguration:
        """The same, with what follows from it.

        Raises:
            BadDcrConfiguration: its parts contradict each other, or ask for what is not there.
        """
        profile = self.fapi_profile
        if profile is None and self.enable_fapi_enforcement:
            profile = _DEFAULT_PROFILE
        if profile is not None and profile not in PROFILES:
            known = " or ".join(PROFILES)
            raise UnknownFapiProfile(f"fapiProfile must be {known}")
        if not self.authentication_required and not self.mandate_ssa:
            text = "authenticationRequired can be false only where mandateSSA is true"
            raise OpenWithoutStatements(text)
        if self.mandate_ssa and not self.ssa_jwks:
            raise StatementKeysMissing("mandateSSA needs ssaJwks")
        if self.ssa_jwks:
            _check_url(self.ssa_jwks)
        return DcrConfiguration(
            self.authentication_required, self.mandate_ssa, self.ssa_jwks,
            self.enable_fapi_enforcement, profile,
        )  # fmt: skip


def _check_url(text: str) -> None:
    """
    Raises:
        BadDcrConfiguration: nobody would fetch keys from there, as any administrator may name it.
    """
    try:
        uri = uris.parse(text)
    except uris.BadUri as error:
        raise BadDcrConfiguration(f"ssaJwks {error}") from None
    if uri.scheme != "https":
        raise BadDcrConfiguration("ssaJwks must be an https URL")


Change: TypeAlias = Callable[[DcrConfiguration], DcrConfiguration]


class Door(NamedTuple):
    """How clients come into ``tenant`` by Asgardeo's API: ``bounds`` are what they are bound to."""

    tenant: Tenant
    bounds: Bounds
    configuration: DcrConfiguration

    @property
    def is_for_anybody(self) -> bool:
        """A good software statement is enough, whoever sends it."""
        return not (self.configuration.authentication_required or self.tenant.mode == "closed")

    def permit(self, actor: Actor) -> RegistrationPermit:
        """For ``actor`` to register, whatever its mode says of other paths."""
        bounds = self.tenant.bound_for_life(self.bounds)
        terms = self.tenant.terms_within(bounds)
        return RegistrationPermit(self.tenant, terms, bounds=bounds, actor=actor)

    def check(self, submission: JsonObject) -> None:
        """What is sent is judged wherever it is sent (``SoftwareStatements``).

        Raises:
            InvalidSoftwareStatement: there is none, and must be.
        """
        if self.configuration.mandate_ssa and not submission.get(STATEMENT):
            raise InvalidSoftwareStatement(_NO_STATEMENT)


class DcrConfigurationService:
    """Use case: administrators read and change it. Raises, from every method: Unavailable."""

    def __init__(
        self, database: Database, tenants: TenantRegistry, stored: StoredConfiguration
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._stored = stored

    async def read(self, tenant: Tenant) -> DcrConfiguration:
        """As it is now."""
        async with self._database.read() as tx:
            return _of(await tx.dcr_configurations.find(tenant.name))

    async def change(self, tenant: Tenant, changed: Change, origin: Origin) -> None:
        """What ``changed`` makes of it counts for whoever registers from now on.

        The policy of a profile is made where there is none, or none any more.

        Raises:
            BadDcrConfiguration: it cannot be; nothing has changed.
        """

        async def attempt() -> None:
            before = await self.read(tenant)
            after = changed(before).checked()
            if tenant.mode == "closed" and not after.authentication_required:
                raise BadDcrConfiguration(_CLOSED)
            adds = after.enable_fapi_enforcement and not self._has(tenant, _policy_name(after))
            if after == before and not adds:
                return

            async def write(tx: Transaction, number: int) -> None:
                now = int(time.time())
                text = dumps(asdict(after))
                await tx.dcr_configurations.write(
                    DcrConfigurationRecord(tenant.name, text, number, now)
                )
                if adds:
                    await _add_policy(tx, tenant, after, number, origin)
                audit.record(
                    tx,
                    EventType.DCR_CONFIGURED,
                    tenant=tenant.name,
                    origin=origin,
                    subject=Subject(SubjectKind.DCR_CONFIGURATION, tenant.name),
                    changes=audit.difference(asdict(before), asdict(after)),
                )

            await self._stored.change(write)

        await self._stored.changing(attempt)

    async def door(self, tenant: Tenant) -> Door:
        """How clients come in now."""
        configuration = await self.read(tenant)
        policy, keys = None, configuration.ssa_jwks or ""
        if configuration.enable_fapi_enforcement:
            policy = _policy_name(configuration)
        if keys != tenant.statement_keys or not (policy is None or policy in tenant.policies):
            await self._stored.look()  # it was changed a moment ago, by another process
            tenant = self._now(tenant)
        if keys != tenant.statement_keys:
            raise Unavailable("what is configured for registration is being changed; try again")
        bounds = UNBOUNDED if policy is None else Bounds(policy=policy)
        return Door(tenant, bounds, configuration)

    def _now(self, tenant: Tenant) -> Tenant:
        return self._tenants.now.by_name.get(tenant.name, tenant)

    def _has(self, tenant: Tenant, policy: str) -> bool:
        return policy in self._now(tenant).policies


def _of(record: DcrConfigurationRecord | None) -> DcrConfiguration:
    """What is stored, less what a later version may have stored beside it."""
    if record is None:
        return DcrConfiguration()
    known = {each.name for each in fields(DcrConfiguration)}
    given: JsonObject = json.loads(record.settings)
    return DcrConfiguration(**{name: value for name, value in given.items() if name in known})  # type: ignore[arg-type]


def _policy_name(configuration: DcrConfiguration) -> str:
    return policy_of(configuration.fapi_profile or _DEFAULT_PROFILE)


async def _add_policy(
    tx: Transaction, tenant: Tenant, configuration: DcrConfiguration, number: int, origin: Origin
) -> None:
    """The policy that clients are bound to, after whatever drafts and versions there are."""
    name = _policy_name(configuration)
    versions = [each.version for each in await tx.stored_policies.versions(tenant.name, name)]
    preset = PROFILES[configuration.fapi_profile or _DEFAULT_PROFILE]
    now, by, version = int(time.time()), told_by(origin), max(versions, default=0) + 1
    document: JsonObject = {"preset": preset}
    await tx.stored_policies.add(
        StoredPolicyRecord(
            tenant.name, name, version, dumps(document), "active", number, now, by, now, by
        )
    )
    audit.record(
        tx,
        EventType.POLICY_ACTIVATED,
        tenant=tenant.name,
        origin=origin,
        subject=Subject(SubjectKind.POLICY, name),
        changes={"tenant": tenant.name, "version": version, "policy": document},
    )
