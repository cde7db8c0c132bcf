"""Step: registered clients whose metadata are told to everybody as a document (CIMD).

Its URL is a client_id that every server takes which reads such documents, also for who has no web
site to put one on.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from dcrserver.metadata.plan import hidden, withheld
from dcrserver.names import PUBLISHED
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.stored_clients import metadata_of
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

_BEFORE, _BEHIND = "/clients/", "/metadata"


def document_url(tenant: Tenant, client_id: str) -> str:
    """Where the document of a client is, whether it is published or not."""
    return f"{tenant.root}{_BEFORE}{quote(client_id, '')}{_BEHIND}"


def published_id(tenant: Tenant, url: str) -> str | None:
    """The client whose document of ours is at ``url``; None: that is elsewhere."""
    root = f"{tenant.root}{_BEFORE}"
    if not (url.startswith(root) and url.endswith(_BEHIND)):
        return None
    client_id = unquote(url.removeprefix(root).removesuffix(_BEHIND))
    return client_id if document_url(tenant, client_id) == url else None


class PublishedDocuments:
    """Step: the documents of clients that are published."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def document(self, tenant: Tenant, client_id: str) -> JsonObject | None:
        """What is told of the client; None: it is not published, suspended, or there is none."""
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant.name, client_id)
        if record is None or not record.is_usable:
            return None
        return _document(tenant, record)


def _document(tenant: Tenant, record: ClientRecord) -> JsonObject | None:
    """Less what only administrators set or see."""
    members = metadata_of(record).members
    if members.get(PUBLISHED) is not True:
        return None
    theirs = withheld(tenant.terms) | hidden(tenant.terms) | {PUBLISHED}
    told = {name: value for name, value in members.items() if name not in theirs}
    return {"client_id": document_url(tenant, record.client_id), **told}
