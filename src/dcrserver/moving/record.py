"""What becomes of one client of another server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dcrserver.strict_json import JsonObject, JsonValue

_LOOPBACK_PORT = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]|localhost):[0-9]+(?:[/?]|\Z)")


class Told(NamedTuple):
    """One thing that an operator should know: a ``member``, and what became of it."""

    member: str
    what: str


@dataclass(slots=True)
class Moved:
    """A client of another server as a registration of ours; ``refused`` says why there is none."""

    client_id: str | None
    registration: JsonObject = field(default_factory=dict)
    mapped: list[Told] = field(default_factory=list)
    dropped: list[Told] = field(default_factory=list)
    refused: str | None = None

    def map(self, member: str, what: str) -> None:
        """Tells what ``member`` has become."""
        self.mapped.append(Told(member, what))

    def drop(self, member: str, why: str) -> None:
        """Tells that ``member`` does not come along."""
        self.dropped.append(Told(member, why))

    def drop_all(self, given: JsonObject, reasons: Mapping[str, str]) -> None:
        """Takes members without a counterpart out of ``given``, telling those with a value."""
        for member in [name for name in given if name in reasons]:
            if given.pop(member):
                self.drop(member, reasons[member])

    def tell_of_redirect_uris(self) -> None:
        """What another server may have matched otherwise than this one."""
        for uri in texts(self.registration.get("redirect_uris")):
            if _LOOPBACK_PORT.match(uri):
                self.map("redirect_uris", "on the local machine any port will do (RFC 8252 7.3)")
                return


def empty(value: JsonValue) -> bool:
    """Whether a server that writes every member left this one out; zero and false are values."""
    return value is None or value in ("", [], {})


def without_empty(given: JsonObject) -> JsonObject:
    """Those members of ``given`` that hold something."""
    return {name: value for name, value in given.items() if not empty(value)}


def text(value: JsonValue) -> str | None:
    """``value`` if it is a text that says something."""
    return value if isinstance(value, str) and value else None


def texts(value: JsonValue) -> list[str]:
    """The texts of a list; none where ``value`` is something else."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def seconds(value: JsonValue) -> int | None:
    """A moment that a server wrote as a number or as digits; None where it means none."""
    try:
        moment = int(str(value))
    except ValueError:
        return None
    return moment if moment > 0 else None
