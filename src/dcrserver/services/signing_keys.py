"""Step: the keys that sign access tokens, kept in the database."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jwt
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from dcrserver import security
from dcrserver.repositories.signing_keys import SigningKeyRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import SecretBox, UndecipherableError
from dcrserver.services import audit
from dcrserver.services.audit import EventType, Origin
from dcrserver.strict_json import JsonObject

_log = structlog.get_logger(__name__)

_ALGORITHM = "ES256"
_PEM = "-----BEGIN"


@dataclass(frozen=True, slots=True)
class SigningKey:
    kid: str
    algorithm: str
    private_key: ec.EllipticCurvePrivateKey

    @property
    def public_jwk(self) -> JsonObject:
        made: JsonObject = ECAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True)
        return made | {"kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, claims: JsonObject, token_type: str) -> str:
        headers = {"kid": self.kid, "typ": token_type}
        return jwt.encode(claims, self.private_key, algorithm=self.algorithm, headers=headers)


class SigningKeys:
    """Reads and makes keys; instances that start at once may make one each: all are published."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box
        self._current: dict[str, SigningKey] = {}

    async def current(self, tenant: str) -> SigningKey:
        """The key that signs, made at first need."""
        if tenant not in self._current:
            keys = await self.all(tenant)
            if not keys:
                await self._create(tenant)
                keys = await self.all(tenant)
            self._current[tenant] = keys[0]
        return self._current[tenant]

    async def all(self, tenant: str) -> list[SigningKey]:
        async with self._database.read() as tx:
            rows = await tx.signing_keys.all(tenant)
        return [key for key in map(self._loaded, rows) if key is not None]

    def _loaded(self, row: SigningKeyRecord) -> SigningKey | None:
        """None where the key that encrypted it is no longer configured: another takes its place."""
        pem = row.private_key
        if not pem.startswith(_PEM):
            try:
                pem = self._box.decrypt(pem, row.kid)
            except UndecipherableError:
                _log.error("signing_key_unreadable", kid=row.kid, tenant=row.tenant)
                return None
        key = serialization.load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"signing key {row.kid} is not an EC key")
        return SigningKey(row.kid, row.algorithm, key)

    async def _create(self, tenant: str) -> None:
        kid = security.new_client_id()
        pem = (
            ec.generate_private_key(ec.SECP256R1())
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
            algorithm=_ALGORITHM,
            private_key=self._box.encrypt(pem, kid) if self._box.is_open else pem,
            created_at=int(time.time()),
        )

        async def write(tx: Transaction) -> None:
            tx.signing_keys.add(row)
            audit.record(
                tx,
                EventType.SIGNING_KEY_CREATED,
                tenant=tenant,
                origin=Origin("server"),
                changes={"kid": kid, "algorithm": _ALGORITHM},
            )

        await self._database.transact(write)
