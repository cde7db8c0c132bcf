"""Step: what time it is at least, for what must not be forgotten a moment too early."""

from __future__ import annotations

import time
from collections import deque

# Nothing that is good for a while, and must be good once, is good for longer.
_LONGEST_LIFE = 86400
# By then what was presented before the start has expired, with the lifetimes that are usual.
_UNPROVEN_SECONDS = 3900


class CertainTime:
    """The clock as it would be had it not leapt ahead within the last day.

    A clock that goes forth and back again would have a spent assertion forgotten, and accepted once
    more. The operating system counts seconds beside it: where the clock is further ahead of them
    than it was, the smallest distance counts until what was presented then has expired. Of the time
    before the start nothing is known, so a young process counts a day less.
    """

    def __init__(self) -> None:
        self._started_at = time.monotonic()
        # When it was measured, and the distance: of later ones only those that are greater.
        self._distances: deque[tuple[float, float]] = deque()
        self.now()

    def now(self) -> int:
        """In seconds since 1970; to be asked now and then."""
        counted = time.monotonic()
        distance = time.time() - counted
        while self._distances and self._distances[-1][1] >= distance:
            self._distances.pop()
        self._distances.append((counted, distance))
        while self._distances[0][0] < counted - _LONGEST_LIFE:
            self._distances.popleft()
        is_young = counted - self._started_at < _UNPROVEN_SECONDS
        return int(counted + self._distances[0][1]) - (_LONGEST_LIFE if is_young else 0)
