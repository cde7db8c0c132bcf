"""Step: who an administrator or an authorization server is, by what they bring: an admin token of
ours, or an access token of an OpenID provider. The one place for both.
"""

from __future__ import annotations

from dcrserver.errors import InvalidToken, MissingToken, UnknownToken
from dcrserver.limits import Limits, Stage, Subject
from dcrserver.rate_limit import RateLimiter
from dcrserver.repositories.transaction import Database
from dcrserver.security import token_digest
from dcrserver.services.access import actors, admin_tokens
from dcrserver.services.access.actors import Actor
from dcrserver.services.access.providers import Providers
from dcrserver.tenants import Tenant


class Administrators:
    """Turns a bearer token into an ``Actor``; for a JWT the database is not asked."""

    def __init__(
        self, database: Database, providers: Providers, limiter: RateLimiter, limits: Limits
    ) -> None:
        self._database = database
        self._providers = providers
        self._limiter = limiter
        self._limits = limits

    def are_told_by(self, bearer: str) -> bool:
        """Whether ``bearer`` has a form of administrators' tokens, whatever it is worth."""
        return admin_tokens.has_prefix(bearer) or self._providers.may_read(bearer)

    async def find(self, tenant: str, bearer: str, beside: str | None = None) -> Actor:
        """Who is let in at ``tenant``.

        Those whose admin token is one of ``beside`` are told, too: they are known, if not here.

        Raises:
            UnknownToken: nobody knows it, or its provider's rules refuse it.
            InsufficientScope: it is one, for other tenants, or names no owner.
            TooManyRequests: it asked enough for now.
            Unavailable: the keys of its provider cannot be read.
        """
        is_of_provider = self._providers.may_read(bearer) and not admin_tokens.has_prefix(bearer)
        if is_of_provider:
            actor = await self._by_provider(bearer, tenant)
        else:
            self._check_spent(bearer)
            found = await admin_tokens.find(self._database, tenant, bearer, beside)
            actor = None if found is None else actors.of(found)
        if actor is None:
            raise UnknownToken("the admin token is unknown or expired")
        if self._limits.at(Stage.ADMINISTRATION):
            # Tokens of a provider are many, and short-lived: its users are counted.
            who = str(actor) if is_of_provider else token_digest(bearer)
            self._limiter.attempt(Stage.ADMINISTRATION, self._limits, Subject("", token=who), [])
        return actor

    def _check_spent(self, bearer: str) -> None:
        """Before the database is asked whose token it is.

        Raises:
            TooManyRequests: it is known, and asked enough for now.
        """
        if self._limits.at(Stage.ADMINISTRATION):
            subject = Subject("", token=token_digest(bearer))
            self._limiter.check_spent(Stage.ADMINISTRATION, self._limits, subject, [])

    async def authorize(self, tenant: Tenant, bearer: str | None, scope: str) -> Actor:
        """Who may do what needs ``scope``.

        Raises:
            MissingToken: there is no token.
            UnknownToken: unknown, expired, revoked or forged.
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
            raise UnknownToken(error.description) from None
