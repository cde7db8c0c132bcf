"""A registration judged by the statements of its policy, after the specifications."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from dcrserver.errors import (
    InvalidClientMetadata,
    InvalidRedirectUri,
    InvalidSoftwareStatement,
    RegistrationError,
    UnapprovedSoftwareStatement,
)
from dcrserver.metadata.impersonation import PROTECTED_NAMES, refusals_of_names
from dcrserver.metadata.model import ClientMetadata, Terms, for_administrators
from dcrserver.metadata.validation import recognized, validate
from dcrserver.policies.statements.conditions import Circumstances
from dcrserver.policies.statements.effects import QUOTA_REACHED, Change, Quota, Refusal
from dcrserver.policies.statements.evaluation import Decision, Verdict, decide, in_order
from dcrserver.strict_json import JsonObject, JsonValue


class QuotaReached(RegistrationError):
    """There are as many clients like this one as there may be.

    RFC 7591 3.2.2 has no word for it, and 400 for all: nothing is wrong with the metadata, and to
    wait is no use.
    """

    code = QUOTA_REACHED
    status = 400


# What a statement changes can let another one apply; a policy that has not come to rest by then
# never does.
_ROUNDS = 8
_ERRORS: Mapping[str, type[RegistrationError]] = MappingProxyType(
    {
        each.code: each
        for each in (
            InvalidRedirectUri,
            InvalidClientMetadata,
            InvalidSoftwareStatement,
            UnapprovedSoftwareStatement,
            QuotaReached,
        )
    }
)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the statements of a policy make of a registration.

    ``metadata``: what is to be stored, None where it is refused with ``error``. ``statements``: the
    names of those that decided. ``tags``: what the client is tagged with. ``refusals``: what the
    error is made of. ``expiries``: seconds that what it is given lives. ``quotas``: how many
    there may be like it, which is for whoever writes it to count.
    """

    verdict: Verdict
    statements: tuple[str, ...]
    metadata: ClientMetadata | None
    changes: tuple[Change, ...] = ()
    tags: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    error: RegistrationError | None = None
    expiries: Mapping[str, int] = field(default_factory=dict)
    quotas: tuple[Quota, ...] = ()


def ruling(
    submission: Mapping[str, JsonValue],
    metadata: ClientMetadata,
    terms: Terms,
    here: Circumstances,
    kept: Mapping[str, JsonValue] | None = None,
) -> Ruling:
    """What becomes of ``metadata``, which ``validate`` made of ``submission`` and ``kept``.

    What is changed is validated again and asked about again, until nothing changes: what is stored
    is what was judged. Statements may set members that are not for the client to set. The protected
    names of the policy are asked about at the end.
    """
    found = _by_statements(submission, metadata, terms, here, kept)
    if found.metadata is None or not terms.policy.protected_names:
        return found
    refusals = refusals_of_names(terms.policy, found.metadata.members)
    return _refused((PROTECTED_NAMES,), refusals) if refusals else found


def _by_statements(
    submission: Mapping[str, JsonValue],
    metadata: ClientMetadata,
    terms: Terms,
    here: Circumstances,
    kept: Mapping[str, JsonValue] | None,
) -> Ruling:
    kept = kept or {}
    sent = {**_sent(submission, terms), **kept}
    statements, decided = terms.policy.statements, _Decided()

    def made_of(asked: Mapping[str, JsonValue]) -> Mapping[str, JsonValue] | None:
        with suppress(RegistrationError):
            return _validated(asked, kept, terms).members
        return None

    for _ in range(_ROUNDS):
        decision = decide(statements, here, sent, metadata.members, made_of)
        decided.add(decision)
        if decision.refusals:
            return _refused(decision.statements, decision.refusals)
        if decision.sent == sent:
            names = in_order(statements, decided.names)
            verdict: Verdict = "hold" if decided.is_held else "accept"
            return Ruling(
                verdict, names, metadata, (*decided.changes,), (*decided.tags,),
                expiries=decision.expiries, quotas=decision.quotas,
            )  # fmt: skip
        sent = dict(decision.sent)
        try:
            metadata = _validated(sent, kept, terms)
        except RegistrationError as error:
            return _spoilt(in_order(statements, decided.names), error)
    names = in_order(statements, decided.names)
    told = f"statements of this server's policy contradict each other: {', '.join(names)}"
    return Ruling("reject", names, None, error=InvalidClientMetadata(told))


class _Decided:
    """What was decided in all rounds."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.changes: list[Change] = []
        self.tags: dict[str, None] = {}
        self.is_held = False

    def add(self, decision: Decision) -> None:
        self.names.update(decision.statements)
        self.changes.extend(decision.changes)
        self.tags.update(dict.fromkeys(decision.tags))
        self.is_held = self.is_held or decision.is_held


def _sent(submission: Mapping[str, JsonValue], terms: Terms) -> JsonObject:
    """What was asked for, by the names that members have here; what was left out is not."""
    return {
        name if "#" in name else row.name: submission[name]
        for name, row in recognized(submission, terms).items()
        if not row.kind.leaves_out(submission[name])
    }


def _validated(
    sent: Mapping[str, JsonValue], kept: Mapping[str, JsonValue], terms: Terms
) -> ClientMetadata:
    """
    Raises:
        RegistrationError: what the statements made of it is not acceptable.
    """
    stays = {name: value for name, value in kept.items() if sent.get(name) is value}
    asked = {name: value for name, value in sent.items() if name not in stays}
    # Whoever asks got no further than ``recognized``; the rest is the operator's.
    return validate(asked, for_administrators(terms), stays)


def _refused(names: tuple[str, ...], refusals: tuple[Refusal, ...]) -> Ruling:
    """The first refusal decides the error code, as the first issue does."""
    told = "; ".join(dict.fromkeys(each.description for each in refusals))
    error = _ERRORS[refusals[0].error](told)
    return Ruling("reject", names, None, refusals=refusals, error=error)


def _spoilt(names: tuple[str, ...], error: RegistrationError) -> Ruling:
    told = f"as the policy of this server changes it: {error.description}"
    return Ruling("reject", names, None, error=type(error)(told, detail=error.detail))
