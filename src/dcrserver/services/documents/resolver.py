"""Step: finds clients, also those that name themselves by the URL of their metadata document.

Such a client is a row like every other, with the origin ``document``; what is here is when its
document is read anew, and what comes of that.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from dcrserver.errors import RegistrationError, TooManyRequests, Unavailable
from dcrserver.limits import Stage, Subject
from dcrserver.logger import Logger
from dcrserver.metadata.documents import names_document
from dcrserver.names import ClientOrigin
from dcrserver.rate_limit import UNCOUNTED, RateLimiter, Registrant
from dcrserver.repositories.client_documents import ClientDocumentRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.finding import UnreadableDocument, UnusableDocument
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import ANONYMOUS
from dcrserver.services.documents.judging import DocumentJudge, unusable
from dcrserver.services.documents.publishing import PublishedDocuments, published_id
from dcrserver.services.documents.reading import DocumentReader, Flights, ReadDocument
from dcrserver.services.documents.storing import DocumentStore
from dcrserver.services.provisioning.before import BeforeAnswer
from dcrserver.settings import DocumentSettings
from dcrserver.tenants import Tenant

_log = Logger(__name__)
# Of documents that are known to be good still: a look at one costs no more than at any client.
_MAX_REMEMBERED = 100_000
# While a document cannot be read, the one before counts for so long until the next try.
_RETRY_SECONDS = 10
# With somebody else who is refused, until that is told to who waits with it.
_TRIES = 5
_BUSY = "many ask for the document of this client_id; try again"
_DOCUMENT = ClientOrigin.DOCUMENT.word


class DocumentClients:
    """``ClientFinder``: those that are stored, and those whose document is read."""

    def __init__(
        self,
        database: Database,
        reader: DocumentReader,
        judge: DocumentJudge,
        limiter: RateLimiter,
        settings: DocumentSettings,
        before: BeforeAnswer | None,
    ) -> None:
        self._database = database
        self._reader = reader
        self._judge = judge
        self._store = DocumentStore(database, before)
        self._published = PublishedDocuments(database)
        self._limiter = limiter
        self._settings = settings
        self._flights: Flights[ClientRecord | None] = Flights()
        self._fresh: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def find(
        self, tenant: Tenant, client_id: str, address: str | None = None
    ) -> ClientRecord | None:
        """As ``ClientFinder.find``."""
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant.name, client_id)
        if record is None and not names_document(client_id):
            return None
        if record is not None and record.origin != _DOCUMENT:
            return record
        if record is not None and self._fresh.get((tenant.name, client_id), 0) > time.time():
            return record
        origin = Origin(ANONYMOUS, address)
        renew = partial(self._renewed, tenant, client_id, origin)
        return await self._shared((tenant.name, client_id), renew)

    async def refresh(self, tenant: Tenant, client_id: str, origin: Origin) -> ClientRecord | None:
        """As ``find``, by what is there now, however good what was read before may be.

        Raises:
            UnusableDocument: also where the one before still counts.
        """
        self._fresh.pop((tenant.name, client_id), None)
        renew = partial(self._renewed, tenant, client_id, origin, at_once=True)
        return await self._flights.share((tenant.name, f"{client_id} refresh"), renew)

    async def close(self) -> None:
        await self._flights.close()

    async def _shared(
        self, key: tuple[str, str], renew: Callable[[], Coroutine[Any, Any, ClientRecord | None]]
    ) -> ClientRecord | None:
        """Who had enough read is refused itself, and not who came to wait for the same."""
        for _ in range(_TRIES):
            is_mine = not self._flights.goes_on(key)
            try:
                return await self._flights.share(key, renew)
            except TooManyRequests:
                if is_mine:
                    raise
        raise Unavailable(_BUSY)

    async def _renewed(
        self, tenant: Tenant, client_id: str, origin: Origin, *, at_once: bool = False
    ) -> ClientRecord | None:
        known = await self._store.known(tenant.name, client_id)
        record, document = known.record, known.document
        if known.is_deleted:
            return None
        if record is not None and document is not None and not at_once and _is_fresh(document):
            self._remember(tenant, client_id, document.fresh_until)
            return record
        self._reader.check_url(client_id)
        # Such a one is asked for anew each time, as failures are not remembered.
        is_troubled = document is None or document.problem_at
        by = self._registrant(tenant, origin) if is_troubled else UNCOUNTED
        by.attempt(Stage.OPEN_ATTEMPT)
        try:
            read = await self._read(tenant, client_id)
            made = await self._kept(tenant, client_id, read, known.record, document, origin, by)
        except UnusableDocument as error:
            return await self._despite(tenant, record, document, error, at_once=at_once)
        self._remember(tenant, client_id, read.fresh_until)
        return made

    async def _read(self, tenant: Tenant, client_id: str) -> ReadDocument:
        """One of ours need not be fetched.

        Raises:
            UnusableDocument: it does not count.
        """
        own = published_id(tenant, client_id)
        if own is None:
            return await self._reader.read(client_id)
        return self._reader.own(await self._published.document(tenant, own))

    async def _kept(
        self,
        tenant: Tenant,
        client_id: str,
        read: ReadDocument,
        record: ClientRecord | None,
        document: ClientDocumentRecord | None,
        origin: Origin,
        by: Registrant,
    ) -> ClientRecord:
        """The client as ``read`` has it."""
        row = ClientDocumentRecord(
            tenant.name, client_id, read.digest, read.fetched_at, read.fresh_until
        )
        if record is not None and document is not None and document.digest == read.digest:
            # That one of ours is as it was is not noted each time.
            if document.problem_at or published_id(tenant, client_id) is None:
                await self._store.note(row)
            return record
        judged = await self._judge.judged(tenant, read.members, record, origin)
        try:
            if record is not None:
                return await self._store.replaced(record, judged, row, origin)
            async with by:
                await by.charge(Stage.OPEN_MADE)
                await by.charge_software(judged.valid.metadata.text("software_id"))
                return await self._store.added(tenant, client_id, judged, row, origin)
        except RegistrationError as error:
            raise unusable(error.description, error.detail) from None

    async def _despite(
        self,
        tenant: Tenant,
        record: ClientRecord | None,
        document: ClientDocumentRecord | None,
        error: UnusableDocument,
        *,
        at_once: bool,
    ) -> ClientRecord:
        """The client by the document before, where that counts although there is no newer one.

        One that was read and is not acceptable is what its author wants: then none counts.
        """
        if record is None or document is None:
            raise error
        _log.info("client_document_failed", client_id=record.client_id, detail=error.detail)
        await self._store.note_problem(document, error.description)
        good_until = document.fetched_at + self._settings.stale_seconds
        if at_once or not isinstance(error, UnreadableDocument) or good_until <= time.time():
            raise error
        self._remember(tenant, record.client_id, int(time.time()) + _RETRY_SECONDS)
        return record

    def _registrant(self, tenant: Tenant, origin: Origin) -> Registrant:
        """By whom what is read of a new client is counted."""
        if origin.address is None or not tenant.limits.rates:
            return UNCOUNTED
        subject = Subject(tenant.name, origin.address)
        return Registrant(self._limiter, tenant.limits, subject, [])

    def _remember(self, tenant: Tenant, client_id: str, until: int) -> None:
        self._fresh[tenant.name, client_id] = until
        if len(self._fresh) > _MAX_REMEMBERED:
            self._fresh.popitem(last=False)


def _is_fresh(document: ClientDocumentRecord) -> bool:
    """One that was found wanting since is looked at again, whatever its age."""
    return document.fresh_until > time.time() and not document.problem_at
