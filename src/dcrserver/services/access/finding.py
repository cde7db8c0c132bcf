"""Step: a client by its identifier, for whoever is about to rely on it.

Most are stored; one that names itself by URL is read from there first (``services.documents``).
"""

from __future__ import annotations

from typing import Protocol

from dcrserver.errors import ProtocolError
from dcrserver.names import ClientOrigin
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.tenants import Tenant

_DOCUMENT = ClientOrigin.DOCUMENT.word


class UnusableDocument(ProtocolError):
    """The metadata document of a client_id was read, and is not acceptable."""

    code = "invalid_client_metadata"
    status = 422


class UnreadableDocument(UnusableDocument):
    """The metadata document of a client_id cannot be read now."""

    code = "temporarily_unavailable"
    status = 502


class ClientFinder(Protocol):
    """Finds clients, perhaps elsewhere."""

    async def find(
        self, tenant: Tenant, client_id: str, address: str | None = None
    ) -> ClientRecord | None:
        """The client as it is now, also a suspended one; None: nobody has this identifier.

        ``address``: of whoever asks, by whom what is read for them is counted; None: it is not.

        Raises:
            UnusableDocument: it names itself by a URL, and the document there does not count.
            TooManyRequests: enough was read for this address.
        """
        ...


class StoredClients:
    """Those that are here, where documents do not count: nor do clients that came by one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self,
        tenant: Tenant,
        client_id: str,
        address: str | None = None,  # noqa: ARG002 - nothing is read elsewhere
    ) -> ClientRecord | None:
        """As ``ClientFinder.find``, and nothing else is tried."""
        async with self._database.read() as tx:
            found = await tx.clients.find(tenant.name, client_id)
        return None if found is not None and found.origin == _DOCUMENT else found
