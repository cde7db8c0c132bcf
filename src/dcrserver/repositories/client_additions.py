"""Statements that write the row of a new client.

Most clients are as they registered: what is done to some, or kept of some, is as the database has
it by default, and is not sent. So it costs others nothing how many such columns there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from sqlalchemy import Insert, bindparam, insert

from dcrserver.db.tables import clients

# A record may be without them; hardly a client is.
_OF_ALL = frozenset({"client_secrets", "origin"})


class Additions:
    """The two statements for records of ``fields``, some of which have ``defaults``.

    Raises:
        TypeError: the database has another default.
    """

    def __init__(self, fields: Iterable[str], defaults: Mapping[str, Any]) -> None:
        rare = {name: value for name, value in defaults.items() if name not in _OF_ALL}
        for name, value in rare.items():
            _check(name, value)
        names = tuple(fields)
        self._common = [name for name in names if name not in rare]
        self._its_common = itemgetter(*map(names.index, self._common))
        self._its_rare = itemgetter(*map(names.index, rare))
        self._defaults = tuple(rare.values())
        self._short = _writing([*self._common, "facets_id"])
        self._whole = _writing([*names, "facets_id", "secret_expires_at"])

    def of(
        self,
        record: Any,  # noqa: ANN401 - a NamedTuple
        facets_id: str,
        secret_expires_at: int,
    ) -> tuple[Insert, dict[str, Any]]:
        """What writes ``record``, with what follows from it."""
        if not secret_expires_at and self._its_rare(record) == self._defaults:
            row = dict(zip(self._common, self._its_common(record), strict=True))
            row["facets_id"] = facets_id
            return self._short, row
        derived = {"facets_id": facets_id, "secret_expires_at": secret_expires_at}
        return self._whole, record._asdict() | derived


def _check(name: str, value: object) -> None:
    default: Any = clients.c[name].server_default
    there = None if default is None else default.arg
    if there != (None if value is None else str(value)):
        raise TypeError(f"{name} of a client is {value!r} by default, and {there!r} in its table")


def _writing(names: Iterable[str]) -> Insert:
    return insert(clients).values({name: bindparam(name) for name in names})
