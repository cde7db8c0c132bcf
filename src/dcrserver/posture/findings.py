"""What is found of a configuration that works: what it is, how bad, and what ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from dcrserver.rate_limit import RateLimiter
from dcrserver.settings import Settings
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

Details: TypeAlias = Mapping[str, object]
# Of details, what the finding says elsewhere.
_SAID = frozenset({"tenant", "setting", "unset"})


class Severity(IntEnum):
    """From what is good to know to what must not stay."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5

    @property
    def word(self) -> str:
        """As findings tell it."""
        return self.name.lower()


class Subject(NamedTuple):
    """What is looked at."""

    settings: Settings
    tenants: Iterable[Tenant]
    limiter: RateLimiter


class Check(NamedTuple):
    """Something that may be found.

    ``setting``: the key that ends it. ``of_server``: it is of no tenant, and told to administrators
    of all of them.
    """

    name: str
    severity: Severity
    text: str
    setting: str
    found: Callable[[Subject], Iterable[Details]]
    of_server: bool = False


class Finding(NamedTuple):
    """``details``: what it is about, as the log shows it."""

    check: Check
    details: Details

    @property
    def name(self) -> str:
        return self.check.name

    @property
    def text(self) -> str:
        return self.check.text

    @property
    def severity(self) -> Severity:
        return self.check.severity

    @property
    def reason(self) -> str:
        """``text``, with what it is about."""
        about = (pair for pair in self.details.items() if pair[0] not in _SAID)
        told = ", ".join(f"{name} {value}" for name, value in about)
        return f"{self.text} ({told})" if told else self.text

    def told(self) -> JsonObject:
        """As administrators are told."""
        return {
            "id": self.name,
            "severity": self.severity.word,
            "reason": self.reason,
            "setting": self.check.setting,
        }


def found(checks: Iterable[Check], subject: Subject) -> Iterator[Finding]:
    """All of ``checks`` that apply."""
    for check in checks:
        for details in check.found(subject):
            yield Finding(check, details)
