"""Use case: an access token for a client that proves who it is (RFC 6749 4.4, RFC 9068)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dcrserver.errors import (
    InvalidDpopProof,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from dcrserver.metadata import ClientMetadata, uris
from dcrserver.metadata.capabilities import OWN_GRANT
from dcrserver.metadata.catalogue.extensions import (
    ACCESS_TOKEN_FORMAT,
    AUDIENCE,
    CLIENT_CREDENTIALS_LIFETIME,
)
from dcrserver.repositories.transaction import Database
from dcrserver.services.authentication import dpop
from dcrserver.services.authentication.authenticator import AuthenticatedClient, ClientAuthenticator
from dcrserver.services.authentication.presented import Presented
from dcrserver.services.tokens.access_tokens import AccessTokens, TokenFormat
from dcrserver.settings import TokenSettings
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant

# What * stands for: names of resource servers, and nothing that some reader would run.
_ANY_SCHEMES = frozenset({"https", "http", "urn"})


class TokenRequest(NamedTuple):
    """``fields`` of the form; ``resources`` as they were sent, there may be several (RFC 8707 2).

    ``proofs``: the values of the DPoP header.
    """

    presented: Presented
    fields: Mapping[str, str]
    resources: Sequence[str] = ()
    proofs: Sequence[str] = ()


class TokenGrantService:
    """Use case: a client gets an access token (RFC 6749 4.4)."""

    def __init__(
        self,
        database: Database,
        authenticator: ClientAuthenticator,
        tokens: AccessTokens,
        settings: TokenSettings,
    ) -> None:
        self._database = database
        self._authenticator = authenticator
        self._tokens = tokens
        self._settings = settings

    async def grant(self, tenant: Tenant, request: TokenRequest) -> JsonObject:
        """The access token response (RFC 6749 5.1).

        Raises:
            TokenError: RFC 6749 5.2, RFC 8707 2, RFC 9449 5.
        """
        client = await self._authenticator.authenticate(tenant, request.presented)
        _check_grant(client.metadata, request.fields.get("grant_type"))
        scope = _granted_scope(client.metadata, request.fields.get("scope"))
        audience = self._audience(tenant, client.metadata, request.resources)
        # Last, as it spends the proof.
        confirmation = await self._confirmation(tenant, client, request)
        now = int(time.time())
        lifetime = self._lifetime(client, now)
        claims: JsonObject = {  # RFC 9068 2.2
            "iss": tenant.issuer,
            "sub": client.client_id,
            "client_id": client.client_id,
            "aud": audience,
            "iat": now,
            "exp": now + lifetime,
        }
        claims |= {"scope": scope} if scope else {}
        claims |= {"cnf": confirmation} if confirmation else {}
        token = await self._tokens.issue(tenant, claims, self._format(client.metadata))
        made: JsonObject = {
            "access_token": token,
            "token_type": "DPoP" if "jkt" in confirmation else "Bearer",
            "expires_in": lifetime,
        }
        return made | {"scope": scope} if scope else made

    def _lifetime(self, client: AuthenticatedClient, now: int) -> int:
        """In seconds; no token outlives its client."""
        chosen = client.metadata.members.get(CLIENT_CREDENTIALS_LIFETIME)
        lifetime = chosen if isinstance(chosen, int) else self._settings.lifetime
        ends_at = client.record.expires_at
        return min(lifetime, max(1, ends_at - now)) if ends_at else lifetime

    def _format(self, client: ClientMetadata) -> TokenFormat:
        chosen = client.text(ACCESS_TOKEN_FORMAT) or self._settings.format
        return "opaque" if chosen == "opaque" else "jwt"

    def _audience(
        self, tenant: Tenant, client: ClientMetadata, resources: Sequence[str]
    ) -> JsonValue:
        """RFC 8707 2: the resources that are asked for, each one that we know of."""
        own = client.texts(AUDIENCE)
        for resource in resources:
            try:
                uri = uris.parse(resource)
            except uris.BadUri as error:
                raise InvalidTarget(f"resource {error}") from None
            if uri.fragment is not None or uri.userinfo:
                raise InvalidTarget("resource must have neither fragment nor user information")
            if resource in self._settings.resources or resource in own:
                continue
            if "*" not in self._settings.resources or uri.scheme not in _ANY_SCHEMES:
                raise InvalidTarget("tokens for this resource are not issued here")
        asked = list[JsonValue](dict.fromkeys(resources or own))
        if len(asked) > 1:
            return asked
        return asked[0] if asked else self._settings.audience or tenant.issuer

    async def _confirmation(
        self, tenant: Tenant, client: AuthenticatedClient, request: TokenRequest
    ) -> JsonObject:
        """What binds the token to keys of the client (RFC 7800 3); empty for a bearer token."""
        made: JsonObject = {}
        if client.metadata.members.get("tls_client_certificate_bound_access_tokens") is True:
            if client.certificate is None:
                raise InvalidRequest("tokens of this client are bound to a certificate: send one")
            made["x5t#S256"] = client.certificate.thumbprint
        if client.metadata.members.get("dpop_bound_access_tokens") is True and not request.proofs:
            raise InvalidDpopProof("tokens of this client are bound by DPoP: send a proof")
        url = f"{tenant.root}/token"
        jkt = await dpop.thumbprint_of(self._database, tenant, request.proofs, url)
        return made | ({"jkt": jkt} if jkt else {})


def _check_grant(client: ClientMetadata, grant_type: str | None) -> None:
    if not grant_type:
        raise InvalidRequest("grant_type is required")
    if grant_type != OWN_GRANT:
        raise UnsupportedGrantType(
            f"this token endpoint serves the grant type {OWN_GRANT} only; others need the"
            " token endpoint of an authorization server"
        )
    if client.auth_method == "none":  # RFC 6749 4.4
        raise UnauthorizedClient("client_credentials is for clients that can keep a secret")
    if OWN_GRANT not in client.texts("grant_types"):
        raise UnauthorizedClient(f"the client is not registered for {OWN_GRANT}")


def _granted_scope(client: ClientMetadata, requested: str | None) -> str:
    """All registered scopes, or the requested part of them (RFC 6749 3.3)."""
    registered = client.text("scope").split()
    if not requested:
        return " ".join(registered)
    wanted = requested.split(" ")
    if not set(wanted) <= set(registered):
        raise InvalidScope("scope must be part of what the client has registered")
    return " ".join(dict.fromkeys(wanted))
