"""Use cases: introspection (RFC 7662) and revocation (RFC 7009) of access tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dcrserver.errors import InvalidRequest, UnauthorizedClient
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.actors import Actor
from dcrserver.services.authentication.authenticator import ClientAuthenticator
from dcrserver.services.authentication.presented import Presented
from dcrserver.services.tokens.access_tokens import AccessTokens
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant

INTROSPECT = "tokens:introspect"
_TOLD = ("scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti", "cnf")
_INACTIVE: JsonObject = {"active": False}


class TokenStatusService:
    """Use case: introspection (RFC 7662) and revocation (RFC 7009) of access tokens."""

    def __init__(
        self, database: Database, authenticator: ClientAuthenticator, tokens: AccessTokens
    ) -> None:
        self._database = database
        self._authenticator = authenticator
        self._tokens = tokens

    async def introspect(
        self, tenant: Tenant, asks: Actor | Presented, fields: Mapping[str, str]
    ) -> JsonObject:
        """RFC 7662 2.2. A resource server asks as an actor with the scope ``tokens:introspect``;
        a client, by what it ``Presented``, about its own tokens.

        Raises:
            InsufficientScope: the actor may do something else.
            InvalidClient: the client did not authenticate.
            InvalidRequest: no token to look at.
        """
        own_of: str | None = None
        audiences: tuple[str, ...] = ()
        if isinstance(asks, Actor):
            asks.require(INTROSPECT)
            audiences = asks.audiences
        else:
            client = await self._authenticator.authenticate(tenant, asks)
            if client.method == "none":
                raise UnauthorizedClient("a public client may not look at tokens")
            own_of = client.client_id
        claims = await self._claims(tenant, fields)
        if claims is None or own_of not in {None, claims["client_id"]}:
            return _INACTIVE
        # RFC 7662 4: a resource server learns nothing of tokens for others.
        if audiences and not _is_for(claims["aud"], audiences):
            return _INACTIVE
        if not await self._stands_for_a_client(tenant, claims):
            return _INACTIVE
        bound = claims.get("cnf")
        token_type = "DPoP" if isinstance(bound, dict) and "jkt" in bound else "Bearer"
        told: JsonObject = {"active": True, "token_type": token_type}
        return told | {name: claims[name] for name in _TOLD if name in claims}

    async def revoke(self, tenant: Tenant, presented: Presented, fields: Mapping[str, str]) -> None:
        """RFC 7009 2.1: a client ends one of its tokens; one that is no token is ended already.

        Raises:
            InvalidClient: the client did not authenticate.
            InvalidRequest: no token.
            UnauthorizedClient: it is another client's.
        """
        client = await self._authenticator.authenticate(tenant, presented)
        claims = await self._claims(tenant, fields)
        if claims is None:
            return
        if claims["client_id"] != client.client_id:
            raise UnauthorizedClient("the token was issued to another client")
        await self._tokens.revoke(tenant, fields["token"], claims)

    async def _claims(self, tenant: Tenant, fields: Mapping[str, str]) -> JsonObject | None:
        token = fields.get("token")
        if not token:
            raise InvalidRequest("token is required")
        return await self._tokens.read(tenant, token)

    async def _stands_for_a_client(self, tenant: Tenant, claims: JsonObject) -> bool:
        """Whether its client is active, and has not been suspended since it was issued."""
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant.name, str(claims["client_id"]))
        if record is None or not record.is_usable:
            return False
        return int(str(claims["iat"])) > record.tokens_ended_at


def _is_for(audience: JsonValue, one_of: Sequence[str]) -> bool:
    return any(each in one_of for each in (audience if isinstance(audience, list) else [audience]))
