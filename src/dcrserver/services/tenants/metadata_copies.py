"""Step: the metadata of authorization servers elsewhere, read again and again and kept as copies.

We start and go on with the last copy while such a server is away. The copies are in the database,
so that all instances say the same: one reads those that are due, the others take them from there.
What was never read each reads for itself, as it cannot serve without.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from dcrserver.errors import ProtocolError
from dcrserver.fetch import FetchError, HttpFetcher
from dcrserver.logger import Logger
from dcrserver.repositories.metadata_copies import MetadataCopyRecord
from dcrserver.repositories.transaction import Database, Writer
from dcrserver.services.tenants.server_metadata import Location, lost, read_document
from dcrserver.strict_json import BadJson, JsonObject, dumps

_log = Logger(__name__)
# Between two looks at the database, in the time that a copy is good for; while one is missing.
_LOOKS = 5
_IMPATIENT_SECONDS = 5.0
# Processes that were started together need not look together.
_JITTER = 0.25
# A document that says less than before is a mistake, until it was said for so long.
_INSISTING_SECONDS = 3600.0

Publish: TypeAlias = Callable[[Mapping[str, JsonObject]], None]


@dataclass(frozen=True, slots=True)
class _Copy:
    url: str
    document: JsonObject
    text: str
    fetched_at: int


class MetadataCopies:
    """``locations``: by tenant, as they are now; ``publish`` gets the documents that have changed.

    ``problems``: by tenant, why its copy could not be read anew.
    """

    def __init__(
        self,
        database: Database,
        fetcher: HttpFetcher,
        locations: Mapping[str, Location],
        publish: Publish,
        seconds: float,
    ) -> None:
        self._database = database
        self._fetcher = fetcher
        self._locations = locations
        self._publish = publish
        self._seconds = seconds
        self._copies: dict[str, _Copy] = {}
        self._doubted: dict[str, tuple[list[str], float]] = {}
        self._woken = asyncio.Event()
        self.problems: dict[str, str] = {}

    @property
    def pause(self) -> float:
        """Seconds from one look for what is due, or new, to the next."""
        return self._seconds / _LOOKS

    @property
    def complete(self) -> bool:
        """Whether there is a copy of each document, however old."""
        return all(self._known(tenant) is not None for tenant in self._locations)

    def wake(self) -> None:
        """A location is new: what is there is wanted now."""
        self._woken.set()

    def _known(self, tenant: str) -> _Copy | None:
        """None: nothing was read at its location, whatever was at one that it had before."""
        copy, location = self._copies.get(tenant), self._locations.get(tenant)
        return copy if copy and location and copy.url == location.url else None

    def ages(self) -> dict[str, int | None]:
        """Seconds since each document was read, by tenant; None: never."""
        now, known = time.time(), {tenant: self._known(tenant) for tenant in self._locations}
        return {
            tenant: None if copy is None else max(0, int(now - copy.fetched_at))
            for tenant, copy in known.items()
        }

    def measured(self) -> dict[tuple[str, ...], float]:
        """``ages`` as numbers: what was never read is older than any limit."""
        return {
            (tenant,): math.inf if age is None else float(age)
            for tenant, age in self.ages().items()
        }

    async def run(self) -> None:
        """Until it is cancelled: takes what others have read, and reads what nobody has yet."""
        while True:
            self._woken.clear()
            await (self.load() if self.complete else self.refresh())
            pause = self.pause if self.complete else _IMPATIENT_SECONDS
            jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min(pause, self._seconds) * jitter)

    async def refresh(self) -> None:
        """As ``renew``, for this process, which lacks one: whoever else does it is no matter."""
        await self.renew(self._database)

    async def renew(self, writer: Writer) -> None:
        """Takes what other instances have read, reads what is due, and keeps it for them."""
        if not self._locations:
            return
        await self.load()
        before = dict(self.problems)
        found = await self._read([tenant for tenant in self._locations if self._is_due(tenant)])
        for tenant, problem in self.problems.items():
            if problem != before.get(tenant):
                _log.warning("authorization_server_metadata_kept", tenant=tenant, problem=problem)
        if found:
            await self._store(found, writer)

    async def load(self) -> None:
        """Takes the copies of the database that are not older; a database that is away has none."""
        if not self._locations:
            return
        try:
            if await self._database.not_ready_reason():
                return
            async with self._database.read() as tx:
                records = await tx.metadata_copies.all()
        except ProtocolError:
            return
        self._take(
            {
                record.tenant: _copy(record.location, record.document.encode(), record.fetched_at)
                for record in records
                if self._is_news(record)
            }
        )

    def _is_news(self, record: MetadataCopyRecord) -> bool:
        location, known = self._locations.get(record.tenant), self._known(record.tenant)
        if location is None or record.location != location.url:
            return False
        return (
            known is None
            or known.fetched_at < record.fetched_at
            or (known.fetched_at == record.fetched_at and known.text != record.document)
        )

    async def look(self) -> None:
        """Reads all documents and keeps none for others; what went wrong is in ``problems``."""
        await self._read(list(self._locations))

    def _is_due(self, tenant: str) -> bool:
        """What was read in the future was read by a clock that went wrong."""
        copy = self._known(tenant)
        return copy is None or not 0 <= time.time() - copy.fetched_at < self._seconds

    async def _read(self, tenants: Collection[str]) -> Mapping[str, _Copy]:
        """Of ``tenants`` those whose documents could be had, and are taken."""
        copies = await asyncio.gather(*map(self._ask, tenants))
        found = {
            tenant: copy for tenant, copy in zip(tenants, copies, strict=True) if copy is not None
        }
        self._take(found)
        return found

    async def _ask(self, tenant: str) -> _Copy | None:
        """None: ``problems`` says why."""
        location = self._locations.get(tenant)
        if location is None:  # it is gone since a moment
            return None
        fetch = self._fetcher.fetch_configured if location.declared else self._fetcher.fetch
        try:
            copy = _copy(location.url, (await fetch(location.url)).body, int(time.time()))
        except (FetchError, BadJson) as error:
            self._doubted.pop(tenant, None)
            self.problems[tenant] = str(error)
            return None
        objection = self._objection(tenant, copy.document)
        if objection is None:
            return copy
        self.problems[tenant] = objection
        return None

    def _objection(self, tenant: str, document: JsonObject) -> str | None:
        """Why ``document`` is not taken: one bad answer must not make us publish less."""
        if not isinstance(document.get("issuer"), str):
            self._doubted.pop(tenant, None)
            return "the document names no issuer (RFC 8414 2)"
        known = self._known(tenant)
        missing = lost(known.document, document) if known is not None else []
        if not missing:
            return None
        now = time.monotonic()
        said, since = self._doubted.get(tenant, (None, now))
        if said != missing:
            self._doubted[tenant] = missing, now
        elif now - since >= _INSISTING_SECONDS:
            return None
        return f"missing, or not what it was: {', '.join(missing)}"

    def _take(self, found: Mapping[str, _Copy]) -> None:
        """Publishes before it remembers: what could not be published is tried again."""
        found = self._there(found)
        copies = self._there({**self._copies, **found})
        changed = [tenant for tenant, copy in found.items() if not self._says(tenant, copy.text)]
        if changed:
            self._publish({tenant: found[tenant].document for tenant in changed})
        for tenant in changed:
            _log.info("authorization_server_metadata_taken", tenant=tenant)
        for tenant in found:
            self.problems.pop(tenant, None)
            self._doubted.pop(tenant, None)
        self._copies = copies

    def _there(self, copies: Mapping[str, _Copy]) -> dict[str, _Copy]:
        """While one was read, the tenant may have got another location, or none."""
        urls = {tenant: location.url for tenant, location in self._locations.items()}
        return {tenant: copy for tenant, copy in copies.items() if urls.get(tenant) == copy.url}

    def _says(self, tenant: str, text: str) -> bool:
        known = self._known(tenant)
        return known is not None and known.text == text

    async def _store(self, found: Mapping[str, _Copy], writer: Writer) -> None:
        records = [
            MetadataCopyRecord(tenant, copy.url, copy.text, copy.fetched_at)
            for tenant, copy in found.items()
        ]
        try:
            await writer.transact(lambda tx: tx.metadata_copies.write(records))
        except ProtocolError as error:
            _log.warning("authorization_server_metadata_not_stored", detail=error.detail)


def _copy(url: str, raw: bytes, fetched_at: int) -> _Copy:
    """
    Raises:
        BadJson: it is no JSON object.
    """
    document = read_document(raw)
    return _Copy(url, document, dumps(document), fetched_at)
