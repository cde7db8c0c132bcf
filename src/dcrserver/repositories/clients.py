"""Clients: rows in and out, by primary key."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Insert, bindparam, literal_column, select, update

from dcrserver.db.protocol import batches
from dcrserver.db.protocol.session import Session
from dcrserver.db.protocol.statements import Change, Inserts, Lookup, Values
from dcrserver.db.tables import clients
from dcrserver.metadata.comparing import exact
from dcrserver.names import ClientStatus
from dcrserver.repositories import events
from dcrserver.repositories.client_additions import Additions
from dcrserver.repositories.client_changes import DELETE, Update, Updates
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.expiry import AT_ONCE
from dcrserver.repositories.facets import FacetsRecord, KnownFacets, facets_record, insertion
from dcrserver.repositories.link_raising import LinkRaising, Targets
from dcrserver.repositories.rows import row_of
from dcrserver.security import is_client_id

_ACTIVE, _SUSPENDED = ClientStatus.ACTIVE.word, ClientStatus.SUSPENDED.word
_EXPIRED = ClientStatus.EXPIRED.word
_KEY = clients.primary_key.columns.keys()
# No new version: nothing that anybody registered or was given changes.
_END_GRACE = (
    update(clients)
    .where(
        clients.c.tenant == bindparam("b_tenant"),
        clients.c.client_id == bindparam("b_client_id"),
        clients.c.registration_access_token_digest == bindparam("b_digest"),
        clients.c.previous_registration_access_token_digest.is_not(None),
    )
    .values(previous_registration_access_token_digest=None)
)
_KNOWN = select(clients.c.client_id).where(
    clients.c.tenant == bindparam("b_tenant"),
    clients.c.client_id.in_(bindparam("b_client_ids", expanding=True)),
)


_PRESENT = Lookup([clients.c.client_id], [clients.c.tenant, clients.c.client_id])
_ENDED = (
    select(clients.c.tenant, clients.c.client_id)
    .where(clients.c.expires_at > literal_column("0"), clients.c.expires_at <= bindparam("b_now"))
    .order_by(clients.c.expires_at)
    .limit(AT_ONCE)
)

# Of the newest secret, which is the first: read so, it costs each registration a quarter of what
# the whole document would. Within a text its quotes would be escaped, so that it is the member.
_NEWEST_ENDS = re.compile(r'"expires_at": ?(\d+)')

# What follows from the others, and is for lists alone: written by ``_row``, and not read here.
DERIVED = frozenset({"facets_id", "secret_expires_at"})
# What earlier versions read, in the database of which they may be at work; not written here.
RETIRED = frozenset({"access_token_lifetime", "access_token_format"})


@row_of(clients, DERIVED | RETIRED)
class ClientRecord(NamedTuple):
    """A row of ``clients``; ``metadata``, ``client_secrets`` and ``bounds`` are JSON text."""

    tenant: str
    client_id: str
    metadata: str
    registration_access_token_digest: str
    issued_at: int
    updated_at: int
    version: int
    registration_access_token_expires_at: int = 0
    previous_registration_access_token_digest: str | None = None
    previous_registration_access_token_expires_at: int = 0
    client_secrets: str | None = None
    bounds: str | None = None
    suspended_at: int = 0
    tokens_ended_at: int = 0
    owner: str | None = None
    origin: str = "open"
    tags: str | None = None
    approval: str | None = None
    shared_at: int = 0
    expires_at: int | None = None

    @property
    def is_usable(self) -> bool:
        """Whether its credentials work."""
        return not self.suspended_at and not self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether its time is over, so that a job removes it."""
        return self.expires_at is not None and 0 < self.expires_at <= time.time()

    @property
    def status(self) -> str:
        """The word of its ``ClientStatus``."""
        if self.suspended_at:
            return self.approval or _SUSPENDED
        return _EXPIRED if self.has_ended else _ACTIVE


