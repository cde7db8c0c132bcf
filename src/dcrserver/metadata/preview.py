"""What registering a submission would do, told without doing it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal

from dcrserver.errors import RegistrationError
from dcrserver.metadata.advice import ADVICE
from dcrserver.metadata.catalogue import (
    FAMILIES,
    IGNORED,
    PARAMETERS,
    SERVER_ASSIGNED,
    VERIFIED,
)
from dcrserver.metadata.fingerprints import is_shareable
from dcrserver.metadata.model import ClientMetadata, Draft, Issue, Parameter, Terms
from dcrserver.metadata.plan import plan_for, withheld
from dcrserver.metadata.spelling import meant
from dcrserver.metadata.statements import Ruling, ruling
from dcrserver.metadata.validation import STATEMENT, examine, recognized, server_members
from dcrserver.policies.statements.conditions import Circumstances
from dcrserver.policies.statements.effects import Refusal
from dcrserver.strict_json import JsonObject, JsonValue

_MAX_SHOWN = 120
_NOTHING: Mapping[str, JsonValue] = {}


def explain(
    submission: Mapping[str, JsonValue],
    terms: Terms,
    kept: Mapping[str, JsonValue] = _NOTHING,
    *,
    here: Circumstances,
) -> JsonObject:
    """Every issue, and what would become of each member, if who is ``here`` registered it.

    ``issues`` hold member, reason, requirement, specification, severity (error or warning) and,
    for errors, the error code; ``error`` is the code that registering would answer with.
    ``registration`` is what would be registered, or null. ``defaults``: filled in; ``changes``:
    sent otherwise, or left out, with the reason; ``ignored``: not understood, or empty.
    ``not_checked``: members whose documents are only read at registration. ``policy``: what the
    statements of the policy decide, and the names of those that do. ``shared``: all who register
    the same have one client. ``kept``: as for ``validate``.
    """
    draft, issues = examine(submission, terms, kept)
    if terms.policy.registration.client_supplied_credentials == "reject":
        issues = server_members(submission, withheld(terms)) or issues
    advice = [issue for rule in ADVICE for issue in rule.issues(draft, terms)]
    sent = _sent(submission, terms)
    found = None if issues else _ruling(submission, draft, terms, here, kept)
    registration = found.metadata.members if found and found.metadata else draft.members
    errors = [_told(issue, "error") for issue in issues] or [*_refusals(found)]
    return {
        "acceptable": not errors,
        "error": errors[0]["error"] if errors else None,
        "issues": [*errors, *(_told(issue, "warning") for issue in advice)],
        "registration": None if errors else dict(registration),
        "defaults": _defaults(registration, {row.name for row in sent.values()} | kept.keys()),
        "changes": _all_changes(submission, sent, draft, terms, found),
        "ignored": [*_ignored(submission, terms)],
        "not_checked": [*_read_later(draft, terms)],
        "policy": _decision(found, is_good=not issues),
        "shared": not errors and _is_shared(registration, terms),
    }


def _defaults(registration: Mapping[str, JsonValue], others: Collection[str]) -> JsonObject:
    return {
        name: value
        for name, value in registration.items()
        if name not in others and "#" not in name
    }


def _is_shared(registration: Mapping[str, JsonValue], terms: Terms) -> bool:
    """Administrators make clients of their own."""
    return not terms.administrator and is_shareable(ClientMetadata(registration), terms.policy)


def with_statement(
    explained: JsonObject, submission: Mapping[str, JsonValue], overruled: Iterable[str]
) -> JsonObject:
    """``explained`` of what a software statement made of ``submission``: ``overruled`` is told."""
    registration = explained["registration"]
    members = registration if isinstance(registration, dict) else {}
    changes = explained["changes"]
    told = [*changes] if isinstance(changes, list) else []
    for name in overruled:
        change: JsonObject = {"member": name, "sent": submission[name]}
        if name in members:
            change["registered"] = members[name]
        told.append(change | {"reason": "the software statement says otherwise"})
    return explained | {"changes": told}


def with_refusal(explained: JsonObject, error: RegistrationError) -> JsonObject:
    """``explained`` of a submission whose software statement is refused for ``error``."""
    issue = Issue(STATEMENT, error.description, "R7591-2.3-01", "RFC 7591 2.3", type(error))
    issues = explained["issues"]
    others = issues if isinstance(issues, list) else []
    return explained | {
        "acceptable": False,
        "error": error.code,
        "registration": None,
        "issues": [_told(issue, "error"), *others],
        "policy": {"decision": "reject", "statements": []},
        "shared": False,
    }


def _ruling(
    submission: Mapping[str, JsonValue],
    draft: Draft,
    terms: Terms,
    here: Circumstances,
    kept: Mapping[str, JsonValue],
) -> Ruling | None:
    if not terms.policy.decides:
        return None
    return ruling(submission, ClientMetadata(draft.members), terms, here, kept)


def _decision(found: Ruling | None, *, is_good: bool) -> JsonObject:
    if found is None:
        return {"decision": "accept" if is_good else "reject", "statements": []}
    return {"decision": found.verdict, "statements": [*found.statements]}


def _refusals(found: Ruling | None) -> Iterator[JsonObject]:
    """Of a policy, as issues; what statements spoil together is one."""
    if found is None or found.error is None:
        return
    whole = Refusal(", ".join(found.statements), found.error.code, found.error.description)
    for each in found.refusals or (whole,):
        yield {
            "member": each.member,
            "reason": each.description,
            "requirement": each.statement,
            "specification": each.key,
            "severity": "error",
            "error": each.error,
        }


def _all_changes(
    submission: Mapping[str, JsonValue],
    sent: Mapping[str, Parameter],
    draft: Draft,
    terms: Terms,
    found: Ruling | None,
) -> list[JsonValue]:
    """Of members that were sent; what a statement made of one comes last, and counts."""
    made = {str(each["member"]): each for each in _changes(submission, sent, draft, terms)}
    by = {change.member: change.statement for change in found.changes} if found else {}
    members = found.metadata.members if found and found.metadata else {}
    for name, row in sent.items():
        member = name if "#" in name else row.name
        if member in by:
            change: JsonObject = {"member": name, "sent": submission[name]}
            if member in members:
                change["registered"] = members[member]
            reason = f"the statement {by[member]} of the policy of this server"
            made[name] = change | {"reason": reason}
    return [*made.values()]


def differences(
    submission: Mapping[str, JsonValue], draft: Draft, terms: Terms
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """What is registered otherwise than it was sent, and what is not: member and what became of it,
    as far as it is the same for many clients.
    """
    if submission.items() <= draft.members.items():
        return [], []
    changed: list[tuple[str, str]] = []
    left_out: list[tuple[str, str]] = []
    sent = _sent(submission, terms)
    for each in _changes(submission, sent, draft, terms):
        name = str(each["member"])
        kind = changed if "registered" in each else left_out
        kind.append((name, _in_words(each, sent[name])))
    ignored = [(str(each["member"]), str(each["reason"])) for each in _ignored(submission, terms)]
    return changed, left_out + ignored


def _in_words(change: JsonObject, row: Parameter) -> str:
    """With the values where the server names those that there are; any others are of one client."""
    if not row.bounded_by:
        return str(change["reason"])
    shown = [_shown(change[name]) for name in ("sent", "registered") if name in change]
    return f"{' -> '.join(shown)}: {change['reason']}"


def _shown(value: JsonValue) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text[:_MAX_SHOWN]


def _sent(submission: Mapping[str, JsonValue], terms: Terms) -> dict[str, Parameter]:
    return {
        name: row
        for name, row in recognized(submission, terms).items()
        if not row.kind.leaves_out(submission[name])
    }


def _told(issue: Issue, severity: Literal["error", "warning"]) -> JsonObject:
    made: JsonObject = {
        "member": issue.member,
        "reason": issue.reason,
        "requirement": issue.requirement,
        "specification": issue.specification,
        "severity": severity,
    }
    return made | ({"error": issue.error.code} if severity == "error" else {})


def _changes(
    submission: Mapping[str, JsonValue], sent: Mapping[str, Parameter], draft: Draft, terms: Terms
) -> Iterator[JsonObject]:
    for name, row in sent.items():
        registered = draft.members.get(name if "#" in name else row.name)
        if row.name in draft.failed or registered == submission[name]:
            continue
        change: JsonObject = {"member": name, "sent": submission[name]}
        if registered is not None:
            change["registered"] = registered
        if registered == [] and row.name == "response_types":
            reason = "a client that is never redirected has none"
        else:
            reason = _repeats(submission[name], registered) or _reason(row, terms)
        yield change | {"reason": reason}


def _repeats(sent: JsonValue, registered: JsonValue) -> str | None:
    if isinstance(sent, list) and registered == [*dict.fromkeys(map(str, sent))]:
        return "a value that is named more than once is registered once"
    return None


def _reason(row: Parameter, terms: Terms) -> str:
    plan = plan_for(terms)
    if row.name == "application_type":
        return "another word for it, or what the redirect_uris say it is (policy.registration)"
    if row.chooses:
        return f"a list of possibilities; one is chosen as {row.chooses}"
    if row.name in plan.unsupported:
        return f"this server does not support it: {' or '.join(row.features)}"
    if row.name in plan.forced:
        return f"this server demands it of all clients: {row.forced_by}"
    if row.bounded_by:
        return f"only what this server supports is registered: {row.bounded_by}"
    return "the policy of this server"


def _ignored(submission: Mapping[str, JsonValue], terms: Terms) -> Iterator[JsonObject]:
    known = recognized(submission, terms)
    for name, value in submission.items():
        if name not in known:
            yield {"member": name, "reason": _why_ignored(name, terms)}
        elif value is not None and known[name].kind.leaves_out(value):
            yield {"member": name, "reason": "empty, which counts as left out"}


def _why_ignored(name: str, terms: Terms) -> str:
    if name in SERVER_ASSIGNED:
        return "only the server sets it"
    if name in plan_for(terms).reserved:
        return "only an administrator sets it (policy.extensions.self_service)"
    if name in VERIFIED:
        return "software statements are not read here (policy.statements_mode)"
    if name in IGNORED:
        return IGNORED[name]
    for key, family in FAMILIES.items():
        if name.partition("#")[0] in {row.name for row in family.rows} and family.optional:
            return f"the family {key} is off (policy.extensions.optional_families)"
    similar = meant(name) or next(iter(difflib.get_close_matches(name, PARAMETERS, 1, 0.8)), None)
    return f"unknown; did you mean {similar}?" if similar else "unknown"


def _read_later(draft: Draft, terms: Terms) -> Iterator[JsonValue]:
    if draft.has("sector_identifier_uri"):
        yield "sector_identifier_uri"
    if draft.has("jwks_uri") and terms.policy.jwks.eager_fetch:
        yield "jwks_uri"
