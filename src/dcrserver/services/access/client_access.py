"""Step: who may manage a client: whoever has its registration access token (RFC 7592), and
administrators with the scope for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from dcrserver.errors import InvalidToken, MissingToken, NotItsOwn
from dcrserver.metadata import Terms
from dcrserver.metadata.certificates import ClientCertificate
from dcrserver.names import ClientStatus
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import token_digest
from dcrserver.services.access.actors import Actor, ActorKind
from dcrserver.services.access.administrators import Administrators
from dcrserver.services.access.registration_access_tokens import is_token_of
from dcrserver.services.access.stored_clients import seen_by, terms_for, terms_of
from dcrserver.tenants import Tenant

_READ = "clients:read"
_CLIENT = ActorKind.CLIENT
_DECIDED = frozenset({ClientStatus.REJECTED.word, ClientStatus.EXPIRED.word})


class ClientPermit(NamedTuple):
    """Permission to manage a client: ``token`` was presented, and is one of ``record``'s, or else
    ``actor`` is an administrator. ``digest``: of the token.
    ``certificate``: of the connection, where the policy wants one.
    """

    tenant: Tenant
    record: ClientRecord
    token: str
    actor: Actor
    digest: str = ""
    certificate: ClientCertificate | None = None

    @property
    def terms(self) -> Terms:
        """What the client is judged by, when ``actor`` changes it.

        Raises:
            Unavailable: the policy of its birth is no longer configured.
        """
        terms = terms_of(self.tenant, self.record)
        return terms if self.actor.kind is _CLIENT else terms_for(self.actor, terms)

    @property
    def is_own(self) -> bool:
        """Whether the client itself asks."""
        return self.actor.kind is _CLIENT


class ClientAccess:
    """Checks registration access tokens, and counts their first use, which ends the token before.

    An unknown client, a deleted one, a suspended one and a wrong token look the same (RFC 7592
    2.1). Administrators, who are known before the client is looked for, are told that there is
    none (404): a new token would not help them. Which it is the token itself tells.
    """

    def __init__(self, database: Database, administrators: Administrators) -> None:
        self._database = database
        self._administrators = administrators

    async def by_current_token(
        self, tenant: Tenant, client_id: str, bearer: str | None, scope: str
    ) -> ClientPermit:
        """The permit of whoever presents the client's current token, which is not used yet, or an
        admin token with ``scope``.

        Raises:
            BearerError: no token, or not the current one of this client, nor good for ``scope``.
            NotItsOwn: it was rejected, or told to others, and its client does not only read.
            NotFound: an administrator asks for a client that is not there, or another owner's.
        """
        permit, is_current = await self._presented(tenant, client_id, bearer, scope)
        if not is_current:
            raise _invalid()
        return permit

    async def by_either_token(
        self, tenant: Tenant, client_id: str, bearer: str | None, scope: str
    ) -> ClientPermit:
        """Also by the token before the current one, while its grace lasts.

        Raises:
            BearerError: no token, or not one of this client, nor good for ``scope``.
            NotFound, NotItsOwn: as ``by_current_token``.
        """
        permit, _ = await self._presented(tenant, client_id, bearer, scope)
        return permit

    async def by_administrator(self, tenant: Tenant, client_id: str, actor: Actor) -> ClientPermit:
        """The permit of an ``actor`` who was let in by a scope.

        Raises:
            NotFound: as ``by_current_token``.
        """
        record = seen_by(actor, await self._found(tenant, client_id))
        return ClientPermit(tenant, record, "", actor)

    async def again(self, permit: ClientPermit) -> ClientRecord:
        """The client as it is stored by now.

        Raises:
            BearerError: its current token is no longer the one that was presented.
            NotItsOwn: it was rejected meanwhile, or told to others.
            NotFound: an administrator asks, and it is gone.
        """
        record = await self._found(permit.tenant, permit.record.client_id)
        if not permit.is_own:
            return seen_by(permit.actor, record)
        if record is None or not is_token_of(record, permit.digest)[0]:
            raise _invalid()
        _check_may_change(record)
        return record

    async def first_use(self, permit: ClientPermit) -> ClientPermit:
        """Ends the token before if the current one was presented, for the first time."""
        record = permit.record
        if not record.previous_registration_access_token_digest:
            return permit
        if not is_token_of(record, permit.digest)[0]:
            return permit

        async def write(tx: Transaction) -> None:
            await tx.clients.end_grace(record)

        await self._database.transact(write)
        ended = record._replace(previous_registration_access_token_digest=None)
        return permit._replace(record=ended)

    @asynccontextmanager
    async def using(self, permit: ClientPermit) -> AsyncIterator[None]:
        """Around a change that ends the token before by its own write.

        Where it is refused, or the caller leaves while it sends, the token was used all the same.
        """
        try:
            yield
        except Exception:
            await self.first_use(permit)
            raise

    async def _presented(
        self, tenant: Tenant, client_id: str, bearer: str | None, scope: str
    ) -> tuple[ClientPermit, bool]:
        """The permit, and whether it is by the current token, or an administrator's.

        The client's own comes first, whatever it looks like: one that was imported may be a JWT,
        and must not need the provider of administrators who have such.
        """
        if bearer is None:
            raise MissingToken("the registration access token is required")
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant.name, client_id)
        digest = token_digest(bearer)
        current, previous = is_token_of(record, digest)
        if record is not None and (current or previous):
            if scope != _READ:
                _check_may_change(record)
            actor = Actor(_CLIENT, client_id, tenant.name)
            return ClientPermit(tenant, record, bearer, actor, digest), current
        if not self._administrators.are_told_by(bearer):
            raise _invalid()
        actor = await self._administrators.authorize(tenant, bearer, scope)
        return ClientPermit(tenant, seen_by(actor, record), "", actor), True

    async def _found(self, tenant: Tenant, client_id: str) -> ClientRecord | None:
        async with self._database.read() as tx:
            return await tx.clients.find(tenant.name, client_id)


def _check_may_change(record: ClientRecord) -> None:
    """
    Raises:
        NotItsOwn: the client itself changes nothing of it any more.
    """
    if record.shared_at:
        raise NotItsOwn("others were told this client_id; ask an administrator")
    if record.approval in _DECIDED:
        raise NotItsOwn("the registration was not approved; register anew")


def _invalid() -> InvalidToken:
    return InvalidToken("the registration access token is not valid for this client")
