"""Step: what a policy would make of many, told by kinds: how many of each, and a few of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dcrserver.metadata.statements import Ruling
from dcrserver.strict_json import JsonObject, JsonValue, dumps

# Kinds that are told apart, and those of each that are named.
_MOST = 100
_EXAMPLES = 5
_LONGEST = 200
_OTHERS: JsonObject = {"decision": "other"}


class Outcome(NamedTuple):
    """What would become of one; ``changes``: by member, what it was and what it would be."""

    kind: JsonObject
    changes: JsonObject

    @property
    def reason(self) -> str | None:
        """Why it would be refused."""
        return str(self.kind["error_description"]) if self.kind["decision"] == "reject" else None


def outcome(ruling: Ruling, before: Mapping[str, JsonValue]) -> Outcome:
    """Of a registration that is, or was asked to be, as ``before``."""
    kind: JsonObject = {"decision": ruling.verdict, "statements": [*ruling.statements]}
    if ruling.error is not None:
        kind["error"] = ruling.error.code
        kind["error_description"] = ruling.error.description[:_LONGEST]
        return Outcome(kind, {})
    after = ruling.metadata.members if ruling.metadata else {}
    changes: JsonObject = {
        name: [before.get(name), after.get(name)]
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }
    return Outcome(kind | {"changed": [*changes]}, changes)


def grouped(groups: Iterable[JsonObject], found: Iterable[tuple[str, Outcome]]) -> list[JsonObject]:
    """``groups`` with those that were ``found``, each by its name: the largest first."""
    made = {_key(each): dict(each) for each in groups}
    for name, each in found:
        kind = each.kind
        if _key(kind) not in made and len(made) >= _MOST:
            kind = _OTHERS
        group = made.setdefault(_key(kind), {**kind, "count": 0, "examples": []})
        group["count"] = int(str(group["count"])) + 1
        examples = group["examples"]
        if isinstance(examples, list) and len(examples) < _EXAMPLES:
            examples.append(name)
        if each.changes and "change" not in group:
            group["change"] = each.changes
    return sorted(made.values(), key=lambda group: (-int(str(group["count"])), _key(group)))


def _key(group: JsonObject) -> str:
    told = ("decision", "statements", "error", "error_description", "changed")
    return dumps([group.get(name) for name in told])
