"""From a submission to a registration: shape, kinds, defaults, rules. All issues are collected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dcrserver.errors import InvalidClientMetadata, InvalidSoftwareStatement
from dcrserver.metadata.catalogue import SERVER_ASSIGNED
from dcrserver.metadata.defaults import fill_in
from dcrserver.metadata.model import (
    ClientMetadata,
    Draft,
    Issue,
    Parameter,
    Terms,
    Unacceptable,
)
from dcrserver.metadata.plan import Plan, plan_for
from dcrserver.metadata.rules import rules_for
from dcrserver.metadata.spelling import hints
from dcrserver.metadata.text import is_language_tag
from dcrserver.strict_json import JsonObject, JsonValue

_NOTHING: Mapping[str, JsonValue] = {}
STATEMENT = "software_statement"
# Whoever writes a registration and verifies no statement finds out here.
_WITHOUT_STATEMENT = Issue(
    STATEMENT,
    "must be sent: this server registers software for which a trusted issuer vouches",
    "POL-31",
    "RFC 7591 2.3",
    InvalidSoftwareStatement,
)


def validate(
    submission: Mapping[str, JsonValue], terms: Terms, kept: Mapping[str, JsonValue] = _NOTHING
) -> ClientMetadata:
    """The registration that ``submission`` asks for.

    Members that are not in the catalogue are ignored (RFC 7591 2), null counts as omitted
    (RFC 7592 2.2, POL-06). The result holds every default and is stored and echoed as it is.
    ``kept``: members that are there whatever is sent, see ``beyond``.

    Raises:
        RegistrationError: of the class of the first issue, with the texts of all, and what
            members may be meant that are not known.
    """
    draft, issues = examine(submission, terms, kept)
    if issues:
        told = [*(issue.text for issue in issues), *hints(submission)]
        raise issues[0].error("; ".join(told), mistakes=issues)
    return ClientMetadata(draft.members)


def examine(
    submission: Mapping[str, JsonValue], terms: Terms, kept: Mapping[str, JsonValue] = _NOTHING
) -> tuple[Draft, list[Issue]]:
    """As ``validate``, with the issues as data.

    Their order: single members as the catalogue has them, what cannot be filled in, then the
    cross-field rules as ``RULES`` has them.
    """
    plan = plan_for(terms)
    draft = Draft({})
    issues = _judge(submission, plan, terms, draft)
    draft.members |= kept
    issues.extend(fill_in(draft, plan, terms))
    members = tuple([name for name in draft.members if "#" not in name])
    for rule in rules_for(members, draft.text("token_endpoint_auth_method")):
        issues.extend(rule.ask(draft, terms))
    if terms.policy.statements_mode == "required" and STATEMENT not in draft.members:
        issues.insert(0, _WITHOUT_STATEMENT)
    return draft, issues


def beyond(stored: Mapping[str, JsonValue], terms: Terms) -> JsonObject:
    """What of a ``stored`` registration is not for whoever is judged by ``terms`` to change."""
    reserved = plan_for(terms).reserved
    if reserved.isdisjoint(stored):
        return {}
    return {name: value for name, value in stored.items() if name in reserved}


def recognized(submission: Mapping[str, JsonValue], terms: Terms) -> dict[str, Parameter]:
    """The members of ``submission`` that mean something here, each with its row."""
    plan = plan_for(terms)
    return {name: row for name, row in _members(submission, plan, terms) if name in submission}


def _members(
    submission: Mapping[str, JsonValue], plan: Plan, terms: Terms
) -> Iterator[tuple[str, Parameter]]:
    aliases = terms.policy.registration.member_aliases
    tagged: list[str] = []
    for name in submission:
        row = plan.rows.get(name)
        if row is not None:
            yield name, row
        elif "#" in name:
            tagged.append(name)
        elif name in aliases and aliases[name] not in submission and aliases[name] in plan.rows:
            yield name, plan.rows[aliases[name]]
    for name in sorted(tagged):  # so that their order in the request means nothing
        base, _, tag = name.partition("#")
        if base in plan.localizable and is_language_tag(tag):
            yield name, plan.rows[base]


def _judge(
    submission: Mapping[str, JsonValue], plan: Plan, terms: Terms, draft: Draft
) -> list[Issue]:
    """Puts each member that its kind accepts into ``draft``."""
    found: list[tuple[str, Issue]] = []
    tags: set[str] = set()
    for name, row in _members(submission, plan, terms):
        value = submission[name]
        if row.kind.leaves_out(value):
            continue
        tagged = "#" in name
        if tagged and name.lower() in tags:  # client_name#fr and client_name#FR (POL-21)
            if terms.policy.languages.case_duplicates == "reject":
                found.append((row.name, _given_twice(row)))
            continue
        if tagged:
            tags.add(name.lower())
        try:
            kept = row.kind.check(value, terms, row)
            if row.name in plan.unsupported:
                _refuse_beyond_the_server(kept, row, terms)
                continue
        except Unacceptable as error:
            draft.failed.add(row.name)
            issue = Issue(name, str(error), row.kind.rule, row.specification, row.error)
            found.append((row.name, issue))
            continue
        if row.chooses and isinstance(kept, list):
            draft.choices[row.name] = [str(item) for item in kept]
        elif kept is not None:
            draft.members[name if tagged else row.name] = kept
    return _in_the_order_of_the_catalogue(found, plan)


def _in_the_order_of_the_catalogue(found: list[tuple[str, Issue]], plan: Plan) -> list[Issue]:
    if len(found) > 1:
        order = {name: position for position, name in enumerate(plan.rows)}
        found.sort(key=lambda pair: (order[pair[0]], pair[1].member))
    return [issue for _, issue in found]


def _given_twice(row: Parameter) -> Issue:
    reason = "is given twice with language tags that differ in case only"
    return Issue(row.name, reason, "CF-70", "RFC 7591 2.2")


def _refuse_beyond_the_server(value: JsonValue, row: Parameter, terms: Terms) -> None:
    """A member about something that the server does not do is left out, or refused (POL-33).

    Raises:
        Unacceptable: by the policy.
    """
    policy = terms.policy.extensions
    how = policy.unsupported_demands if row.demand else policy.unsupported
    if how == "reject" and value is not False:
        raise Unacceptable("asks for something that this server does not support")


def refuse_server_members(submission: Mapping[str, JsonValue], names: frozenset[str]) -> None:
    """Refuses members that only the server sets.

    Raises:
        InvalidClientMetadata: one of ``names`` is there and not null.
    """
    if issues := server_members(submission, names):
        raise InvalidClientMetadata("; ".join(issue.text for issue in issues))


def server_members(submission: Mapping[str, JsonValue], names: frozenset[str]) -> list[Issue]:
    """An issue for each of ``names`` that was sent (POL-40, POL-44)."""
    given = sorted(name for name in names if submission.get(name) is not None)
    return [
        Issue(name, f"must not be sent: set by {_setter(name)}", "CF-97", "RFC 7592 2.2")
        for name in given
    ]


def _setter(name: str) -> str:
    return "this server" if name in SERVER_ASSIGNED else "administrators"
