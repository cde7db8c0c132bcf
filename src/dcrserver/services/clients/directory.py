"""Use cases for an authorization server that keeps its own token endpoint: it asks us who a client
is, and whether it is the one that it says.
"""

from __future__ import annotations

import hashlib
import json

from dcrserver.errors import InvalidClient, NotFound
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.access.actors import Actor
from dcrserver.services.access.finding import ClientFinder
from dcrserver.services.authentication.authenticator import ClientAuthenticator
from dcrserver.services.authentication.presented import Presented
from dcrserver.services.registration.verified_facts import verified_facts
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant

AUTHENTICATE = "clients:authenticate"
READ = "clients:read"


class ClientDirectoryService:
    """Use case: an authorization server asks who a client is."""

    def __init__(self, clients: ClientFinder, authenticator: ClientAuthenticator) -> None:
        self._clients = clients
        self._authenticator = authenticator

    async def authenticate(self, tenant: Tenant, presented: Presented) -> JsonObject:
        """Whether it is the client, by which method, and what it registered."""
        try:
            client = await self._authenticator.authenticate(tenant, presented)
        except InvalidClient as error:
            return {
                "active": False,
                "error": error.code,
                "error_description": error.description,
            }
        made: JsonObject = {
            "active": True,
            "client_id": client.client_id,
            "method": client.method,
            "client": _described(tenant, client.record),
        }
        if client.certificate is not None:
            made["certificate_thumbprint"] = client.certificate.thumbprint
        return made

    async def client(self, actor: Actor, tenant: Tenant, client_id: str) -> tuple[JsonObject, str]:
        """The registered metadata and its entity tag; never a secret.

        Raises:
            NotFound: unknown, deleted or not active, or not for this ``actor``.
            UnusableDocument: it names itself by a URL, and what is there does not count.
        """
        record = await self._clients.find(tenant, client_id)
        if record is None or not record.is_usable or not actor.sees(record.owner):
            raise NotFound("there is no such client")
        described = _described(tenant, record)
        digest = hashlib.sha256(dumps(described).encode())
        return described, f'"{digest.hexdigest()[:32]}"'


def _described(tenant: Tenant, record: ClientRecord) -> JsonObject:
    metadata: JsonObject = json.loads(record.metadata)
    return {
        "client_id": record.client_id,
        "client_id_issued_at": record.issued_at,
        **metadata,
        "verified_facts": verified_facts(tenant, record).told(),
    }
