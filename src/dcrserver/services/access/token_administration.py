"""Use cases of the operator: issue, list and revoke initial access tokens and admin tokens."""

from __future__ import annotations

import json
import time

from dcrserver.repositories.admin_tokens import AdminTokenRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access import admin_tokens, initial_access_tokens
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.initial_access_tokens import NewInitialAccessToken
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind, utc
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant


class TokenAdministrationService:
    """Use case: administrators issue, list and revoke initial access tokens and admin tokens."""

    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def issue_initial_access_token(
        self, tenant: Tenant, wanted: NewInitialAccessToken, origin: Origin
    ) -> str:
        """The token, shown this once.

        Raises:
            Unavailable: it names a policy that is not configured.
        """
        tenant.terms_within(wanted.bounds)

        async def write(tx: Transaction) -> str:
            token, row = initial_access_tokens.issue(tx, tenant, wanted, origin.actor)
            audit.record(
                tx,
                EventType.INITIAL_ACCESS_TOKEN_ISSUED,
                tenant=tenant.name,
                origin=origin,
                subject=Subject(SubjectKind.INITIAL_ACCESS_TOKEN, row.id),
                changes={
                    "uses": wanted.uses,
                    "expires_at": row.expires_at,
                    "label": wanted.label,
                    "bounds": json.loads(row.bounds) if row.bounds else None,
                },
            )
            return token

        return await self._database.transact(write)

    async def initial_access_tokens(self, tenant: str) -> list[JsonObject]:
        """All that were ever issued, with what was registered by each."""
        rows = await self._lists.tokens.initial_access_tokens(tenant)
        uses = await self._lists.tokens.uses(tenant)
        return [
            {
                "kind": "initial",
                "id": row.id,
                "label": row.label,
                "issuer": row.issuer,
                "issued_at": utc(row.issued_at),
                "expires_at": utc(row.expires_at),
                "revoked_at": utc(row.revoked_at),
                "uses_left": row.uses_left,
                "bounds": json.loads(row.bounds) if row.bounds else None,
                "used": [
                    {
                        "client_id": use.client_id,
                        "at": utc(use.used_at),
                        "address": use.address,
                    }
                    for use in uses.get(row.id, ())
                ],
            }
            for row in rows
        ]

    async def issue_admin_token(self, tenant: str, wanted: NewAdminToken, origin: Origin) -> str:
        """The token, shown this once; ``tenant``: a name, or * for all."""

        async def write(tx: Transaction) -> str:
            return admin_tokens.issue(tx, tenant, wanted, origin)

        return await self._database.transact(write)

    async def admin_tokens(self, tenant: str) -> list[JsonObject]:
        """All that were ever issued for a tenant, without the tokens themselves."""
        rows = await self._lists.tokens.admin_tokens(tenant)
        return [
            {
                "kind": "admin",
                "id": row.id,
                "label": row.label,
                "issuer": row.issuer,
                "scopes": list[JsonValue](row.scopes.split()),
                "owner": row.owner,
                "audiences": _audiences(row),
                "issued_at": utc(row.issued_at),
                "expires_at": utc(row.expires_at),
                "revoked_at": utc(row.revoked_at),
            }
            for row in rows
        ]

    async def revoke_token(self, tenant: str, token_id: str, origin: Origin) -> str | None:
        """Ends an initial access token or an admin token, which is told; None without any."""
        now = int(time.time())

        async def write(tx: Transaction) -> str | None:
            if await tx.initial_access_tokens.revoke(tenant, token_id, now):
                event, kind = (
                    EventType.INITIAL_ACCESS_TOKEN_REVOKED,
                    SubjectKind.INITIAL_ACCESS_TOKEN,
                )
            elif await tx.admin_tokens.revoke(tenant, token_id, now):
                event, kind = EventType.ADMIN_TOKEN_REVOKED, SubjectKind.ADMIN_TOKEN
            else:
                return None
            subject = Subject(kind, token_id)
            audit.record(tx, event, tenant=tenant, origin=origin, subject=subject)
            return kind.value.replace("_", " ")

        return await self._database.transact(write)


def _audiences(row: AdminTokenRecord) -> JsonValue:
    made: JsonValue = json.loads(row.audiences) if row.audiences else None
    return made
