"""Use case of administrators: the document of a client that names itself by URL is read anew."""

from __future__ import annotations

from dcrserver.errors import AlreadyExists, NotFound
from dcrserver.metadata.documents import names_document
from dcrserver.names import ClientOrigin
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.stored_clients import seen_by
from dcrserver.services.audit import Origin
from dcrserver.services.documents.resolver import DocumentClients
from dcrserver.tenants import Tenant

_CREATE = "clients:create"


class ClientDocumentService:
    """Use case: administrators have documents read anew."""

    def __init__(self, database: Database, clients: DocumentClients | None) -> None:
        """``clients``: None where documents do not count."""
        self._database = database
        self._clients = clients

    async def refresh(self, tenant: Tenant, client_id: str, origin: Origin) -> None:
        """The client is as its document says now; one that nobody asked for before is made.

        Raises:
            NotFound: it is another owner's, or was deleted, or names itself by no URL.
            InsufficientScope: it would be new.
            AlreadyExists: it was registered otherwise, and has no document.
            UnusableDocument: what is there does not count.
        """
        tenant.known()
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant.name, client_id)
        if record is not None or origin.actor.owner is not None:
            seen_by(origin.actor, record)
        if record is not None and record.origin != ClientOrigin.DOCUMENT.word:
            raise AlreadyExists("the client has no document: it was registered")
        found = None
        if self._clients is not None and names_document(client_id):
            if record is None:
                origin.actor.require(_CREATE)
            found = await self._clients.refresh(tenant, client_id, origin)
        if found is None:
            raise NotFound("there is no such client")