_BY_KEY = Lookup(
    [clients.c[name] for name in ClientRecord._fields], [clients.c[name] for name in _KEY]
)
_UPDATES = Updates(ClientRecord._fields, DERIVED)
_ADDITIONS = Additions(ClientRecord._fields, ClientRecord._field_defaults)


class ClientRepository:
    """The registered clients, by tenant and client_id."""

    def __init__(
        self, session: Session, known: KnownFacets, targets: Targets | None = None
    ) -> None:
        self._session = session
        # None: no target is told of any client.
        self.links = None if targets is None else LinkRaising(targets, session.dialect)
        self._known = known
        # Those that are written here, which a change that came too late does not: known to be there
        # when they are committed.
        self.new_facets: list[FacetsRecord] = []
        # Policies that nobody deletes before this is written.
        self._held: set[str] = set()

    def may_bind_to(self, policy: str) -> None:
        """Clients that are written here may be bound to this policy."""
        self._held.add(exact(policy))

    def add(
        self,
        record: ClientRecord,
        event: EventRecord | None = None,
        *,
        is_secret_known: bool = True,
    ) -> None:
        """Writes a new client with its event, and by what it is found.

        ``is_secret_known`` False: its secret is one that is known as a digest only, so that no
        target can be told it.

        Raises:
            RuntimeError: it is bound to a policy, and nobody asked whether it may be; or nobody
                sealed its secret for the targets.
        """
        raised: Inserts = ()
        if self.links is not None:
            record, raised = self.links.written(None, record, is_secret_known=is_secret_known)
        facets = self._facets(record, None)
        self._session.insert(*_ADDITIONS.of(record, facets.id, _secret_expires_at(record)))
        if event is not None:
            self._session.insert(events.INSERT, event._asdict())
        if not self._known.holds(facets):
            self._session.insert(insertion(self._session.dialect), facets._asdict())
            self.new_facets.append(facets)
        for statement, values in raised:
            self._session.insert(statement, values)

    async def find(self, tenant: str, client_id: str) -> ClientRecord | None:
        """The client of this id; None if there is none."""
        if not is_client_id(client_id):
            return None  # PostgreSQL would refuse to look for a NUL
        key = {"b_tenant": tenant, "b_client_id": client_id}
        record = ClientRecord._make(await self._session.look_up(_BY_KEY, key))
        return record if record.client_id == client_id else None

    async def replace(
        self,
        old: ClientRecord,
        new: ClientRecord,
        event: EventRecord | None = None,
        beside: Inserts = (),
    ) -> bool:
        """Writes ``new`` over ``old``, with its event and what is to be ``beside`` it.

        False, and nothing is written, when ``old`` is no longer what is stored.

        Raises:
            RuntimeError: as of ``add``.
        """
        if self.links is not None:
            new, raised = self.links.written(old, new)
            beside = [*raised, *beside]
        written = _UPDATES.between(old, new)
        values, facets = self._values(written, old, new)
        beside = [*self._beside(facets), *beside]
        if not await self._change(written.change, values, event, beside):
            return False
        self.new_facets += facets
        return True

    async def replace_all(self, pairs: Sequence[tuple[ClientRecord, ClientRecord]]) -> bool:
        """Writes the second of each pair over the first.

        False when one of the first is no longer what is stored: the transaction must not be
        committed.
        """
        raised: list[tuple[Insert, dict[str, Any]]] = []
        if self.links is not None:
            told = [(old, *self.links.written(old, new)) for old, new in pairs]
            pairs = [(old, new) for old, new, _ in told]
            raised = [each for _, _, inserts in told for each in inserts]
        whole = _UPDATES.whole
        made = [self._values(whole, old, new) for old, new in pairs]
        rows = [values for values, _ in made]
        if await self._session.change_all(whole.change, rows) != len(made):
            return False
        new = {each.id: each for _, facets in made for each in facets}
        # In one order everywhere, so that writers do not deadlock.
        facets = [new[facets_id] for facets_id in sorted(new)]
        for statement, row in [*self._beside(facets), *raised]:
            self._session.insert(statement, row)
        self.new_facets += facets
        return True

    async def delete_all(self, records: Sequence[ClientRecord]) -> bool:
        """Removes all of ``records``; False as with ``replace_all``."""
        held = [_values_held(each) for each in records]
        if await self._session.change_all(DELETE, held) != len(held):
            return False
        if self.links is not None:
            for record in records:
                for statement, row in self.links.gone(record):
                    self._session.insert(statement, row)
        return True

    async def delete(
        self, record: ClientRecord, event: EventRecord | None = None, beside: Inserts = ()
    ) -> bool:
        """As ``replace``; what is to be ``beside`` the deletion is written with it."""
        if self.links is not None:
            beside = [*self.links.gone(record), *beside]
        return await self._change(DELETE, _values_held(record), event, beside)

    async def _change(
        self, change: Change, values: Values, event: EventRecord | None, beside: Inserts
    ) -> bool:
        if event is not None:
            told = (events.INSERT, event._asdict())
            return await self._session.change(change, values, [told, *beside])
        if (await self._session.execute(change.statement, values)).rowcount != 1:
            return False
        for statement, row in beside:
            self._session.insert(statement, row)
        return True

    def _values(
        self, written: Update, old: ClientRecord, new: ClientRecord
    ) -> tuple[dict[str, Any], list[FacetsRecord]]:
        """What ``written`` takes to make ``new`` of ``old``, and the new facets."""
        held = _values_held(old)
        if "facets_id" not in written.columns:
            return held | {name: getattr(new, name) for name in written.columns}, []
        facets = self._facets(new, old.bounds)
        row = new._asdict()
        row |= {"facets_id": facets.id, "secret_expires_at": _secret_expires_at(new)}
        unknown = [] if self._known.holds(facets) else [facets]
        return held | {name: row[name] for name in written.columns}, unknown

    def _facets(self, record: ClientRecord, bounds: str | None) -> FacetsRecord:
        """By what it is found; ``bounds``: what it is bound to by now."""
        facets = facets_record(record.tenant, record.metadata, record.bounds, record.origin)
        if record.bounds != bounds and facets.policy not in self._held | {None}:
            raise RuntimeError("services.access.policy_bindings was not asked for its policy")
        return facets

    def _beside(self, facets: list[FacetsRecord]) -> Inserts:
        return [(insertion(self._session.dialect), each._asdict()) for each in facets]

    async def end_grace(self, record: ClientRecord) -> None:
        """The registration access token before the current one works no longer."""
        await self._session.execute(
            _END_GRACE,
            {
                "b_tenant": record.tenant,
                "b_client_id": record.client_id,
                "b_digest": record.registration_access_token_digest,
            },
        )

    async def ended(self, now: int) -> Sequence[ClientRecord]:
        """Some of those of all tenants whose time is over at ``now``, the first first."""
        keys = (await self._session.execute(_ENDED, {"b_now": now})).all()
        found = [await self.find(each["tenant"], each["client_id"]) for each in keys]
        return [each for each in found if each is not None]

    async def known(self, tenant: str, client_ids: Sequence[str]) -> set[str]:
        """Those of ``client_ids`` that are there."""
        if self._session.dialect == "postgresql":
            # Without statistics it would read the tenant's whole index for a long list.
            keys = [{"b_tenant": tenant, "b_client_id": client_id} for client_id in client_ids]
            found = await self._session.execute(
                batches.lookup_all(_PRESENT), {"keys": batches.placed(enumerate(keys))}
            )
        else:
            values = {"b_tenant": tenant, "b_client_ids": list(client_ids)}
            found = await self._session.execute(_KNOWN, values)
        return {row["client_id"] for row in found.all()} - {None}


def _secret_expires_at(record: ClientRecord) -> int:
    if record.client_secrets is None:
        return 0
    found = _NEWEST_ENDS.search(record.client_secrets)
    return int(found[1]) if found else 0


def _values_held(record: ClientRecord) -> dict[str, str | int]:
    return {
        "b_tenant": record.tenant,
        "b_client_id": record.client_id,
        "b_digest": record.registration_access_token_digest,
        "b_version": record.version,
    }
