"""How much of its rate each caller has used, counted by this process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import NamedTuple, TypeAlias

from dcrserver.limits import Rate

# Of each limit so many keys are remembered, so that inventing them fills no memory: who was not
# there for longest is forgotten first.
_MAX_REMEMBERED = 50_000

# Name of the limit, tenant, who is counted.
BucketKey: TypeAlias = tuple[str, str, str]
# How many of those that there are were used, and since when it is so.
_Used: TypeAlias = tuple[int, float]


class Level(NamedTuple):
    """Where a caller stands: what is left, less than none: refused; when there will be more, by the
    monotonic clock.
    """

    left: int
    more_at: float


class Buckets:
    """Counts by key. No clock that is set matters."""

    def __init__(self) -> None:
        self._used: dict[str, OrderedDict[BucketKey, _Used]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._used.values()))

    def charge(self, key: BucketKey, rate: Rate) -> Level:
        """Takes one, if one is left."""
        of_limit = self._used.get(key[0])
        if of_limit is None:
            of_limit = self._used[key[0]] = OrderedDict()
        used, since = _by_now(of_limit.get(key), rate)
        level = _level(used, since, rate)
        if level.left >= 0:
            of_limit[key] = (used + 1, since)
        of_limit.move_to_end(key)
        if len(of_limit) > _MAX_REMEMBERED:
            of_limit.popitem(last=False)
        return level

    def look(self, key: BucketKey, rate: Rate) -> Level:
        """What ``charge`` would tell, and nothing is taken or remembered."""
        of_limit = self._used.get(key[0])
        used, since = _by_now(of_limit.get(key) if of_limit else None, rate)
        return _level(used, since, rate)

    def take_back(self, key: BucketKey) -> None:
        """As if one had not been taken."""
        of_limit = self._used.get(key[0])
        if of_limit is None:
            return
        used, since = of_limit.get(key, (0, 0.0))
        if used > 1:
            of_limit[key] = (used - 1, since)
        else:
            of_limit.pop(key, None)


def _by_now(kept: _Used | None, rate: Rate) -> _Used:
    """How many are used by now, when the periods that have passed brought new ones."""
    now = time.monotonic()
    if kept is None:
        return 0, now
    used, since = kept
    if now - since < rate.seconds:
        return kept
    periods = int((now - since) / rate.seconds)
    used -= periods * rate.units
    return (used, since + periods * rate.seconds) if used > 0 else (0, now)


def _level(used: int, since: float, rate: Rate) -> Level:
    """Where somebody stands who takes one more."""
    left = rate.burst - used - 1
    missing = 1 if left >= 0 else math.ceil(-left / rate.units)
    return Level(max(left, -1), since + missing * rate.seconds)


def seconds_until(moment: float) -> int:
    """For Retry-After."""
    return max(1, round(moment - time.monotonic()))
