"""How often something happened within a window of time, counted by this process."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TypeAlias

from limits import RateLimitItem

# So many keys are remembered, so that inventing them fills no memory: who was counted first is
# forgotten first.
_MAX_REMEMBERED = 50_000

# How many, and the moment of the monotonic clock at which they are forgotten.
Counted: TypeAlias = tuple[int, float]


class FixedWindows:
    """Counts by key; a key's window begins with its first one. No clock that is set matters."""

    def __init__(self, limit: RateLimitItem) -> None:
        self._seconds = limit.get_expiry()
        self._counted: OrderedDict[tuple[str, ...], Counted] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counted)

    def count(self, key: tuple[str, ...]) -> Counted:
        """How many there are with this one, and when they are forgotten."""
        now = time.monotonic()
        found = self._counted.get(key)
        if found is not None and found[1] > now:
            counted = (found[0] + 1, found[1])
        else:
            if found is not None:
                del self._counted[key]  # a new window is the youngest
            counted = (1, now + self._seconds)
        self._counted[key] = counted
        if len(self._counted) > _MAX_REMEMBERED:
            self._counted.popitem(last=False)
        return counted

    def take_back(self, key: tuple[str, ...]) -> None:
        """As if one had not been counted."""
        count, ends_at = self._counted.get(key, (0, 0.0))
        if count > 1:
            self._counted[key] = (count - 1, ends_at)
        else:
            self._counted.pop(key, None)


def seconds_until(ends_at: float) -> int:
    """For Retry-After."""
    return max(1, round(ends_at - time.monotonic()))
