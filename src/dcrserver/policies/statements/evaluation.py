"""What the statements of a policy make of a registration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dcrserver.policies.statements.conditions import Circumstances
from dcrserver.policies.statements.effects import (
    APPLY,
    Change,
    Draft,
    MadeOf,
    Quota,
    Refusal,
    as_it_is,
)
from dcrserver.policies.statements.grammar import Statement
from dcrserver.strict_json import JsonValue

Verdict: TypeAlias = Literal["accept", "reject", "hold"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a registration.

    ``statements``: the names of those that decided: that refuse it, else all that changed it, hold
    it or tag it. ``sent``: what is to be registered, as if it had been asked for. ``expiries``:
    seconds that what the client is given lives. ``quotas``: how many there may be like it.
    """

    statements: tuple[str, ...] = ()
    sent: Mapping[str, JsonValue] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    tags: tuple[str, ...] = ()
    is_held: bool = False
    expiries: Mapping[str, int] = field(default_factory=dict)
    quotas: tuple[Quota, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst that was decided."""
        if self.refusals:
            return "reject"
        return "hold" if self.is_held else "accept"


def decide(
    statements: Sequence[Statement],
    here: Circumstances,
    sent: Mapping[str, JsonValue],
    members: Mapping[str, JsonValue],
    made_of: MadeOf = as_it_is,
) -> Decision:
    """What ``statements``, in their order, make of a registration of ``members``.

    ``members``: what would be stored, with every default; ``sent``: what was asked for of it.
    ``made_of``: what would be stored if something else were, for the statements after one that
    changes it; None where that is not acceptable as it is.
    """
    draft = Draft(dict(sent), dict(members), counts=here.counts, made_of=made_of)
    changed = 0
    for statement in statements:
        if len(draft.changes) > changed:
            changed = len(draft.changes)
            draft.members = {**(made_of(draft.sent) or draft.members)}
        if statement.concerns(here, draft.members):
            APPLY[statement.then.kind](statement, draft)
    deciding = (
        (refusal.statement for refusal in draft.refusals)
        if draft.refusals
        else (*(change.statement for change in draft.changes), *draft.held_by, *draft.noted_by)
    )
    return Decision(
        statements=in_order(statements, deciding),
        sent=draft.sent,
        changes=tuple(draft.changes),
        refusals=tuple(draft.refusals),
        tags=tuple(draft.tags),
        is_held=bool(draft.held_by),
        expiries=draft.expiries,
        quotas=tuple(draft.quotas),
    )


def in_order(statements: Iterable[Statement], names: Iterable[str]) -> tuple[str, ...]:
    """``names``, each once, as the policy has them."""
    wanted = {*names}
    if not wanted:
        return ()
    return tuple(each.name for each in statements if each.name in wanted)
