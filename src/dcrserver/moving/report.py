"""What becomes of many clients, grouped by kind with counts and examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dcrserver.moving.record import Moved, Told
from dcrserver.strict_json import JsonObject, JsonValue

_EXAMPLES = 3
_NOWHERE = "?"


@dataclass(slots=True)
class Kind:
    """How many clients something happened to, and the first of them."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Counts one more client."""
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(name)

    def take_back(self, name: str) -> None:
        """Counts one of them no longer."""
        self.count -= 1
        if name in self.examples:
            self.examples.remove(name)


class Changes(NamedTuple):
    """What there was to tell of a client that was found good."""

    mapped: Sequence[Told]
    dropped: Sequence[Told]


class _Refusal(NamedTuple):
    client_id: str | None
    where: str
    reason: str


class Report:
    """What came of one import; ``imported`` and ``there`` are counted by who writes."""

    def __init__(self) -> None:
        self.imported = 0
        self.there = 0
        self.good = 0
        # Refused ones of which no more is known than that.
        self._untold = 0
        self._refused: list[_Refusal] = []
        self._mapped: dict[Told, Kind] = {}
        self._dropped: dict[Told, Kind] = {}

    @property
    def refusals(self) -> int:
        """How many were refused."""
        return len(self._refused) + self._untold

    @classmethod
    def from_json(cls, told: JsonObject, *, judged: int, refusals: int) -> Report:
        """What ``to_json`` told of an import elsewhere, of which some may have been left out."""
        made = cls()
        made.imported, made.there = _number(told["imported"]), _number(told["already_there"])
        made.good = judged - refusals
        for each in _objects(told["refused"]):
            client_id = each["client_id"]
            named = None if client_id is None else str(client_id)
            place = str(each.get("place") or _NOWHERE)
            made._refused.append(_Refusal(named, place, str(each["reason"])))
        made._untold = refusals - len(made._refused)
        for kinds, given in ((made._mapped, told["mapped"]), (made._dropped, told["dropped"])):
            for each in _objects(given):
                examples = each["examples"] if isinstance(each["examples"], list) else []
                kind = Kind(_number(each["count"]), [str(name) for name in examples])
                kinds[Told(str(each["member"]), str(each["what"]))] = kind
        return made

    def tell(self, made: Moved, where: str) -> None:
        """Adds what became of one client; ``where`` it stood: line 7."""
        if made.refused is not None:
            self._refused.append(_Refusal(made.client_id, where, made.refused))
            return
        self.good += 1
        for told, kinds in ((made.mapped, self._mapped), (made.dropped, self._dropped)):
            for each in dict.fromkeys(told):
                kinds.setdefault(each, Kind()).add(made.client_id or where)

    def refuse(self, client_id: str, where: str, reason: str, changes: Changes) -> None:
        """Takes back that one was good, and that there were these ``changes`` to it."""
        self.good -= 1
        self._refused.append(_Refusal(client_id, where, reason))
        for told, kinds in ((changes.mapped, self._mapped), (changes.dropped, self._dropped)):
            for each in dict.fromkeys(told):
                kinds[each].take_back(client_id)
                if not kinds[each].count:
                    del kinds[each]

    def refused(self) -> Iterator[tuple[str, Kind]]:
        """By reason, most frequent first; an example tells the client and where it stood."""
        kinds: dict[str, Kind] = {}
        for client_id, where, reason in self._refused:
            is_known = client_id is not None and where != _NOWHERE
            name = f"{client_id} ({where})" if is_known else client_id or where
            kinds.setdefault(reason, Kind()).add(name)
        yield from sorted(kinds.items(), key=lambda pair: -pair[1].count)

    def mapped(self) -> list[tuple[Told, Kind]]:
        """What became something else, most frequent first."""
        return _sorted(self._mapped.items())

    def dropped(self) -> list[tuple[Told, Kind]]:
        """What did not come along, most frequent first."""
        return _sorted(self._dropped.items())

    def refused_json(self) -> list[JsonObject]:
        """Each that was refused, with the place where it stood: line 7."""
        return [
            {"client_id": client_id, "place": where, "reason": reason}
            for client_id, where, reason in self._refused
        ]

    def to_json(self) -> JsonObject:
        """All of it."""
        return {
            "imported": self.imported,
            "already_there": self.there,
            "refused": [*self.refused_json()],
            "mapped": [_told(*each) for each in self.mapped()],
            "dropped": [_told(*each) for each in self.dropped()],
        }


def _objects(value: JsonValue) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _number(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


def _sorted(kinds: Iterable[tuple[Told, Kind]]) -> list[tuple[Told, Kind]]:
    return sorted(kinds, key=lambda pair: (-pair[1].count, pair[0]))


def _told(told: Told, kind: Kind) -> JsonObject:
    return {
        "member": told.member,
        "what": told.what,
        "count": kind.count,
        "examples": list(kind.examples),
    }
