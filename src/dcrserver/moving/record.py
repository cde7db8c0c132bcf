"""What becomes of one client of another server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dcrserver.strict_json import JsonObject, JsonValue


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

    def drop(self, given: JsonObject, reasons: Mapping[str, str]) -> None:
        """Takes members without a counterpart out of ``given``, telling those with a value."""
        for member in [name for name in given if name in reasons]:
            if given.pop(member):
                self.dropped.append(Told(member, reasons[member]))


def empty(value: JsonValue) -> bool:
    """Whether a server that writes every member left this one out; zero and false are values."""
    return value is None or value in ("", [], {})


def without_empty(given: JsonObject) -> JsonObject:
    return {name: value for name, value in given.items() if not empty(value)}
