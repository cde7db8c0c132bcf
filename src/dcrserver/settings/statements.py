"""What is wrong with a policy beside its form: members that nobody has; of its statements also
values that no member takes, those that never decide anything, and those that exclude each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from dcrserver.metadata.model import Parameter, Terms, Unacceptable
from dcrserver.policies import Policy
from dcrserver.policies.names.skeletons import skeletons
from dcrserver.policies.presets import PRESETS
from dcrserver.policies.statements.claims import PREFIX
from dcrserver.policies.statements.conditions import CONTEXT, comparable, elements, named_by
from dcrserver.policies.statements.grammar import FACTS, Effect, Statement
from dcrserver.settings.groups.members import MemberSettings
from dcrserver.settings.locations import nearest
from dcrserver.settings.problems import Problem, unknown_members


def problems_in(policy: Policy, declared: Mapping[str, MemberSettings]) -> Iterator[Problem]:
    """All that is wrong with ``policy``; ``declared``: the operator's own members."""
    yield from unknown_members(policy, declared)
    yield from _names_twice(policy)
    if not policy.statements:
        return
    from dcrserver.metadata.catalogue import understood

    own = {name: each.row(name) for name, each in declared.items()}
    rows = {**understood(policy.extensions.optional_families), **own}
    terms = Terms(policy=policy, members=own, administrator=True, readable_secrets=True)
    found: list[Problem] = []
    for number, statement in enumerate(policy.statements):
        place = ("statements", str(number))
        found += [Problem((*place, *w), text) for w, text in _problems(statement, rows, terms)]
    before = len(PRESETS[policy.preset].statements)
    for each in (*found, *_of_all(policy.statements)):
        name, number_, *rest = each.key  # the operator's own are counted, where they were written
        yield Problem((name, str(max(0, int(number_) - before)), *rest), each.text)


def _names_twice(policy: Policy) -> Iterator[Problem]:
    """A name with two lists of hosts would be that of the last."""
    before: dict[str, str] = {}
    for number, each in enumerate(policy.protected_names):
        seen = sorted(skeletons(each.name))
        for other in [before[one] for one in seen if one in before][:1]:
            yield Problem(("protected_names", str(number), "name"), f"reads as {other}, as well")
        before |= dict.fromkeys(seen, each.name)


def _problems(
    statement: Statement, rows: Mapping[str, Parameter], terms: Terms
) -> Iterator[tuple[tuple[str, ...], str]]:
    then = statement.then
    for key in statement.when:
        if told := _unreadable(key, rows, terms.policy):
            yield ("when", key), told
    for key in then.members:
        if told := _unknown(key, rows, hosts=then.restrict is not None):
            yield ("then", then.kind, key), told
    for name, value in (then.default or then.force or {}).items():
        row = rows.get(name.partition("#")[0])
        if row and (told := _refusal(row, value, terms)):
            yield ("then", then.kind, name), told
    wanted: dict[tuple[str, ...], Sequence[Any] | None] = {
        ("when", key): each.any_of for key, each in statement.when.items()
    }
    wanted |= {("then", "restrict", key): each for key, each in (then.restrict or {}).items()}
    for place, values in wanted.items():
        row = rows.get(place[-1])
        if row and values and (told := _none_of(row, values, terms)):
            yield place, told


def _unreadable(key: str, rows: Mapping[str, Parameter], policy: Policy) -> str | None:
    """Why no condition can be about ``key``, if none can."""
    if key.startswith(PREFIX):
        is_read = policy.statements_mode != "ignored"
        return None if is_read else "no software statement is read: statements_mode is ignored"
    from dcrserver.metadata.catalogue import VERIFIED

    beside = CONTEXT | VERIFIED.keys()
    return None if key in beside else _unknown(key, rows, *beside)


def _unknown(
    key: str, rows: Mapping[str, Parameter], *others: str, hosts: bool = True
) -> str | None:
    """Why ``key`` names no member, if it does not."""
    name = named_by(key) if hosts else key
    base, tagged, _ = name.partition("#")
    from dcrserver.metadata.catalogue import SERVER_ASSIGNED

    if base in SERVER_ASSIGNED:
        return f"{base} is for the server to set, and the same for no two clients"
    if base not in rows:
        return f"{base}: no such member{nearest(base, [*rows, *others])}"
    if rows[base].chooses:
        return f"{base} is never registered: it offers values for {rows[base].chooses}"
    if tagged and not rows[base].localizable:
        return f"{base} has no language tags"
    if name != key and not _is_location(rows[base]):
        return f"{base} is no member of URIs, and has no host"
    return None


def _is_location(row: Parameter) -> bool:
    items = row.kind.schema.get("items", row.kind.schema)
    return isinstance(items, dict) and items.get("format") == "uri"


def _refusal(row: Parameter, value: Any, terms: Terms) -> str | None:  # noqa: ANN401 - any JSON
    if row.kind.leaves_out(value):
        return f"{row.name} counts as left out with this value: remove leaves it out"
    try:
        row.kind.check(value, terms, row)
    except Unacceptable as error:
        return f"{row.name} {error}"
    return None


def _none_of(row: Parameter, allowed: Sequence[Any], terms: Terms) -> str | None:
    """Why no client could ever have one of the ``allowed`` values."""
    is_list = row.kind.schema.get("type") == "array"
    told = [_refusal(row, [each] if is_list else each, terms) for each in allowed]
    return f"none of these can be had: {told[0]}" if all(told) else None


def _of_all(statements: tuple[Statement, ...]) -> Iterator[Problem]:
    names = [each.name for each in statements]
    stops = [n for n, each in enumerate(statements) if each.then.reject and not each.when][:1]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield Problem(("statements", str(number), "name"), f"{name} is another one's name")
        for stop in stops:
            if number > stop:
                told = f"never decides anything: {names[stop]} refuses every registration"
                yield Problem(("statements", str(number)), told)
    for (_, first), (number, second) in combinations(enumerate(statements), 2):
        if _always_with(first, second):
            for name, told in _contradictions(first, second):
                named = [] if second.then.kind in FACTS else [name]
                place = ("statements", str(number), "then", second.then.kind, *named)
                yield Problem(place, f"{name} contradicts {first.name}: {told}")


def _always_with(first: Statement, second: Statement) -> bool:
    """Whether the first applies wherever the second does, as far as that is plain to see."""
    return all(first.when[key] == second.when.get(key) for key in first.when)


def _contradictions(first: Statement, second: Statement) -> Iterator[tuple[str, str]]:
    """Member -> why both cannot be had."""
    for name in sorted({*first.then.members} & {*second.then.members}):
        found = _contradiction(name, first.then, second.then) or _contradiction(
            name, second.then, first.then
        )
        if found:
            yield name, found


def _contradiction(name: str, one: Effect, other: Effect) -> str | None:
    if other.remove and (one.require or one.forced):
        return f"one would {one.kind} it, one removes it"
    if one.forced and other.forced:
        same = comparable(one.forced[name]) == comparable(other.forced[name])
        return None if same else "they force two values"
    if one.forced and other.restrict:
        given = {*map(comparable, elements(name, one.forced[name]))}
        within = given <= {*map(comparable, other.restrict[name])}
        return None if within else "one forces what the other does not allow"
    if one.restrict and other.restrict and named_by(name) == name:
        met = {*map(comparable, one.restrict[name])} & {*map(comparable, other.restrict[name])}
        return None if met else "no value is allowed by both"
    return None
