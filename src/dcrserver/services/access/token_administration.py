"""Use cases of the operator: issue and revoke initial access tokens and admin tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from dcrserver.errors import NotFound
from dcrserver.repositories.admin_tokens import AdminTokenRecord
from dcrserver.repositories.initial_access_tokens import InitialAccessTokenRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access import admin_tokens, giving, initial_access_tokens
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.idempotency import IdempotencyKey, IdempotentRequests, Keep
from dcrserver.services.access.initial_access_tokens import NewInitialAccessToken
from dcrserver.services.access.token_views import token_view
from dcrserver.services.access.versions import ANY, Expected
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant


class Issued(NamedTuple):
    """A new token, shown this once, and its id."""

    token: str
    id: str


class TokenAdministrationService:
    """Use case: administrators issue and revoke initial access tokens and admin tokens."""

    def __init__(self, database: Database, requests: IdempotentRequests) -> None:
        self._database = database
        self._requests = requests

    async def issue_initial_access_token(
        self, tenant: Tenant, wanted: NewInitialAccessToken, origin: Origin
    ) -> str:
        """The token alone; see ``issue_initial``."""
        return (await self.issue_initial(tenant, wanted, origin)).token

    async def issue_initial(
        self,
        tenant: Tenant,
        wanted: NewInitialAccessToken,
        origin: Origin,
        key: IdempotencyKey | None = None,
    ) -> Issued:
        """A new initial access token.

        Raises:
            Unavailable: it names a policy that is not configured.
            Forbidden: it would be good for longer than whoever issues it.
            KeyReused: ``key`` belongs to another request.
        """
        tenant.terms_within(wanted.bounds)

        async def write(tx: Transaction) -> Issued:
            token, row = await initial_access_tokens.issue(tx, tenant, wanted, origin.actor)
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
            return Issued(token, row.id)

        return await self._issue(tenant.name, origin, key, write)

    async def _issue(
        self,
        tenant: str,
        origin: Origin,
        key: IdempotencyKey | None,
        write: Callable[[Transaction], Awaitable[Issued]],
    ) -> Issued:
        async def work(keep: Keep) -> JsonObject:
            async def issue(tx: Transaction) -> JsonObject:
                made: JsonObject = (await write(tx))._asdict()
                keep(tx, made)
                return made

            return await self._database.transact(issue)

        made = await self._requests.once(tenant, origin.actor, key, work)
        return Issued(str(made["token"]), str(made["id"]))

    async def issue_admin_token(self, tenant: str, wanted: NewAdminToken, origin: Origin) -> str:
        """The token alone; see ``issue_admin``."""
        return (await self.issue_admin(tenant, wanted, origin)).token

    async def issue_admin(
        self,
        tenant: str,
        wanted: NewAdminToken,
        origin: Origin,
        key: IdempotencyKey | None = None,
    ) -> Issued:
        """A new admin token; ``tenant``: a name, or * for all. Nobody gives more than they have.

        Raises:
            Forbidden: it would be good for more than whoever issues it, or for longer.
            KeyReused: ``key`` belongs to another request.
        """
        giving.check(origin.actor, tenant, wanted)

        async def write(tx: Transaction) -> Issued:
            token, row = admin_tokens.issue(tx, tenant, wanted, origin)
            return Issued(token, row.id)

        return await self._issue(tenant, origin, key, write)

    async def revoke(
        self,
        kind: SubjectKind,
        tenant: str,
        token_id: str,
        origin: Origin,
        expected: Expected = ANY,
    ) -> None:
        """Ends a token of this kind; it stays visible.

        Raises:
            NotFound: there is none, or it was revoked before.
            PreconditionFailed: it is not what was ``expected``.
        """
        now = int(time.time())
        is_admin = kind is SubjectKind.ADMIN_TOKEN
        event = (
            EventType.ADMIN_TOKEN_REVOKED if is_admin else EventType.INITIAL_ACCESS_TOKEN_REVOKED
        )

        async def write(tx: Transaction) -> None:
            tokens = tx.admin_tokens if is_admin else tx.initial_access_tokens
            is_revoked = await tokens.revoke(tenant, token_id, now)
            if expected is not ANY:  # nobody changes it from now on; what it was is seen
                _check(expected, await tokens.named(tenant, token_id), is_revoked=is_revoked)
            if not is_revoked:
                raise NotFound("there is no such token, or it is revoked already")
            subject = Subject(kind, token_id)
            audit.record(tx, event, tenant=tenant, origin=origin, subject=subject)

        await self._database.transact(write)


def _check(
    expected: Expected,
    found: AdminTokenRecord | InitialAccessTokenRecord | None,
    *,
    is_revoked: bool,
) -> None:
    """``is_revoked``: by this transaction, which is undone if it was not what was ``expected``.

    Raises:
        PreconditionFailed: it was not.
    """
    if found is not None:
        expected.check(token_view(found._replace(revoked_at=0) if is_revoked else found).etag)
