"""What follows from the terms alone, worked out once for the life of a tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcrserver.metadata.catalogue import PARAMETERS, SERVER_ASSIGNED, understood
from dcrserver.metadata.model import Parameter, Terms, Unacceptable, Who, once
from dcrserver.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from the terms alone, worked out once for all submissions.

    ``unsupported``: rows about something that the server does not do. ``defaults``: what is filled
    in, already fitted to the server. ``forced``: what is true whatever was sent. ``choices``: the
    rows of RP Metadata Choices. ``reserved``: names of rows that whoever asks may not set.
    """

    rows: Mapping[str, Parameter]
    localizable: frozenset[str]
    unsupported: frozenset[str]
    defaults: tuple[tuple[str, JsonValue], ...]
    forced: tuple[str, ...]
    choices: tuple[Parameter, ...]
    reserved: frozenset[str]


@once
def hidden(terms: Terms) -> frozenset[str]:
    """Names of members that the client itself is not told of."""
    rows = terms.members.values()
    return frozenset(row.name for row in rows if row.read_by is Who.ADMINISTRATOR)


@once
def withheld(terms: Terms) -> frozenset[str]:
    """Names of members that whoever is judged by ``terms`` must not set when it registers."""
    return plan_for(terms).reserved.union(SERVER_ASSIGNED)


@once
def plan_for(terms: Terms) -> Plan:
    """What a registration under ``terms`` is judged by, row by row."""
    understands = {**understood(terms.policy.extensions.optional_families), **terms.members}
    reserved = frozenset(row.name for row in understands.values() if not _may_set(row, terms))
    rows = {name: row for name, row in understands.items() if name not in reserved}
    known = [row for row in rows.values() if row.is_known_to(terms.server)]
    defaults = [(row.name, fitted(row.default, row, terms)) for row in known]
    return Plan(
        rows=rows,
        localizable=frozenset(row.name for row in rows.values() if row.localizable),
        unsupported=frozenset(rows).difference(row.name for row in known),
        defaults=tuple((name, value) for name, value in defaults if value is not None),
        forced=tuple(
            row.name for row in known
            if row.forced_by and terms.server.offers_one_of([row.forced_by])
        ),
        choices=tuple(
            row for row in known
            if row.chooses and PARAMETERS[row.chooses].is_known_to(terms.server)
        ),
        reserved=reserved,
    )  # fmt: skip


def _may_set(row: Parameter, terms: Terms) -> bool:
    return (
        row.set_by is Who.EVERYBODY
        or terms.administrator
        or row.name in terms.policy.extensions.self_service
    )


def fitted(default: JsonValue, parameter: Parameter, terms: Terms) -> JsonValue:
    """The default if the server supports it, else the server's first value, else None."""
    supported = terms.server.supported(parameter.bounded_by or "")
    if supported is None or default is None:
        return default
    candidates: list[JsonValue] = [default]
    if isinstance(default, str):
        candidates.extend(supported)
    for candidate in candidates:
        try:
            return parameter.kind.check(candidate, terms, parameter)
        except Unacceptable:
            continue
    return None
