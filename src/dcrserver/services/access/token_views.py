"""Step: tokens as administrators see them, each with the entity tag of what it is now."""

from __future__ import annotations

import json
import time

from dcrserver.metadata.bounds import Bounds
from dcrserver.repositories.admin_tokens import AdminTokenRecord
from dcrserver.repositories.initial_access_tokens import (
    InitialAccessTokenRecord,
    InitialAccessTokenUse,
)
from dcrserver.services.access.versions import etag_of


class InitialAccessTokenView:
    """An initial access token, without itself; times in seconds since 1970, 0 for never."""

    def __init__(
        self, record: InitialAccessTokenRecord, uses: list[InitialAccessTokenUse] | None = None
    ) -> None:
        self.record = record
        self.id = record.id
        self.tenant = record.tenant
        self.label = record.label
        self.issuer = record.issuer
        self.issued_at = record.issued_at
        self.expires_at = record.expires_at
        self.revoked_at = record.revoked_at
        self.uses_left = record.uses_left
        bounds = Bounds.from_json(record.bounds)
        self.policy = bounds.policy
        self.scopes = bounds.scopes
        self.grant_types = bounds.grant_types
        self.used = uses or []
        is_used_up = record.uses_left == 0
        self.status = "used_up" if is_used_up else _status(record.revoked_at, record.expires_at)
        self.etag = etag_of(record, self.status)


class AdminTokenView:
    """An admin token, without itself; times in seconds since 1970, 0 for never."""

    def __init__(self, record: AdminTokenRecord) -> None:
        self.record = record
        self.id = record.id
        self.tenant = record.tenant
        self.label = record.label
        self.issuer = record.issuer
        self.scopes = record.scopes.split()
        self.owner = record.owner
        self.audiences = json.loads(record.audiences) if record.audiences else None
        self.issued_at = record.issued_at
        self.expires_at = record.expires_at
        self.revoked_at = record.revoked_at
        self.status = _status(record.revoked_at, record.expires_at)
        self.etag = etag_of(record, self.status)


def token_view(
    record: AdminTokenRecord | InitialAccessTokenRecord,
) -> AdminTokenView | InitialAccessTokenView:
    """What administrators see of a token of either kind."""
    if isinstance(record, AdminTokenRecord):
        return AdminTokenView(record)
    return InitialAccessTokenView(record)


def _status(revoked_at: int, expires_at: int) -> str:
    if revoked_at:
        return "revoked"
    return "expired" if 0 < expires_at <= time.time() else "active"
