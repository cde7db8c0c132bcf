"""Step: is it the client that it says it is? One component for every endpoint that asks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from dcrserver import security
from dcrserver.errors import InvalidClient
from dcrserver.jose import Jws
from dcrserver.logger import Logger
from dcrserver.metadata import ClientMetadata, Terms
from dcrserver.metadata.certificates import (
    ClientCertificate,
    subject_matches,
)
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import UndecipherableError
from dcrserver.services.access.finding import ClientFinder, UnusableDocument
from dcrserver.services.access.stored_clients import terms_of
from dcrserver.services.authentication import assertions
from dcrserver.services.authentication.assertions import FAILED
from dcrserver.services.authentication.client_keys import ClientKeys
from dcrserver.services.authentication.guesses import Guesses
from dcrserver.services.authentication.last_uses import LastUses
from dcrserver.services.authentication.presented import (
    Presented,
    PresentedCredential,
    credential_of,
)
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.secrets.kept import ClientSecret, ClientSecrets, secrets_of
from dcrserver.services.secrets.verification import SecretVerifier
from dcrserver.strict_json import stored
from dcrserver.telemetry import Metrics
from dcrserver.tenants import Tenant

_log = Logger(__name__)

# The endpoints of the server behind whose URL an assertion may have as its audience (RFC 7523 3,
# RFC 9126 2, CIBA 7.1).
_ENDPOINTS = (
    "token_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "pushed_authorization_request_endpoint",
    "backchannel_authentication_endpoint",
    "device_authorization_endpoint",
)
_ASSERTING = frozenset({"private_key_jwt", "client_secret_jwt"})
_CERTIFYING = frozenset({"tls_client_auth", "self_signed_tls_client_auth"})
# Stands in for a client that is not there, so that it is not told by the time it takes.
_NOBODY = ClientRecord(
    tenant="",
    client_id="",
    metadata=json.dumps(
        {
            "redirect_uris": ["https://client.example.org/callback"],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "client_name": "nobody",
        }
    ),
    registration_access_token_digest="",
    issued_at=0,
    updated_at=0,
    version=0,
    client_secrets=ClientSecrets(
        (ClientSecret(id="0" * 16, digest="0" * 64, ciphertext=None, issued_at=0, expires_at=0),)
    ).to_json(),
)


class AuthenticatedClient(NamedTuple):
    """``metadata`` holds the client_id too; ``method`` is the registered one, which was used."""

    record: ClientRecord
    metadata: ClientMetadata
    method: str
    certificate: ClientCertificate | None = None

    @property
    def client_id(self) -> str:
        return self.record.client_id


class ClientAuthenticator:
    """Step: finds out which client asks, by whichever method it registered."""

    def __init__(  # noqa: PLR0913, PLR0917 - a step each
        self,
        database: Database,
        clients: ClientFinder,
        secrets: SecretIssuer,
        verifier: SecretVerifier,
        keys: ClientKeys,
        last_uses: LastUses,
        guesses: Guesses,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._clients = clients
        self._secrets = secrets
        self._verifier = verifier
        self._keys = keys
        self._last_uses = last_uses
        self._guesses = guesses
        self._other_audiences = metrics.other_audiences

    async def authenticate(self, tenant: Tenant, presented: Presented) -> AuthenticatedClient:
        """The client, by the one method that it is registered for.

        Raises:
            InvalidClient: it did not prove who it is; the same words and time for a client that
                is unknown, deleted or not active, and for a wrong secret.
            Unavailable: too many slow hashes are being verified.
            TooManyRequests: it failed too often from this address, and again. What nobody can
                guess is let in all the same: others at its address must not lock a client out.
        """
        credential = credential_of(presented)
        with self._guesses.attempt(
            tenant.name, credential.client_id, presented.address
        ) as may_guess:
            return await self._proven(tenant, presented, credential, may_guess=may_guess)

    async def _proven(
        self,
        tenant: Tenant,
        presented: Presented,
        credential: PresentedCredential,
        *,
        may_guess: bool,
    ) -> AuthenticatedClient:
        try:
            found = await self._clients.find(tenant, credential.client_id, presented.address)
        except UnusableDocument as error:
            raise InvalidClient(error.description, detail=error.detail) from None
        known = found is not None and found.is_usable
        record = found if found is not None and known else _NOBODY
        metadata = ClientMetadata(stored(record.metadata) | {"client_id": record.client_id})
        terms = terms_of(tenant, record)
        secret_id = ""
        if credential.form == "assertion":
            secret_id = await self._by_assertion(
                tenant, terms, presented, credential, record, metadata, may_guess=may_guess
            )
        elif credential.form == "identifier":
            await self._by_identifier(terms, presented, metadata)
        else:
            secret_id = await self._by_secret(credential, record, metadata, may_guess=may_guess)
        if not known:
            raise InvalidClient(FAILED)
        self._last_uses.note(tenant.name, record.client_id, secret_id)
        return AuthenticatedClient(record, metadata, metadata.auth_method, presented.certificate)

    async def _by_secret(
        self,
        credential: PresentedCredential,
        record: ClientRecord,
        metadata: ClientMetadata,
        *,
        may_guess: bool,
    ) -> str:
        if not may_guess and not security.looks_generated(credential.secret):
            raise InvalidClient(FAILED, detail="after too many failures")
        held = secrets_of(record).held
        kept = await self._verifier.matching(credential.secret, held, slowly=may_guess)
        if kept is None:
            raise InvalidClient(FAILED)
        # Whoever has the secret may be told more.
        if not kept.is_live():
            replaced = any(other.is_live() for other in held)
            raise InvalidClient(
                "the client_secret was replaced by a newer one"
                if replaced
                else "the client_secret has expired; an update of the registration issues a new one"
            )
        if metadata.auth_method != credential.form:
            raise InvalidClient(f"the client is registered for {metadata.auth_method}")
        await self._upgrade(credential.secret, kept, record, held)
        return kept.id

    async def _by_assertion(
        self,
        tenant: Tenant,
        terms: Terms,
        presented: Presented,
        credential: PresentedCredential,
        record: ClientRecord,
        metadata: ClientMetadata,
        *,
        may_guess: bool,
    ) -> str:
        jws = credential.assertion
        if jws is None or metadata.auth_method not in _ASSERTING:
            raise InvalidClient(FAILED, detail=f"registered for {metadata.auth_method}")
        if jws.algorithm not in assertions.allowed_algorithms(metadata, terms):
            raise InvalidClient(FAILED, detail="an algorithm that is not registered")
        secret_id = ""
        if metadata.auth_method == "client_secret_jwt":
            secret_id = self._signing_secret(jws, record, may_guess=may_guess)
        elif not await assertions.signed_by_key(jws, metadata, terms.policy, self._keys):
            raise InvalidClient(FAILED, detail="no registered key verifies the assertion")
        policy = terms.policy.authentication
        issuer = presented.issuer or tenant.issuer
        if not assertions.is_for_issuer(jws, issuer):
            self._other_audiences.inc()
            _log.info("assertion_for_another_audience", client_id=record.client_id)
        assertions.check_claims(jws, _audiences(tenant, presented), issuer, policy)
        await assertions.spend(jws, self._database, tenant.name, record.client_id, policy)
        return secret_id

    def _signing_secret(self, jws: Jws, record: ClientRecord, *, may_guess: bool) -> str:
        held = [secret for secret in secrets_of(record).held if secret.is_live()]
        try:
            kept = assertions.signed_by_secret(
                jws, record, held, self._secrets, guessable=may_guess
            )
        except UndecipherableError as error:
            detail = f"secrets.encryption_keys lacks the key {error}"
            raise InvalidClient(FAILED, detail=detail) from None
        if kept is None:
            raise InvalidClient(FAILED, detail="no secret verifies the assertion")
        return kept.id

    async def _by_identifier(
        self, terms: Terms, presented: Presented, metadata: ClientMetadata
    ) -> None:
        """A public client, or one whose certificate is on the connection (RFC 8705 2)."""
        if metadata.auth_method == "none":
            return
        if metadata.auth_method not in _CERTIFYING:
            raise InvalidClient(FAILED, detail=f"registered for {metadata.auth_method}")
        certificate = presented.certificate
        if certificate is None:
            raise InvalidClient(FAILED, detail="no client certificate")
        if not certificate.is_valid_now:
            raise InvalidClient(FAILED, detail="the client certificate is not valid now")
        if metadata.auth_method == "tls_client_auth":
            good = certificate.verified and subject_matches(certificate, metadata)
        else:
            keys = await self._keys.document(metadata, terms.policy)
            good = certificate.is_registered_in(keys)
        if not good:
            raise InvalidClient(FAILED, detail="the certificate is not the registered one")

    async def _upgrade(
        self, value: str, kept: ClientSecret, record: ClientRecord, held: Sequence[ClientSecret]
    ) -> None:
        """Keeps an imported secret by today's hash from now on; whoever writes first wins."""
        better = await self._verifier.upgraded(value, kept)
        if better is None:
            return
        secrets = ClientSecrets(tuple(better if each.id == kept.id else each for each in held))
        changed = record._replace(client_secrets=secrets.to_json(), version=record.version + 1)

        async def write(tx: Transaction) -> None:
            await tx.clients.replace(record, changed)

        await self._database.transact(write)


def _audiences(tenant: Tenant, presented: Presented) -> set[str]:
    """What the server that was called is called: issuers, and the URLs of the endpoints."""
    roots = {issuer.rstrip("/") for issuer in (tenant.issuer, presented.issuer or tenant.issuer)}
    urls = roots | {f"{root}/" for root in roots}
    urls.update(str(tenant.members[name]) for name in _ENDPOINTS if name in tenant.members)
    if presented.endpoint is not None:
        urls.add(presented.endpoint)
    return urls
