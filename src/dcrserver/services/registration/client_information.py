"""Step: the row of a new client, and the client information response that tells of it."""

from __future__ import annotations

import time

from dcrserver.metadata.bounds import Bounds
from dcrserver.metadata.facets import ClientOrigin
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.secrets.client_secrets import ClientSecrets
from dcrserver.strict_json import JsonObject, joined
from dcrserver.tenants import Tenant


def new_record(
    tenant: Tenant,
    client_id: str,
    metadata: str,
    secrets: ClientSecrets,
    bounds: Bounds,
    token: tuple[str, int] = ("", 0),
    *,
    origin: ClientOrigin,
) -> ClientRecord:
    """The row of a new client; ``token``: digest and end of its registration access token."""
    now = int(time.time())
    return ClientRecord(
        tenant=tenant.name,
        client_id=client_id,
        metadata=metadata,
        registration_access_token_digest=token[0],
        registration_access_token_expires_at=token[1],
        client_secrets=secrets.to_json(),
        bounds=bounds.to_json(),
        origin=origin.value,
        issued_at=now,
        updated_at=now,
        version=1,
    )


def client_information(
    tenant: Tenant, record: ClientRecord, secrets: ClientSecrets, registration_access_token: str
) -> str:
    """The client information response (RFC 7591 3.2.1, RFC 7592 3) as JSON text.

    The metadata are told in the very words in which they are stored.
    """
    made: JsonObject = {
        "client_id": record.client_id,
        "client_id_issued_at": record.issued_at,
        **secrets.members(),
        "registration_access_token": registration_access_token,
        "registration_client_uri": tenant.registration_client_uri(record.client_id),
    }
    return joined(made, record.metadata)
