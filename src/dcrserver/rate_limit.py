"""How often somebody may do things (POL-47): counts each stage of a request against its limits.

``limits.ROWS`` says what is counted. In memory, or in Redis for several instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias

from dcrserver.buckets import BucketKey, Buckets, Level, seconds_until
from dcrserver.errors import TooManyRequests
from dcrserver.limits import ROWS, UNLIMITED, Limit, Limits, Stage, Subject
from dcrserver.security import token_digest
from dcrserver.settings import RedisSettings
from dcrserver.shared_buckets import Charges, Levels, SharedStore, shared_store

_LONGEST_KEY = 64  # longer ones are told apart by their digest: what is remembered is bounded


@dataclass(slots=True)
class Use:
    """Where a caller stands with a limit: what is left of it, and when there will be more.

    ``policy``: the limit as RateLimit-Policy has it (draft-ietf-httpapi-ratelimit-headers 3); None
    where it is not for the caller to know.
    """

    name: str
    policy: str | None
    remaining: int
    more_at: float


Uses: TypeAlias = list[Use]
# Each limit with what it is counted by.
_Charged: TypeAlias = Sequence[tuple[Limit, BucketKey]]


class RateLimiter:
    """Counts what callers do against the limits of their tenant."""

    def __init__(self, redis: RedisSettings) -> None:
        """
        Raises:
            ConfigurationError: the URL of Redis cannot be understood.
        """
        self.store: SharedStore | None = shared_store(redis)
        self.buckets = Buckets()
        self._refused = dict.fromkeys(ROWS, 0)

    @property
    def store_up(self) -> bool:
        """Whether all instances count together, as far as is known; also without any store."""
        return self.store is None or self.store.up

    def refused(self) -> dict[str, int]:
        """By limit, how often it was used up."""
        return dict(self._refused)

    async def check(self) -> None:
        """Asks the store, if there is one, so that the log tells at once that it is away."""
        if self.store is not None:
            await self.store.check()

    async def not_ready_reason(self) -> str | None:
        """Why the store cannot be used; None when it can, or there is none."""
        return None if self.store is None else await self.store.not_ready_reason()

    async def close(self) -> None:
        if self.store is not None:
            await self.store.close()

    def attempt(self, stage: Stage, limits: Limits, subject: Subject, uses: Uses) -> None:
        """Counts what is done, whatever comes of it; this process alone counts it.

        ``uses`` gets where the caller stands, for the answer.

        Raises:
            TooManyRequests: enough for now.
        """
        if found := limits.at(stage):
            charges = _charges(found, subject)
            self.settle(charges, self.charge_here(charges), uses)

    def check_spent(self, stage: Stage, limits: Limits, subject: Subject, uses: Uses) -> None:
        """As ``attempt``, and counts nothing: nobody is remembered who may be an invention.

        Raises:
            TooManyRequests: enough for now.
        """
        if found := limits.at(stage):
            charges = _charges(found, subject)
            looked = [self.buckets.look(key, limit.rate) for limit, key in charges]
            self.settle(charges, [each if each.left < 0 else None for each in looked], uses)

    def charge_here(self, charges: _Charged) -> Levels:
        """Takes one of each by this process alone, or of none where one is refused."""
        levels: list[Level | None] = []
        for limit, key in charges:
            levels.append(level := self.buckets.charge(key, limit.rate))
            if level.left < 0:
                for _, taken in charges[: len(levels) - 1]:
                    self.buckets.take_back(taken)
                return [*levels, *[None] * (len(charges) - len(levels))]
        return levels

    def settle(self, charges: _Charged, levels: Levels, uses: Uses) -> None:
        """Tells ``uses`` what came of ``charges``.

        Raises:
            TooManyRequests: one was refused.
        """
        refused: tuple[Limit, Level] | None = None
        for (limit, _), level in zip(charges, levels, strict=True):
            if level is None:
                continue
            if limit.row.is_told or level.left < 0:
                policy = limit.policy if limit.row.is_told else None
                uses.append(Use(limit.name, policy, max(0, level.left), level.more_at))
            if level.left < 0 and refused is None:
                refused = (limit, level)
        if refused is not None:
            limit, level = refused
            self._refused[limit.name] += 1
            raise TooManyRequests(
                limit.row.text, retry_after=seconds_until(level.more_at), uses=uses
            )


class Registrant:
    """Who registers a client. ``async with`` around that: what is charged counts from then on, and
    no longer if nothing is made. What is cancelled may have been done: it counts.
    """

    __slots__ = ("_here", "_limiter", "_limits", "_shared", "_subject", "_uses")

    def __init__(self, limiter: RateLimiter, limits: Limits, subject: Subject, uses: Uses) -> None:
        self._limiter = limiter
        self._limits = limits
        self._subject = subject
        self._uses = uses
        self._here: list[BucketKey] = []
        self._shared: list[tuple[Limit, BucketKey]] = []

    def attempt(self, stage: Stage) -> None:
        """As ``RateLimiter.attempt``."""
        self._limiter.attempt(stage, self._limits, self._subject, self._uses)

    def check_spent(self, stage: Stage) -> None:
        """As ``RateLimiter.check_spent``."""
        self._limiter.check_spent(stage, self._limits, self._subject, self._uses)

    async def charge(self, stage: Stage) -> None:
        """For a client that is to be made.

        Raises:
            TooManyRequests: enough were made for now.
        """
        if found := self._limits.at(stage):
            await self._charge(_charges(found, self._subject))

    async def charge_software(self, software_id: str) -> None:
        """As ``charge``, when it is known what software it is."""
        if found := self._limits.at(Stage.SOFTWARE_MADE):
            subject = self._subject._replace(software_id=software_id)
            await self._charge(_charges(found, subject))

    async def _charge(self, charges: _Charged) -> None:
        limiter, levels = self._limiter, None
        if not charges:
            return
        if limiter.store is not None:
            levels = await limiter.store.charge(_rated(charges))
        is_shared = levels is not None
        if levels is None:
            levels = limiter.charge_here(charges)
        limiter.settle(charges, levels, self._uses)
        if is_shared:
            self._shared += charges
        else:
            self._here += [key for _, key in charges]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            await self._take_back()

    async def _take_back(self) -> None:
        for key in self._here:
            self._limiter.buckets.take_back(key)
        if self._shared and self._limiter.store is not None:
            await self._limiter.store.take_back(_rated(self._shared))
        names = {key[0] for key in self._here} | {limit.name for limit, _ in self._shared}
        for use in self._uses:
            use.remaining += use.name in names


def _rated(charges: _Charged) -> Charges:
    return [(key, limit.rate) for limit, key in charges]


def _charges(limits: Sequence[Limit], subject: Subject) -> _Charged:
    made: list[tuple[Limit, BucketKey]] = []
    for limit in limits:
        row = limit.row
        who = row.key(subject)
        if who is not None:
            who = who if len(who) <= _LONGEST_KEY else token_digest(who)
            made.append((limit, (limit.name, "" if row.of_all else subject.tenant, who)))
    return made


# Who is counted by nothing.
UNCOUNTED = Registrant(RateLimiter(RedisSettings()), UNLIMITED, Subject(""), [])
