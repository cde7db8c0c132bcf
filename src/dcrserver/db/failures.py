"""What a database error means: a row is there, another writer won, or the database is away."""

from __future__ import annotations


class AlreadyThere(Exception):
    """A row with this key is there."""


class Conflict(Exception):
    """Another writer won: the same use case may be run again."""


class Refused(Exception):
    """A statement or its values are wrong: a mistake of ours, which trying again does not mend."""


class Absent(Exception):
    """The database is away, full, locked or overloaded, whatever it was asked."""


class Locked(Absent):
    """Another held a row for too long; of a batch, what does not need that row is possible."""


class Lost(Absent):
    """The connection can serve nobody any more: it is broken, or cannot write."""


def absence(error: BaseException, kind: type[Absent] = Absent) -> Absent:
    """``error`` in words that are for the operator alone."""
    return kind(f"{type(error).__name__}: {error.__cause__ or error}")
