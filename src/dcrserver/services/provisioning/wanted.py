"""Step: what a client's row means for a target."""

from __future__ import annotations

from dcrserver.connectors.client import WantedClient
from dcrserver.metadata import needs_secret
from dcrserver.names import UNAPPROVED
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.access.stored_clients import metadata_of
from dcrserver.services.secrets.kept import secrets_of
from dcrserver.strict_json import stored


def wanted_of(record: ClientRecord) -> WantedClient:
    """The client as a target is to know it."""
    before = secrets_of(record).held[1:2]
    return WantedClient(
        tenant=record.tenant,
        client_id=record.client_id,
        metadata=stored(record.metadata),
        is_active=record.is_usable,
        owner=record.owner,
        tags=tuple((record.tags or "").split()),
        origin=record.origin,
        issued_at=record.issued_at,
        previous_until=before[0].expires_at if before and before[0].is_live() else 0,
    )


def is_to_be_known(record: ClientRecord | None) -> bool:
    """Whether a target is to know the client: it is there, and does not wait for an approval."""
    return record is not None and record.status not in UNAPPROVED


def has_secret(record: ClientRecord) -> bool:
    """Whether the client is to authenticate with a secret."""
    return needs_secret(metadata_of(record))
