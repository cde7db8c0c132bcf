"""Use case: an access token for a client that proves who it is (RFC 6749 4.4, RFC 9068)."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dcrserver import security
from dcrserver.errors import (
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from dcrserver.metadata import ClientMetadata
from dcrserver.repositories.transaction import Database
from dcrserver.services.credentials import secret_of
from dcrserver.services.signing_keys import SigningKeys
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

GRANT_TYPE = "client_credentials"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a client authenticated itself; ``secret`` empty for a public client."""

    method: Literal["client_secret_basic", "client_secret_post", "none"]
    client_id: str
    secret: str


class TokenGrantService:
    """``lifetime`` of the tokens in seconds; ``audience`` None: the issuer."""

    def __init__(
        self,
        database: Database,
        keys: SigningKeys,
        *,
        lifetime: int,
        audience: str | None,
    ) -> None:
        self._database = database
        self._keys = keys
        self._lifetime = lifetime
        self._audience = audience

    async def grant(
        self, tenant: Tenant, credentials: Credentials | None, form: Mapping[str, str]
    ) -> JsonObject:
        """The access token response (RFC 6749 5.1).

        Raises:
            TokenError: RFC 6749 5.2.
        """
        client = await self._authenticate(tenant, credentials)
        grant_type = form.get("grant_type")
        if not grant_type:
            raise InvalidRequest("grant_type is required")
        if grant_type != GRANT_TYPE:
            raise UnsupportedGrantType(f"this server only knows the grant type {GRANT_TYPE}")
        if GRANT_TYPE not in client.texts("grant_types"):
            raise UnauthorizedClient(f"the client is not registered for {GRANT_TYPE}")
        scope = _granted_scope(client, form.get("scope"))
        key = await self._keys.current(tenant.name)
        client_id = client.text("client_id")
        made: JsonObject = {
            "access_token": key.sign(self._claims(tenant, client_id, scope), "at+jwt"),
            "token_type": "Bearer",
            "expires_in": self._lifetime,
        }
        return made | {"scope": scope} if scope else made

    def _claims(self, tenant: Tenant, client_id: str, scope: str) -> JsonObject:
        """RFC 9068 2.2."""
        now = int(time.time())
        claims: JsonObject = {
            "iss": tenant.issuer,
            "sub": client_id,
            "client_id": client_id,
            "aud": self._audience or tenant.issuer,
            "iat": now,
            "exp": now + self._lifetime,
            "jti": secrets.token_urlsafe(16),
        }
        return claims | {"scope": scope} if scope else claims

    async def _authenticate(
        self, tenant: Tenant, credentials: Credentials | None
    ) -> ClientMetadata:
        """The client's metadata with its client_id; only by the method it is registered for."""
        if credentials is None:
            raise InvalidClient("client authentication is required")
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant.name, credentials.client_id)
        secret = secret_of(record) if record else None
        matches = security.same_secret(credentials.secret, secret.digest if secret else None)
        if not matches or record is None or secret is None:
            raise InvalidClient("client authentication failed")
        if secret.is_expired:
            raise InvalidClient("the client_secret has expired; an update issues a new one")
        metadata = ClientMetadata(json.loads(record.metadata) | {"client_id": record.client_id})
        if metadata.auth_method != credentials.method:
            raise InvalidClient(f"the client is registered for {metadata.auth_method}")
        return metadata


def _granted_scope(client: ClientMetadata, requested: str | None) -> str:
    """All registered scopes, or the requested part of them (RFC 6749 3.3)."""
    registered = client.text("scope").split()
    if not requested:
        return " ".join(registered)
    wanted = requested.split(" ")
    if not set(wanted) <= set(registered):
        raise InvalidScope("scope must be part of what the client has registered")
    return " ".join(dict.fromkeys(wanted))
