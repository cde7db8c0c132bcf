"""Step: the keys that sign access tokens, kept in the database and replaced on a schedule.

What a key is for follows from the ages of all of them: a new one is published for a while before
it signs, so that nobody's copy of the key set lacks it, and an old one is published until the last
token that it signed has expired.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from dcrserver import security, signing
from dcrserver.errors import Unavailable
from dcrserver.repositories.signing_keys import SigningKeyRecord
from dcrserver.repositories.transaction import Database, Transaction, Writer
from dcrserver.security import SealedIn, SecretBox, UndecipherableError
from dcrserver.services import audit
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.audit.actors import SYSTEM
from dcrserver.settings import MAX_TOKEN_LIFETIME, TokenSettings
from dcrserver.signing import PrivateKey
from dcrserver.strict_json import JsonObject

_PEM = "-----BEGIN"
# As long as others may keep a copy of the key set (Cache-Control of /jwks).
CACHED_SECONDS = 300
# Until each process has read a new key, and a margin for their clocks.
REMEMBERED_SECONDS = 30
_MARGIN_SECONDS = 30
# So long is told how old a key is that was needed; whoever needs no keys reads none.
_TOLD_SECONDS = 3600
# Nobody has a copy without it by then: the last process has published it for as long.
PUBLISHED_AHEAD = CACHED_SECONDS + REMEMBERED_SECONDS + _MARGIN_SECONDS
# From when a key has a successor until nothing that it signed is good any more: a process that read
# the keys just before signs with it for a while.
RETIRED_AFTER = PUBLISHED_AHEAD + REMEMBERED_SECONDS + MAX_TOKEN_LIFETIME
_SERVER = Origin(SYSTEM)

_MAKERS: Mapping[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs access tokens, as it is used; ``created_at`` in seconds since 1970."""

    kid: str
    algorithm: str
    private_key: PrivateKey
    created_at: int

    @property
    def public_jwk(self) -> JsonObject:
        """The public half, as the JWK Set publishes it (RFC 7517)."""
        made = signing.public_jwk(self.private_key.public_key())
        return made | {"kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, claims: JsonObject, token_type: str) -> str:
        """A compact JWS (RFC 7515 3.1)."""
        return signing.sign(claims, self.private_key, self.algorithm, self.kid, token_type)


class UnreadableKey(Unavailable):
    """A signing key in the database that no configured encryption key opens.

    Other servers may be able to, and sign with it: no key is made in its place.
    """


class StoredKey(NamedTuple):
    """A key as it lies in the database; ``key``: None where it cannot be read."""

    row: SigningKeyRecord
    key: SigningKey | None


KeyCheck: TypeAlias = Callable[[Sequence[StoredKey]], None]


class _Remembered(NamedTuple):
    """Keys as they were read, and which of them signs, until a moment of the monotonic clock."""

    until: float
    keys: Sequence[SigningKey]
    signing: SigningKey | None


class SigningKeys:
    """Reads and makes keys; instances that start at once may make one each: all are published."""

    def __init__(self, database: Database, box: SecretBox, settings: TokenSettings) -> None:
        self._database = database
        self._box = box
        self._settings = settings
        self._remembered: dict[str, _Remembered] = {}

    async def current(self, tenant: str) -> SigningKey:
        """The key that signs, made at first need."""
        found = (await self._read(tenant)).signing
        if found is None:
            await self.create(tenant, _SERVER)
            found = (await self._read(tenant)).signing
        assert found is not None  # noqa: S101 - it was just made
        return found

    async def all(self, tenant: str) -> Sequence[SigningKey]:
        """All that are published, oldest first; others may have made some a moment ago."""
        return (await self._read(tenant)).keys

    def ages(self) -> dict[str, float]:
        """Seconds since the key that signs was made, by tenant, where this process needed it."""
        needed_since = time.monotonic() + REMEMBERED_SECONDS - _TOLD_SECONDS
        return {
            tenant: time.time() - known.signing.created_at
            for tenant, known in self._remembered.items()
            if known.signing is not None and known.until > needed_since
        }

    async def stored(self, tenant: str) -> Sequence[StoredKey]:
        """Also those that cannot be read, oldest first."""
        async with self._database.read() as tx:
            rows = await tx.signing_keys.all(tenant)
        return self._opened(rows)

    def _opened(self, rows: Sequence[SigningKeyRecord]) -> Sequence[StoredKey]:
        return [StoredKey(row, self._readable(row)) for row in rows]

    async def discard(
        self, tenant: str, kid: str, origin: Origin, check: KeyCheck | None = None
    ) -> bool:
        """Ends a key at once, with all tokens that it signed; False if there is none.

        ``check``: raises if that must not be, of the tenant's keys as they are when it ends.
        """
        event = EventType.SIGNING_KEY_DISCARDED
        return await self._delete(self._database, tenant, kid, event, origin, check)

    async def _read(self, tenant: str) -> _Remembered:
        known = self._remembered.get(tenant)
        if known is None or not known.keys or known.until < time.monotonic():
            async with self._database.read() as tx:
                rows = await tx.signing_keys.all(tenant)
            keys = [self._loaded(row) for row in rows]
            until = time.monotonic() + REMEMBERED_SECONDS
            known = self._remembered[tenant] = _Remembered(until, keys, self.signing_among(keys))
        return known

    async def not_ready_reason(self, tenants: Collection[str]) -> str | None:
        """Why we must neither sign for ``tenants`` nor publish their keys; None if we may.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.read() as tx:
            rows = await tx.signing_keys.of_all_tenants()
        for row in rows:
            try:
                if row.tenant in tenants:
                    self._pem(row)
            except UndecipherableError:
                return f"signing key {row.kid} of tenant {row.tenant} cannot be read"
        return None

    async def due(self) -> set[str]:
        """Tenants for whose keys there may be something to do; nothing is read of the others.

        Raises:
            Unavailable: the database does not answer.
        """
        made_until = int(time.time()) - self._settings.key_lifetime
        async with self._database.read() as tx:
            return await tx.signing_keys.aging(made_until)

    async def rotate(self, tenant: str, writer: Writer) -> None:
        """What the schedule says: a new key when the newest is old, and old ones go.

        Nothing for a tenant whose first key has not been needed yet.

        Raises:
            UnreadableKey: one of them cannot be read.
        """
        self._remembered.pop(tenant, None)
        keys = await self.all(tenant)
        if not keys:
            return
        now = time.time()
        if keys[-1].created_at + self._settings.key_lifetime <= now:
            await self._create(writer, tenant, _SERVER)
        # Oldest first, so the one after a key is what took over from it.
        for key, successor in itertools.pairwise(keys):
            if successor.created_at + RETIRED_AFTER < now:
                await self._delete(writer, tenant, key.kid, EventType.SIGNING_KEY_RETIRED, _SERVER)

    async def create(self, tenant: str, origin: Origin) -> str:
        """A new key, which signs in ``PUBLISHED_AHEAD`` seconds, or at once if it is the only one.

        Its kid.

        Raises:
            UnreadableKey: one that is there cannot be read: whoever can would sign with ours.
        """
        return await self._create(self._database, tenant, origin)

    async def _create(self, writer: Writer, tenant: str, origin: Origin) -> str:
        await self._read(tenant)
        kid, algorithm = security.new_client_id(), self._settings.signing_algorithm
        pem = (
            _MAKERS[algorithm]()
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            .decode()
        )
        row = SigningKeyRecord(
            tenant=tenant,
            kid=kid,
            algorithm=algorithm,
            private_key=self._box.encrypt(pem, place_of(tenant, kid))
            if self._box.can_encrypt
            else pem,
            created_at=int(time.time()),
        )

        async def write(tx: Transaction) -> None:
            tx.signing_keys.add(row)
            audit.record(
                tx,
                EventType.SIGNING_KEY_CREATED,
                tenant=tenant,
                origin=origin,
                subject=Subject(SubjectKind.SIGNING_KEY, kid),
                changes={"algorithm": algorithm},
            )

        await writer.transact(write)
        self._remembered.pop(tenant, None)
        return kid

    def signing_among(self, keys: Sequence[SigningKey]) -> SigningKey | None:
        """The newest that has been published long enough; without one, the oldest."""
        fitting = [key for key in keys if key.algorithm == self._settings.signing_algorithm]
        published = [key for key in fitting if key.created_at + PUBLISHED_AHEAD <= time.time()]
        if published:
            return published[-1]
        return fitting[0] if fitting else None

    async def _delete(
        self,
        writer: Writer,
        tenant: str,
        kid: str,
        event: EventType,
        origin: Origin,
        check: KeyCheck | None = None,
    ) -> bool:
        async def write(tx: Transaction) -> bool:
            if check is not None:
                check(self._opened(await tx.signing_keys.held(tenant)))
            is_there = await tx.signing_keys.delete(tenant, kid)
            if is_there:
                subject = Subject(SubjectKind.SIGNING_KEY, kid)
                audit.record(tx, event, tenant=tenant, origin=origin, subject=subject)
            return is_there

        is_deleted = await writer.transact(write)
        self._remembered.pop(tenant, None)
        return is_deleted

    def _pem(self, row: SigningKeyRecord) -> str:
        """
        Raises:
            UndecipherableError: the key that encrypted it is not configured.
        """
        pem = row.private_key
        if pem.startswith(_PEM):
            return pem
        return self._box.decrypt(pem, place_of(row.tenant, row.kid))

    def _loaded(self, row: SigningKeyRecord) -> SigningKey:
        """
        Raises:
            UnreadableKey: the key that encrypted it is not configured, or it is damaged.
        """
        try:
            key = serialization.load_pem_private_key(self._pem(row).encode(), password=None)
        except (UndecipherableError, ValueError):
            raise UnreadableKey(
                "the server cannot sign; try again later",
                detail=f"secrets.encryption_keys: no key opens signing key {row.kid}"
                f" of tenant {row.tenant}",
            ) from None
        if not isinstance(key, PrivateKey):
            raise TypeError(f"signing key {row.kid} is of a kind that was never made here")
        return SigningKey(row.kid, row.algorithm, key, row.created_at)

    def _readable(self, row: SigningKeyRecord) -> SigningKey | None:
        try:
            return self._loaded(row)
        except UnreadableKey:
            return None


def place_of(tenant: str, kid: str) -> SealedIn:
    """Where an encrypted private key belongs."""
    return SealedIn(tenant, "signing_key", kid)
