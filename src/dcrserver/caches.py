"""A cache of what is made of a text that strangers send: bounded in octets, not in entries alone.

``lru_cache`` bounds the number of its keys; 4,096 of 60 KB each are 240 MB for good.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

Made = TypeVar("Made")


def bounded_cache(
    *, entries: int, longest: int
) -> Callable[[Callable[[str], Made]], Callable[[str], Made]]:
    """Remembers what a function of one text makes, of texts of up to ``longest`` characters.

    Longer ones are rare where people are honest, and worked out each time.
    """

    def cached(make: Callable[[str], Made]) -> Callable[[str], Made]:
        remembering = lru_cache(maxsize=entries)(make)

        @wraps(make)
        def ask(text: str) -> Made:
            return remembering(text) if len(text) <= longest else make(text)

        return ask

    return cached
