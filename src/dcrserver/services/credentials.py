"""Step: registration access tokens, the row of a client, and the answer that tells of both."""

from __future__ import annotations

import time

from dcrserver import security
from dcrserver.metadata import Policy
from dcrserver.metadata.bounds import Bounds
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.client_secrets import ClientSecrets
from dcrserver.strict_json import JsonObject, joined
from dcrserver.tenants import Tenant

REGISTRATION_TOKEN_PREFIX = "rat"  # noqa: S105 - a prefix


def new_registration_token(policy: Policy) -> tuple[str, int]:
    """A token, and when it expires (0: never)."""
    lifetime = policy.mgmt.rat_lifetime
    expires_at = int(time.time()) + lifetime if lifetime else 0
    return security.new_token(REGISTRATION_TOKEN_PREFIX), expires_at


def with_new_token(
    record: ClientRecord, policy: Policy, presented: str | None
) -> tuple[str, ClientRecord]:
    """A new registration access token, and ``record`` with it.

    The ``presented`` one works on for the policy's grace: its holder may never get our answer. A
    grace that runs already is not made longer.
    """
    token, expires_at = new_registration_token(policy)
    kept = presented if policy.mgmt.rat_grace_seconds else None
    return token, record._replace(
        registration_access_token_digest=security.token_digest(token),
        registration_access_token_expires_at=expires_at,
        previous_registration_access_token_digest=kept and security.token_digest(kept),
        previous_registration_access_token_expires_at=(
            _grace_end(record, kept, policy.mgmt.rat_grace_seconds) if kept else 0
        ),
    )


def is_token_of(record: ClientRecord | None, token: str) -> tuple[bool, bool]:
    """Whether ``token`` is the current one of the client, and whether it is the one before.

    Takes as long for an unknown client. A suspended client has none (attack: it could otherwise
    bring itself back).
    """
    digest = security.token_digest(token)
    current = security.same_digest(
        digest, record.registration_access_token_digest if record else None
    )
    previous = security.same_digest(
        digest, record.previous_registration_access_token_digest if record else None
    )
    if record is None or record.suspended_at:
        return False, False
    return (
        current and _is_ahead(record.registration_access_token_expires_at),
        previous and record.previous_registration_access_token_expires_at > time.time(),
    )


def new_record(
    tenant: Tenant,
    client_id: str,
    metadata: str,
    secrets: ClientSecrets,
    bounds: Bounds,
    token: tuple[str, int] = ("", 0),
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


def _grace_end(record: ClientRecord, presented: str, grace: int) -> int:
    """When the presented token ends at the latest: never later than it would have."""
    is_current = is_token_of(record, presented)[0]
    ends_at = (
        record.registration_access_token_expires_at
        if is_current
        else record.previous_registration_access_token_expires_at
    )
    latest = int(time.time()) + grace
    return min(ends_at or latest, latest)


def _is_ahead(moment: int) -> bool:
    return moment == 0 or moment > time.time()
