"""Step: registration access tokens (RFC 7592): made, compared, replaced."""

from __future__ import annotations

import time

from dcrserver import security
from dcrserver.metadata import Policy
from dcrserver.repositories.clients import ClientRecord

REGISTRATION_TOKEN_PREFIX = "rat"  # noqa: S105 - a prefix


def new_registration_token(policy: Policy) -> tuple[str, int]:
    """A token, and when it expires (0: never)."""
    lifetime = policy.management.registration_access_token_lifetime
    expires_at = int(time.time()) + lifetime if lifetime else 0
    return security.new_token(REGISTRATION_TOKEN_PREFIX), expires_at


def with_new_token(
    record: ClientRecord, policy: Policy, presented: str | None
) -> tuple[str, ClientRecord]:
    """A new registration access token, and ``record`` with it.

    That of the digest ``presented`` works on for the policy's grace: its holder may never get our
    answer. A grace that runs already is not made longer.
    """
    token, expires_at = new_registration_token(policy)
    grace = policy.management.registration_access_token_grace_seconds
    kept = presented if grace else None
    return token, record._replace(
        registration_access_token_digest=security.token_digest(token),
        registration_access_token_expires_at=expires_at,
        previous_registration_access_token_digest=kept,
        previous_registration_access_token_expires_at=(
            _grace_end(record, kept, grace) if kept else 0
        ),
    )


def is_token_of(record: ClientRecord | None, digest: str) -> tuple[bool, bool]:
    """Whether the token of the ``digest`` is the client's current one, and whether the one before.

    Takes as long for an unknown client. A suspended client has none (attack: it could otherwise
    bring itself back), nor has one whose time is over; one that was held has, as there is no other
    way for it to learn what became of that.
    """
    current = security.same_digest(
        digest, record.registration_access_token_digest if record else None
    )
    previous = security.same_digest(
        digest, record.previous_registration_access_token_digest if record else None
    )
    if record is None or not (record.is_usable or record.approval):
        return False, False
    return (
        current and _is_ahead(record.registration_access_token_expires_at),
        previous and record.previous_registration_access_token_expires_at > time.time(),
    )


def _grace_end(record: ClientRecord, kept: str, grace: int) -> int:
    """When the token of the digest ``kept`` ends at the latest: never later than it would have."""
    ends_at = (
        record.registration_access_token_expires_at
        if kept == record.registration_access_token_digest
        else record.previous_registration_access_token_expires_at
    )
    latest = int(time.time()) + grace
    return min(ends_at or latest, latest)


def _is_ahead(moment: int) -> bool:
    return moment == 0 or moment > time.time()
