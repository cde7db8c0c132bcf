"""What a database error means: a row is there, another writer won, or the database is away."""

from __future__ import annotations


class AlreadyThere(Exception):
    """A row with this key is there."""


class Conflict(Exception):
    """Another writer won: the same use case may be run again."""


class Absent(Exception):
    """The database is away, full, locked or overloaded, whatever it was asked."""


def absence(error: BaseException) -> Absent:
    """``error`` in words that are for the operator alone."""
    return Absent(f"{type(error).__name__}: {error.__cause__ or error}")
