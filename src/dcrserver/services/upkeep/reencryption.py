"""Use case: everything that is encrypted at rest comes under the first key, in today's form."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from dcrserver.errors import NotFound
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import SealedIn, SecretBox, UndecipherableError
from dcrserver.services.access.stored_clients import changing, find_client
from dcrserver.services.secrets.kept import ClientSecrets, place_of, secrets_of
from dcrserver.services.secrets.sealing import Sealing
from dcrserver.services.tokens import signing_keys


@dataclass(slots=True)
class Reencrypted:
    """What was done: client secrets, what waits for targets or is remembered of them, and signing
    keys rewritten, and what no key opens.
    """

    client_secrets: int = 0
    client_links: int = 0
    signing_keys: int = 0
    unreadable: int = 0


class ReencryptionService:
    """Use case: encrypts everything anew; safe to stop and to run again beside the server."""

    def __init__(self, database: Database, lists: Lists, box: SecretBox) -> None:
        self._database = database
        self._lists = lists
        self._box = box
        self._sealing = Sealing(box, lambda _: True)

    async def count(self) -> int:
        """The clients that ``run`` will look at."""
        return await self._lists.clients.total(None)

    async def run(self, progress: Callable[[int], None]) -> Reencrypted:
        """Encrypts all under the first key; ``progress`` is told how many clients were seen.

        Raises:
            Unavailable: the database does not answer, or a client is changed all the time.
        """
        done = Reencrypted()
        await self._signing_keys(done)
        await self._links(done)
        async for page in self._lists.clients.every(None):
            for record in page:
                await self._client(record, done)
            progress(len(page))
        return done

    async def _links(self, done: Reencrypted) -> None:
        link: ClientLinkRecord | None = None
        while True:
            async with self._database.read() as tx:
                found = await tx.client_links.sealed(link)
            for link in found:
                await self._link(link, done)
            if not found:
                return

    async def _link(self, link: ClientLinkRecord, done: Reencrypted) -> None:
        if all(self._sealing.is_current(each) for each in (link.sealed_secret, link.kept)):
            return
        try:
            sealed = self._sealing.renewed(link.tenant, link.client_id, link.sealed_secret)
            kept = self._sealing.renewed_kept(link.tenant, link.client_id, link.kept)
        except UndecipherableError:
            done.unreadable += 1
            return
        is_written = await self._database.transact(
            lambda tx: tx.client_links.renew(link, sealed, kept)
        )
        done.client_links += is_written

    async def _client(self, record: ClientRecord, done: Reencrypted) -> None:
        async def again() -> ClientRecord:
            return await find_client(self._database, record.tenant, record.client_id)

        async def change(record: ClientRecord) -> bool:
            return await self._secrets(record, done)

        with suppress(NotFound):  # it was deleted meanwhile
            await changing(record, again, change)

    async def _secrets(self, record: ClientRecord, done: Reencrypted) -> bool:
        """False when ``record`` is no longer what is stored."""
        held = secrets_of(record).held
        old = [each for each in held if each.ciphertext and self._is_old(each.ciphertext)]
        if not old:
            return True
        place = place_of(record.tenant, record.client_id)
        try:
            new = [
                each._replace(ciphertext=self._renewed(each.ciphertext, place))
                if each in old
                else each
                for each in held
            ]
        except UndecipherableError:
            done.unreadable += 1
            return True
        if not await self._write(record, ClientSecrets(tuple(new))):
            return False
        done.client_secrets += len(old)
        return True

    async def _write(self, record: ClientRecord, secrets: ClientSecrets) -> bool:
        changed = record._replace(client_secrets=secrets.to_json(), version=record.version + 1)

        async def write(tx: Transaction) -> bool:
            return await tx.clients.replace(record, changed)

        return await self._database.transact(write)

    async def _signing_keys(self, done: Reencrypted) -> None:
        async with self._database.read() as tx:
            rows = await tx.signing_keys.of_all_tenants()
        for row in rows:
            if not self._is_old(row.private_key):
                continue
            place = signing_keys.place_of(row.tenant, row.kid)
            try:
                # One that was stored before there was a key is in clear.
                in_clear = row.private_key.startswith("-----BEGIN")
                pem = row.private_key if in_clear else self._box.decrypt(row.private_key, place)
            except UndecipherableError:
                done.unreadable += 1
                continue
            renewed = self._box.encrypt(pem, place)
            tenant, kid = row.tenant, row.kid

            async def write(
                tx: Transaction, tenant: str = tenant, kid: str = kid, renewed: str = renewed
            ) -> None:
                await tx.signing_keys.rewrite(tenant, kid, renewed)

            await self._database.transact(write)
            done.signing_keys += 1

    def _is_old(self, ciphertext: str) -> bool:
        return not self._box.is_current(ciphertext)

    def _renewed(self, ciphertext: str | None, place: SealedIn) -> str | None:
        return ciphertext and self._box.encrypt(self._box.decrypt(ciphertext, place), place)
