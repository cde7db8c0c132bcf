"""Step: the row of a new client, and the client information response that tells of it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from typing import NamedTuple

from dcrserver.metadata.bounds import Bounds
from dcrserver.metadata.plan import hidden
from dcrserver.names import ClientOrigin, ClientStatus
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.secrets.kept import ClientSecrets
from dcrserver.strict_json import JsonObject, JsonValue, dumps, joined
from dcrserver.tenants import Tenant


class Registered(NamedTuple):
    """The client information response as JSON text, and where it can be read again, if it can."""

    uri: str | None
    information: str

    def told(self) -> JsonObject:
        """To be kept for whoever asks again."""
        return {"uri": self.uri, "information": self.information}


def new_record(  # noqa: PLR0913 - what a row has
    tenant: Tenant,
    client_id: str,
    metadata: str,
    secrets: ClientSecrets,
    bounds: Bounds,
    token: tuple[str, int] = ("", 0),
    *,
    origin: ClientOrigin,
    expires_at: int | None = None,
) -> ClientRecord:
    """The row of a new client; ``token``: digest and end of its registration access token;
    ``expires_at``: when it ends itself.
    """
    now = int(time.time())
    return ClientRecord(
        tenant=tenant.name,
        client_id=client_id,
        metadata=metadata,
        registration_access_token_digest=token[0],
        registration_access_token_expires_at=token[1],
        client_secrets=secrets.to_json(),
        bounds=bounds.to_json(),
        origin=origin.word,
        expires_at=expires_at,
        issued_at=now,
        updated_at=now,
        version=1,
    )


def client_information(
    tenant: Tenant,
    record: ClientRecord,
    secrets: ClientSecrets,
    registration_access_token: str,
    status: JsonObject | None = None,
) -> str:
    """The client information response (RFC 7591 3.2.1, RFC 7592 3) as JSON text.

    The metadata are told in the very words in which they are stored, less what is for
    administrators alone. Without a token there is no place for it either. ``status``: members that
    tell whether it may be used yet.
    """
    made: JsonObject = {
        "client_id": record.client_id,
        "client_id_issued_at": record.issued_at,
        **secrets.members(),
    }
    if registration_access_token:
        made["registration_access_token"] = registration_access_token
        made["registration_client_uri"] = tenant.registration_client_uri(record.client_id)
    if record.expires_at:
        made["client_expires_at"] = record.expires_at
    if status:
        made |= status
    unseen = hidden(tenant.terms)
    return joined(made, _without(record.metadata, unseen) if unseen else record.metadata)


def _without(metadata: str, names: Collection[str]) -> str:
    members: JsonObject = json.loads(metadata)
    return dumps({name: value for name, value in members.items() if name not in names})


def administered_information(
    tenant: Tenant, record: ClientRecord, secrets: ClientSecrets, token: str = ""
) -> str:
    """As ``client_information``, for administrators: with the facts that only they are told.

    ``token``: of a new client; of another one it is the client's own, and kept as a digest only.
    """
    made: JsonObject = {
        "client_id": record.client_id,
        "client_id_issued_at": record.issued_at,
        **secrets.members(),
        **({"registration_access_token": token} if token else {}),
        "registration_client_uri": tenant.registration_client_uri(record.client_id),
    }
    bounds = Bounds.from_json(record.bounds)
    facts: JsonObject = {
        "owner": record.owner,
        "tags": list[JsonValue](record.tags.split()) if record.tags else None,
        "expires_at": record.expires_at or None,
        "policy": bounds.policy,
        "policy_version": bounds.policy_version,
    }
    if record.approval is not None and record.status != ClientStatus.ACTIVE:
        facts["client_status"] = record.status
    made |= {name: value for name, value in facts.items() if value is not None}
    return joined(made, record.metadata)
