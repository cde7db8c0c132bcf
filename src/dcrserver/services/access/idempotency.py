"""Step: what is asked for twice with one Idempotency-Key is done once, and answered alike.

The answer is written in the transaction of what it tells of, so neither a crash nor another
instance comes between: of two that ask at once one does it, and the other is told the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from dcrserver.errors import AlreadyExists, KeyReused, ProtocolError
from dcrserver.repositories.idempotency_keys import IdempotencyKeyRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.security import SealedIn, SecretBox, UndecipherableError, token_digest
from dcrserver.services.audit.actors import Actor
from dcrserver.strict_json import JsonObject, dumps

# So long an answer is kept.
LIFETIME = 86400

Keep: TypeAlias = Callable[[Transaction, JsonObject], None]


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What a caller sent, and the digest of the ``request`` that it sent it with."""

    key: str
    request: str

    def with_body(self, digest: str) -> IdempotencyKey:
        """The same, when the rest of the request was read as well."""
        whole = hashlib.sha256(f"{self.request} {digest}".encode()).hexdigest()
        return IdempotencyKey(self.key, whole)


class IdempotentRequests:
    """Keeps answers for a day, encrypted: under the configured keys, or else under what follows
    from the Idempotency-Key, which the database does not hold.
    """

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    async def once(
        self,
        tenant: str,
        actor: Actor,
        key: IdempotencyKey | None,
        work: Callable[[Keep], Awaitable[JsonObject]],
    ) -> JsonObject:
        """What ``work`` makes, or made before; it keeps its result in its own transaction.

        Raises:
            KeyReused: the key belongs to another request.
            AlreadyExists: it was done, and what was answered cannot be read any more.
        """
        if key is None:
            return await work(forget)
        digest = token_digest(f"{actor.kind.value} {actor.id} {key.key}")
        if (found := await self._answer(tenant, digest, key)) is not None:
            return found

        def keep(tx: Transaction, result: JsonObject) -> None:
            answer = self._box_for(key).encrypt(dumps(result), _place(tenant, digest))
            expires_at = int(time.time()) + LIFETIME
            record = IdempotencyKeyRecord(tenant, digest, key.request, answer, expires_at)
            tx.idempotency_keys.add(record)

        try:
            return await work(keep)
        # Perhaps what is in its way was made, or used up, by the same request at the same time.
        except (AlreadyThere, ProtocolError):
            if (found := await self._answer(tenant, digest, key)) is not None:
                return found
            raise

    async def _answer(self, tenant: str, digest: str, key: IdempotencyKey) -> JsonObject | None:
        async with self._database.read() as tx:
            found = await tx.idempotency_keys.find(tenant, digest)
        if found is None:
            return None
        now = int(time.time())
        if found.expires_at <= now:
            await self._database.transact(
                lambda tx: tx.idempotency_keys.forget(tenant, digest, now)
            )
            return None
        if found.request_digest != key.request:
            raise KeyReused("the Idempotency-Key was used for another request")
        try:
            text = self._box_for(key).decrypt(found.answer, _place(tenant, digest))
        except UndecipherableError:
            raise AlreadyExists("this was done before; its answer cannot be told again") from None
        made: JsonObject = json.loads(text)
        return made

    def _box_for(self, key: IdempotencyKey) -> SecretBox:
        if self._box.can_encrypt:
            return self._box
        own = hashlib.sha256(f"idempotency key {key.key}".encode()).digest()
        return SecretBox([base64.b64encode(own).decode()])


def _place(tenant: str, digest: str) -> SealedIn:
    return SealedIn(tenant, "idempotency_key", digest)


def forget(_: Transaction, __: JsonObject) -> None:
    """Keeps nothing: without a key nobody asks again."""
