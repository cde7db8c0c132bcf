"""Step: what the statements of a client's policy make of a write, whoever writes.

``SubmissionValidator`` asks here for each of its verdicts, so that nobody who writes can forget to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dcrserver.errors import InvalidClientMetadata
from dcrserver.metadata import ClientMetadata, Terms
from dcrserver.metadata.statements import Ruling, ruling
from dcrserver.policies.statements.effects import Quota
from dcrserver.services.access.asking import ANYBODY, Asking, registered_by
from dcrserver.strict_json import JsonObject, JsonValue

_NEEDS_APPROVAL = (
    "it needs the approval of an administrator, and nothing waits for one here: who may approve"
    " has to write it"
)
__all__ = ["ANYBODY", "UNRULED", "Asking", "Ruled", "registered_by", "ruled"]


class Ruled(NamedTuple):
    """What statements add to a registration that may be.

    ``statements``: the names of those that decided, or would have where they were overridden.
    ``is_held``: it needs an approval; ``is_approved``: it would, had somebody else written it.
    """

    statements: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_held: bool = False
    is_overridden: bool = False
    quotas: tuple[Quota, ...] = ()
    is_approved: bool = False

    def told(self) -> JsonObject:
        """For the event of the write."""
        if not self.statements:
            return {}
        name = "policy_override" if self.is_overridden else "policy_statements"
        made: JsonObject = {name: list[JsonValue](self.statements)}
        return made | {"approved": True} if self.is_approved else made

    def tagged(self, tags: str | None) -> str | None:
        """``tags`` of a client, as the column has them, and those that statements add."""
        if not self.tags:
            return tags
        return f" {' '.join(dict.fromkeys([*(tags or '').split(), *self.tags]))} "


UNRULED = Ruled()


def ruled(
    submission: JsonObject,
    metadata: ClientMetadata,
    terms: Terms,
    asking: Asking,
    kept: Mapping[str, JsonValue] | None = None,
) -> tuple[ClientMetadata, Ruled]:
    """What is to be stored in place of ``metadata``, which was made of ``submission``.

    Raises:
        RegistrationError: a statement refuses it.
    """
    found = ruling(submission, metadata, terms, asking.circumstances(), kept)
    if asking.overrides:
        return metadata, Ruled(found.statements, is_overridden=True)
    if found.verdict != "hold":
        return accepted(found), Ruled(found.statements, found.tags, quotas=found.quotas)
    is_held = not asking.may_approve
    if is_held and not asking.may_wait:
        raise InvalidClientMetadata(_NEEDS_APPROVAL)
    made = Ruled(found.statements, found.tags, is_held=is_held, quotas=found.quotas)
    return accepted(found), made._replace(is_approved=not is_held)


def accepted(found: Ruling) -> ClientMetadata:
    """What is to be stored.

    Raises:
        RegistrationError: nothing is.
    """
    if found.error is not None:
        raise found.error
    assert found.metadata is not None  # noqa: S101 - one of both is there
    return found.metadata
