"""Which version of a thing a change is meant for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from dcrserver.errors import PreconditionFailed


def etag_of(*facts: object) -> str:
    """The entity tag of what has no version: another one with each change of ``facts``."""
    return f'"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class Expected:
    """The entity tags that a change takes; None: any."""

    tags: frozenset[str] | None = None

    def check(self, tag: str) -> None:
        """``tag``: of what is there. A weak one is equal to none (RFC 9110 13.1.1).

        Raises:
            PreconditionFailed: none of those that are taken.
        """
        if self.tags is not None and tag not in self.tags:
            raise PreconditionFailed("it was changed meanwhile: read it again")


ANY = Expected()
