"""The text of docs/metadata.md, made from the catalogue, the rules and the presets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from dcrserver.metadata import (
    FAMILIES,
    IGNORED,
    RULES,
    SERVER_ASSIGNED,
    VERIFIED,
    Parameter,
    Who,
)
from dcrserver.metadata.advice import ADVICE
from dcrserver.metadata.catalogue import Family
from dcrserver.metadata.model import Rule
from dcrserver.policies.presets import PRESETS

HEAD = """# Client metadata

Made by `python docs/make.py` from the rows that also validate; `make check` fails when it is not
fresh.

What a client may register, family by family. Members that are not listed here are ignored and not
echoed (RFC 7591 2), and so are the members of a family that is off. `null` and an
empty text count as omitted, whatever the member; so do an empty list where a text or a list is
meant (unless the table says non-empty) and an empty object where an object is meant, as `jwks`.

How a request is judged: each member by itself, in the order of these tables; then what is missing;
then the rules, in the order of their table. **All** issues are told in `error_description`; the
first decides the `error` code. One bad member never changes what is told about another.
`dcrserver client check FILE`, or `POST /register/validate` where it is on, tells all of it without
registering: every issue with its rule, the defaults, and what the policy would change.

Some members depend on what the authorization server can do, which its metadata says (the column
*server*). A value it does not support is refused, or replaced and echoed
(`policy.algorithms.unsupported`, `policy.grants.unsupported`, `policy.scope.unknown`). A member
about something it does not do at all is left out of the registration
(`policy.extensions.unsupported`); a `true` that asks it to enforce something is refused
(`policy.extensions.unsupported_demands`, marked *demand*).

Members that are set by administrators are ignored when anybody else sends them, as unknown ones
are, unless `policy.extensions.self_service` names them; see [extensions.md](extensions.md).
"""
_KINDS = """
## Rules of single members

What a value must be, before anything else is asked: the ids in the column *rules* that are not in
the next table. `dcrserver client check` and `POST /register/validate` name them, too.

| id | the value is | members |
|---|---|---|"""
_MANY = 6
_HEADER = (
    "| member | meaning | values | default | server | rules | specification |\n" + "|---" * 7 + "|"
)


def text() -> str:
    parts = [HEAD]
    for name, family in FAMILIES.items():
        parts.extend(_family(name, family))
    parts.append("\n## Set by the server\n")
    parts.extend(_pairs("member", "meaning", SERVER_ASSIGNED.items()))
    parts.append("\n## Of software statements\n")
    parts.extend(_pairs("member", "meaning", VERIFIED.items()))
    parts.append("\n## Known and ignored\n")
    parts.extend(_pairs("member", "why", IGNORED.items()))
    parts.append(_KINDS)
    parts.extend(_kinds())
    parts.append("\n## Rules\n\nAbout several members together, or about what the server can do.\n")
    parts.extend(_rules(RULES))
    parts.append("\n## Advice\n\nTold by the preview as warnings; never a reason to refuse.\n")
    parts.extend(_rules(ADVICE))
    parts.extend(_presets())
    return "\n".join(parts) + "\n"


def _family(name: str, family: Family) -> Iterator[str]:
    yield f"\n## {family.title}\n"
    if family.optional:
        yield f"Off unless `policy.extensions.optional_families` holds `{name}`.\n"
    yield _HEADER
    yield from (_row(row) for row in family.rows)


def _row(row: Parameter) -> str:
    rules = [rule.id for rule in RULES if row.name in rule.uses]
    marks = [
        *(["may carry a language tag"] if row.localizable else []),
        *(["somebody may fetch it"] if row.fetched else []),
        *(["set by administrators"] if row.set_by is Who.ADMINISTRATOR else []),
    ]
    cells = [
        f"`{row.name}`" + (f" ({', '.join(marks)})" if marks else ""),
        row.description,
        row.kind.meaning,
        "" if row.default is None else f"`{json.dumps(row.default)}`",
        _server(row),
        ", ".join(dict.fromkeys([row.kind.rule, *rules])),
        row.specification,
    ]
    return f"| {' | '.join(cells)} |"


def _kinds() -> Iterator[str]:
    """One row for each id: kinds of different bounds may share one."""
    rows: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for family in FAMILIES.values():
        for row in family.rows:
            meanings, members = rows.setdefault(row.kind.rule, ({}, {}))
            meanings[_in_general(row.kind.meaning)] = members[f"`{row.name}`"] = None
    for rule_id in sorted(rows):
        meanings, members = rows[rule_id]
        yield f"| {rule_id} | {'; or '.join(meanings)} | {', '.join(members)} |"


def _in_general(meaning: str) -> str:
    """Long lists of values are in the members' own tables."""
    return meaning if meaning.count(",") < _MANY else "one of the values that its table lists"


def _server(row: Parameter) -> str:
    names = dict.fromkeys([*row.features, *([row.bounded_by] if row.bounded_by else [])])
    told = " or ".join(f"`{name}`" for name in names)
    return f"{told} (demand)" if row.demand else told


def _pairs(first: str, second: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"| {first} | {second} |\n|---|---|"
    yield from (f"| `{name}` | {meaning} |" for name, meaning in rows)


def _rules(rules: Iterable[Rule]) -> Iterator[str]:
    yield "| id | rule | specification |\n|---|---|---|"
    yield from (f"| {rule.id} | {rule.statement} | {rule.specification} |" for rule in rules)


def _presets() -> Iterator[str]:
    yield "\n## Presets\n"
    yield (
        "`[policy] preset = NAME` starts from these choices; each key can still be set beside it."
        " `dcrserver config check` prints what results."
    )
    for name, preset in PRESETS.items():
        yield f"\n### {name}\n\n{preset.description}.\n"
        for group, choices in preset.policy.items():
            for key, value in _settings(f"policy.{group}", choices):
                yield f"- `{key} = {json.dumps(value)}`"
        for key, value in preset.server.items():
            told = "no bound" if value is None else f"`{json.dumps(value)}`"
            yield f"- presumed of a server of which nothing else is known: `{key}` {told}"
        for key, values in {**preset.limits, **preset.cuts}.items():
            yield f"- at most: `{key}` `{json.dumps(values)}`"
        for key, value in preset.forced.items():
            yield f"- said of any server: `{key}` `{json.dumps(value)}`"


def _settings(key: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield f"{key}.{name}", each
    else:
        yield key, value
