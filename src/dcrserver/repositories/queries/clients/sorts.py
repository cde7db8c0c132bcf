"""What lists of clients can be sorted by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dcrserver.errors import InvalidInput


class SortKey(StrEnum):
    """What a list is sorted by; those of which it is the same come by client_id."""

    CREATED = "created"
    UPDATED = "updated"
    NAME = "name"
    LAST_USED = "last_used"


@dataclass(frozen=True, slots=True)
class Sort:
    """By ``key``; descending: the newest first, or Z before A."""

    key: SortKey = SortKey.CREATED
    is_descending: bool = True

    @classmethod
    def parse(cls, text: str) -> Sort:
        """``created``, or ``-created`` for descending.

        Raises:
            InvalidInput: there is no such sort.
        """
        name = text.removeprefix("-")
        if name not in set(SortKey):
            known = ", ".join(SortKey)
            reason = f"must be one of: {known}; - before it for descending"
            raise InvalidInput(f"sort {reason}", parameter="sort")
        return cls(SortKey(name), text != name)


NEWEST_FIRST = Sort()
