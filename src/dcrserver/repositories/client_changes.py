"""Statements that change the row of a client which is still what was read.

Columns that change together are written together, and no others: a group that a change leaves
alone costs nothing, and is not written over with what it was when it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, update

from dcrserver.db.protocol.statements import Change
from dcrserver.db.tables import clients

# The digest is the lock: of two writers with the same token one finds no row.
_HELD = {
    "b_tenant": clients.c.tenant,
    "b_client_id": clients.c.client_id,
    "b_digest": clients.c.registration_access_token_digest,
    "b_version": clients.c.version,
}
_BIRTH = frozenset({"tenant", "client_id", "issued_at", "origin"})
_ALWAYS = frozenset({"updated_at", "version"})
_TOKENS = frozenset(
    {
        "registration_access_token_digest",
        "registration_access_token_expires_at",
        "previous_registration_access_token_digest",
        "previous_registration_access_token_expires_at",
    }
)
_METADATA = frozenset({"metadata", "facets_id"})


def _is_held(value: Callable[[str], ColumnElement[Any]]) -> ColumnElement[bool]:
    return and_(*(column == value(name) for name, column in _HELD.items()))


DELETE = Change(_HELD, lambda value: delete(clients).where(_is_held(value)))


class Update(NamedTuple):
    """Writes all of ``columns``, in no order."""

    columns: frozenset[str]
    change: Change


class Updates:
    """The statements for records of ``fields``; ``derived`` columns are made of these."""

    def __init__(self, fields: Sequence[str], derived: Iterable[str]) -> None:
        written = frozenset(fields).union(derived) - _BIRTH
        # Where the policy is another, so are the facets.
        others = written - _ALWAYS - _TOKENS - _METADATA | {"facets_id"}
        self._groups = (_TOKENS, _METADATA, others)
        # Compared by these: a loop over the fields would cost each update ten times as much.
        self._values = [
            itemgetter(*(number for number, name in enumerate(fields) if name in group))
            for group in self._groups
        ]
        self._made: dict[tuple[bool, ...], Update] = {}

    @property
    def whole(self) -> Update:
        """Writes all groups."""
        return self._of((True,) * len(self._groups))

    def between(self, old: tuple[Any, ...], new: tuple[Any, ...]) -> Update:
        """What makes ``new`` of ``old``."""
        return self._of(tuple([values(old) != values(new) for values in self._values]))

    def _of(self, differ: tuple[bool, ...]) -> Update:
        """A statement is made when it is first needed, and there are eight."""
        known = self._made.get(differ)
        if known is None:
            chosen = (group for group, differs in zip(self._groups, differ, strict=True) if differs)
            known = self._made[differ] = _writing(_ALWAYS.union(*chosen))
        return known


def _writing(columns: frozenset[str]) -> Update:
    written = {name: clients.c[name] for name in columns}
    return Update(
        columns,
        Change(
            _HELD | written,
            lambda value: (
                update(clients)
                .where(_is_held(value))
                .values({name: value(name) for name in written})
            ),
        ),
    )
