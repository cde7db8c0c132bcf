"""Step: a target that does not answer is left alone, but for one who looks now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

# In a row.
_FAILURES = 5
# Between two looks: doubled each time.
_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 5.0


class Breaker:
    """Counts what one process sees of one target."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = _FIRST_SECONDS
        self._look_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the target is left alone."""
        return self._failures >= _FAILURES

    def may_try(self) -> bool:
        """Whether to ask the target now: of those who ask while it is away, one may look."""
        if not self.is_open:
            return True
        now = self._clock()
        if now < self._look_at:
            return False
        self._look_at = now + self._pause
        return True

    def retry_after(self) -> float:
        """Seconds until somebody looks again."""
        return max(0.0, self._look_at - self._clock()) if self.is_open else 0.0

    def answered(self) -> None:
        """The target is there, whatever it said."""
        self._failures, self._pause = 0, _FIRST_SECONDS

    def failed(self, retry_after: float | None = None) -> None:
        """It did not answer, or not now."""
        self._failures += 1
        if self.is_open:
            pause = max(self._pause, retry_after or 0.0)
            self._look_at = self._clock() + pause
            self._pause = min(self._pause * 2, _LONGEST_SECONDS)
