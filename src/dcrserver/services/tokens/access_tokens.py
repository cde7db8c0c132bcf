"""Step: access tokens of the built-in service, as JWTs (RFC 9068) or opaque."""

from __future__ import annotations

import json
import secrets
import time
from typing import Literal, TypeAlias

from dcrserver import jose, security
from dcrserver.batching import LoopBatcher
from dcrserver.repositories.access_tokens import AccessTokenRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services.authentication import replay
from dcrserver.services.tokens.signing_keys import SigningKey, SigningKeys
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant

TokenFormat: TypeAlias = Literal["jwt", "opaque"]

ACCESS_TOKEN_PREFIX = "at"  # noqa: S105 - a prefix
_JWT_TYPE = "at+jwt"
_REVOKED = "access_token"


class AccessTokens:
    """Step: issues access tokens and reads them back: JWTs (RFC 9068) or opaque ones."""

    def __init__(self, database: Database, keys: SigningKeys) -> None:
        self._database = database
        self._keys = keys
        self._signatures = LoopBatcher(_signed)

    async def issue(self, tenant: Tenant, claims: JsonObject, token_format: TokenFormat) -> str:
        """A token of ``claims``, which have exp; jti is added."""
        complete = claims | {"jti": secrets.token_urlsafe(16)}
        if token_format == "jwt":  # noqa: S105 - a name
            key = await self._keys.current(tenant.name)
            return await self._signatures.ask((key, complete))
        token = security.new_token(ACCESS_TOKEN_PREFIX)
        record = AccessTokenRecord(
            tenant=tenant.name,
            digest=security.token_digest(token),
            claims=dumps(complete),
            expires_at=int(str(complete["exp"])),
        )

        async def write(tx: Transaction) -> None:
            tx.access_tokens.add(record)

        await self._database.transact(write)
        return token

    async def read(self, tenant: Tenant, token: str) -> JsonObject | None:
        """The claims of a token that we issued for this tenant, unless expired or revoked."""
        if token.startswith(f"{ACCESS_TOKEN_PREFIX}_"):
            claims = await self._opaque(tenant, token)
        else:
            claims = await self._jwt(tenant, token)
        if claims is None or int(str(claims["exp"])) <= time.time():
            return None
        return claims

    async def revoke(self, tenant: Tenant, token: str, claims: JsonObject) -> None:
        """Ends ``token``, which was read as ``claims``."""
        if token.startswith(f"{ACCESS_TOKEN_PREFIX}_"):
            digest = security.token_digest(token)

            async def write(tx: Transaction) -> None:
                await tx.access_tokens.delete(tenant.name, digest)

            await self._database.transact(write)
            return
        expires_at = int(str(claims["exp"])) + 1
        await replay.spend(self._database, tenant.name, _REVOKED, str(claims["jti"]), expires_at)

    async def _opaque(self, tenant: Tenant, token: str) -> JsonObject | None:
        async with self._database.read() as tx:
            record = await tx.access_tokens.find(tenant.name, security.token_digest(token))
        made: JsonObject | None = json.loads(record.claims) if record else None
        return made

    async def _jwt(self, tenant: Tenant, token: str) -> JsonObject | None:
        try:
            jws = jose.parse(token)
        except jose.BadJws:
            return None
        # An assertion or an ID token is no access token (RFC 9068 4).
        if jws.header.get("typ") != _JWT_TYPE or jws.text("iss") != tenant.issuer:
            return None
        key = next((key for key in await self._keys.all(tenant.name) if key.kid == jws.kid), None)
        if key is None or not jose.verify(jws, key.public_jwk, key.algorithm):
            return None
        if await replay.is_spent(self._database, tenant.name, _REVOKED, jws.text("jti")):
            return None
        return jws.claims


def _signed(asked: tuple[SigningKey, JsonObject]) -> str:
    key, claims = asked
    return key.sign(claims, _JWT_TYPE)
