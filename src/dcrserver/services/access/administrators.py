"""Step: who an administrator or an authorization server is, by what they bring: an admin token of
ours, or an access token of an OpenID provider. The one place for both.
"""

from __future__ import annotations

from dcrserver.errors import InvalidAdminToken, InvalidToken, MissingToken
from dcrserver.repositories.transaction import Database
from dcrserver.services.access import actors, admin_tokens
from dcrserver.services.access.actors import Actor
from dcrserver.services.access.providers import Providers
from dcrserver.tenants import Tenant


class Administrators:
    """Turns a bearer token into an ``Actor``; for a JWT the database is not asked."""

    def __init__(self, database: Database, providers: Providers) -> None:
        self._database = database
        self._providers = providers

    def are_told_by(self, bearer: str) -> bool:
        """Whether ``bearer`` has a form of administrators' tokens, whatever it is worth."""
        return admin_tokens.has_prefix(bearer) or self._providers.may_read(bearer)

    async def find(self, tenant: str, bearer: str, beside: str | None = None) -> Actor:
        """Who is let in at ``tenant``.

        Those whose admin token is one of ``beside`` are told, too: they are known, if not here.

        Raises:
            InvalidAdminToken: nobody knows it, or its provider's rules refuse it.
            InsufficientScope: it is one, for other tenants, or names no owner.
            Unavailable: the keys of its provider cannot be read.
        """
        if self._providers.may_read(bearer) and not admin_tokens.has_prefix(bearer):
            actor = await self._by_provider(bearer, tenant)
        else:
            found = await admin_tokens.find(self._database, tenant, bearer, beside)
            actor = None if found is None else actors.of(found)
        if actor is None:
            raise InvalidAdminToken("the admin token is unknown or expired")
        return actor

    async def authorize(self, tenant: Tenant, bearer: str | None, scope: str) -> Actor:
        """Who may do what needs ``scope``.

        Raises:
            MissingToken: there is no token.
            InvalidAdminToken: unknown, expired, revoked or forged.
            InsufficientScope: it is for something else, or for other tenants.
            Unavailable: the keys of its provider cannot be read.
        """
        if bearer is None:
            raise MissingToken("an admin token is required")
        found = await self.find(tenant.name, bearer)
        found.require(scope)
        return found

    async def _by_provider(self, bearer: str, tenant: str) -> Actor | None:
        try:
            return await self._providers.actor(bearer, tenant)
        except InvalidToken as error:
            raise InvalidAdminToken(error.description) from None
