"""The only place that commits: a transaction with the repositories that take part in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn, Protocol, TypeAlias, TypeVar

from sqlalchemy import SelectBase
from sqlalchemy.sql import ClauseElement

from dcrserver.db import schema
from dcrserver.db.failures import Absent, AlreadyThere, Conflict, repeated, unavailable
from dcrserver.db.protocol.load import Load
from dcrserver.db.protocol.session import Driver, Reader, Session
from dcrserver.db.protocol.statements import Lookup, Rows, Values
from dcrserver.repositories.access_tokens import AccessTokenRepository, SpentIdentifierRepository
from dcrserver.repositories.admin_tokens import AdminTokenRepository
from dcrserver.repositories.client_approvals import ClientApprovalRepository
from dcrserver.repositories.client_documents import ClientDocumentRepository
from dcrserver.repositories.client_links import ClientLinkRepository
from dcrserver.repositories.client_notes import ClientNoteRepository
from dcrserver.repositories.client_quotas import ClientQuotaRepository
from dcrserver.repositories.clients import ClientRepository
from dcrserver.repositories.configuration_changes import ConfigurationChangeRepository
from dcrserver.repositories.connector_reports import ConnectorReportRepository
from dcrserver.repositories.dcr_configurations import DcrConfigurationRepository
from dcrserver.repositories.deleted_clients import DeletedClientRepository
from dcrserver.repositories.events import EventRepository
from dcrserver.repositories.facets import KnownFacets
from dcrserver.repositories.idempotency_keys import IdempotencyKeyRepository
from dcrserver.repositories.initial_access_tokens import InitialAccessTokenRepository
from dcrserver.repositories.jobs import JobInputRepository, JobRepository
from dcrserver.repositories.last_uses import LastUseRepository
from dcrserver.repositories.leases import LeaseRepository
from dcrserver.repositories.link_raising import Targets
from dcrserver.repositories.metadata_copies import MetadataCopyRepository
from dcrserver.repositories.policy_bindings import PolicyBindingRepository
from dcrserver.repositories.retired_facets import RetiredFacetsRepository
from dcrserver.repositories.shared_clients import SharedClientRepository
from dcrserver.repositories.signing_keys import SigningKeyRepository
from dcrserver.repositories.stored_policies import StoredPolicyRepository
from dcrserver.repositories.stored_tenants import StoredTenantRepository
from dcrserver.repositories.tenant_rows import TenantRowRepository

__all__ = ["AlreadyThere", "Database", "Transaction", "Writer"]

T = TypeVar("T")
# What waits for targets, if anything does; it raises nothing.
AfterRaising: TypeAlias = Callable[[Sequence[tuple[str, str]]], Awaitable[None]]


class Transaction:
    """Statements of one transaction, by the repositories of its tables."""

    def __init__(
        self, session: Session, known: KnownFacets, targets: Targets | None = None
    ) -> None:
        self.session = session
        self.clients = ClientRepository(session, known, targets)

    @property
    def client_links(self) -> ClientLinkRepository:
        return ClientLinkRepository(self.session)

    @property
    def connector_reports(self) -> ConnectorReportRepository:
        return ConnectorReportRepository(self.session)

    @property
    def deleted_clients(self) -> DeletedClientRepository:
        return DeletedClientRepository(self.session)

    @property
    def shared_clients(self) -> SharedClientRepository:
        return SharedClientRepository(self.session)

    @property
    def client_approvals(self) -> ClientApprovalRepository:
        return ClientApprovalRepository(self.session)

    @property
    def client_documents(self) -> ClientDocumentRepository:
        return ClientDocumentRepository(self.session)

    @property
    def client_notes(self) -> ClientNoteRepository:
        return ClientNoteRepository(self.session)

    @property
    def client_quotas(self) -> ClientQuotaRepository:
        return ClientQuotaRepository(self.session)

    @property
    def idempotency_keys(self) -> IdempotencyKeyRepository:
        return IdempotencyKeyRepository(self.session)

    @property
    def events(self) -> EventRepository:
        return EventRepository(self.session)

    @property
    def initial_access_tokens(self) -> InitialAccessTokenRepository:
        return InitialAccessTokenRepository(self.session)

    @property
    def signing_keys(self) -> SigningKeyRepository:
        return SigningKeyRepository(self.session)

    @property
    def admin_tokens(self) -> AdminTokenRepository:
        return AdminTokenRepository(self.session)

    @property
    def access_tokens(self) -> AccessTokenRepository:
        return AccessTokenRepository(self.session)

    @property
    def spent_identifiers(self) -> SpentIdentifierRepository:
        return SpentIdentifierRepository(self.session)

    @property
    def last_uses(self) -> LastUseRepository:
        return LastUseRepository(self.session)

    @property
    def retired_facets(self) -> RetiredFacetsRepository:
        return RetiredFacetsRepository(self.session)

    @property
    def metadata_copies(self) -> MetadataCopyRepository:
        return MetadataCopyRepository(self.session)

    @property
    def jobs(self) -> JobRepository:
        return JobRepository(self.session)

    @property
    def job_inputs(self) -> JobInputRepository:
        return JobInputRepository(self.session)

    @property
    def leases(self) -> LeaseRepository:
        return LeaseRepository(self.session)

    @property
    def configuration_changes(self) -> ConfigurationChangeRepository:
        return ConfigurationChangeRepository(self.session)

    @property
    def stored_tenants(self) -> StoredTenantRepository:
        return StoredTenantRepository(self.session)

    @property
    def dcr_configurations(self) -> DcrConfigurationRepository:
        return DcrConfigurationRepository(self.session)

    @property
    def tenant_rows(self) -> TenantRowRepository:
        return TenantRowRepository(self.session)

    @property
    def stored_policies(self) -> StoredPolicyRepository:
        return StoredPolicyRepository(self.session)

    @property
    def policy_bindings(self) -> PolicyBindingRepository:
        return PolicyBindingRepository(self.session)


class Writer(Protocol):
    """What writes go through: the database, or the lease of the job that they belong to."""

    async def transact(self, use_case: Callable[[Transaction], Awaitable[T]]) -> T:
        """See ``Database.transact``."""
        ...


class Database:
    """Runs use cases in transactions.

    ``targets``: the connectors that are to learn of a tenant's clients; None: nobody is.
    """

    def __init__(self, driver: Driver, targets: Targets | None = None) -> None:
        self._driver = driver
        self._targets = targets
        # Told of the clients (tenant, client_id) whose links a committed transaction raised.
        self.after_raising: AfterRaising | None = None
        self._session: Session = _ReadingSession(driver.reading)
        self._known = KnownFacets()
        self._reading = _Reading(Transaction(self._session, self._known))

    @property
    def is_server(self) -> bool:
        """Whether the database is a server process: queries run while the event loop goes on."""
        return self._session.dialect != "sqlite"

    async def transact(self, use_case: Callable[[Transaction], Awaitable[T]]) -> T:
        """The result of ``use_case``, committed; run again after a conflict with another writer.

        It awaits its transaction and nothing else.

        Raises:
            AlreadyThere: a row that it inserted.
            Unavailable: the database does not answer, or conflicts do not end.
        """
        made: Transaction | None = None

        def work(session: Session) -> Awaitable[T]:
            nonlocal made
            made = Transaction(session, self._known, self._targets)
            return use_case(made)

        try:
            try:
                result = await self._driver.transact(work)
            except Conflict:
                result = await repeated(lambda: self._driver.transact(work))
        except Absent as error:
            raise unavailable(error) from error
        if made is not None and made.clients.new_facets:
            self._known.remember(made.clients.new_facets)
        if self._targets is not None and made is not None:
            await self._raised(made)
        return result

    async def _raised(self, made: Transaction) -> None:
        links = made.clients.links
        if links is not None and links.raised and self.after_raising is not None:
            await self.after_raising(links.raised)

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """Single statements outside of a transaction; each sees the latest commit.

        Raises:
            Unavailable: the database does not answer.
        """
        return self._reading

    async def not_ready_reason(self) -> str | None:
        """Why the database cannot serve us, or None.

        Raises:
            Unavailable: it does not answer.
        """
        try:
            if reason := await self._driver.not_ready_reason():
                return reason
        except Absent as error:
            raise unavailable(error) from error
        return schema.not_ready_reason(await self.revision())

    async def revision(self) -> str | None:
        """What the schema was last brought to; None without any.

        Raises:
            Unavailable: it does not answer.
        """
        try:
            return await schema.stored_revision(self._session)
        except Absent as error:
            raise unavailable(error) from error

    def load(self) -> Load:
        """How busy it is kept, for the metrics."""
        return self._driver.load()

    async def close(self) -> None:
        """Commits what waits, then closes all connections."""
        await self._driver.close()


class _ReadingSession:
    """Single statements that read; some databases answer 40001 to those, too."""

    def __init__(self, session: Reader) -> None:
        self._session = session
        self.dialect = session.dialect

    async def execute(self, statement: ClauseElement, values: Values) -> Rows:
        if not isinstance(statement, SelectBase):
            _refuse()
        try:
            return await self._session.execute(statement, values)
        except Conflict:
            return await repeated(lambda: self._session.execute(statement, values))

    async def look_up(self, lookup: Lookup, values: Values) -> Sequence[Any]:
        try:
            return await self._session.look_up(lookup, values)
        except Conflict:
            return await repeated(lambda: self._session.look_up(lookup, values))

    async def execute_many(self, *_: object) -> None:
        _refuse()

    def insert(self, *_: object) -> None:
        _refuse()

    async def change(self, *_: object) -> bool:
        _refuse()

    async def change_all(self, *_: object) -> int:
        _refuse()


def _refuse() -> NoReturn:
    raise TypeError("nothing is written outside of a transaction")


class _Reading:
    """A context manager without state, shared by all readers."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def __aenter__(self) -> Transaction:
        return self._tx

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Absent):
            raise unavailable(error) from error
