"""Step: policies as administrators see them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.stored_policies import DRAFT, StoredPolicyRecord
from dcrserver.strict_json import JsonObject, dumps


class PolicyView:
    """A policy as administrators see it; times in seconds since 1970, 0 for never.

    ``tenant``: ``*`` for one of all. ``version``: the active one, None while there is none.
    ``policy``: what it says, the keys of [policies.NAME]; ``draft``: what the next version will.
    ``broken``: why it does not count as it is stored.
    """

    def __init__(
        self, records: Sequence[StoredPolicyRecord], broken: Mapping[tuple[str, str], str]
    ) -> None:
        first = records[0]
        self.name, self.tenant, self.declared = first.name, first.tenant, False
        self._active = next((each for each in records if each.state == "active"), None)
        self._draft = first if first.version == DRAFT else None
        self.broken = broken.get((first.tenant, first.name))
        self.version = self._active.version if self._active else None
        self.policy = _document(self._active)
        self.draft = _document(self._draft)
        self.activated_at = self._active.activated_at if self._active else 0
        self.activated_by = self._active.activated_by if self._active else None
        self.drafted_at = self._draft.created_at if self._draft else 0
        self.drafted_by = self._draft.created_by if self._draft else None
        self.etag = f'"{max(each.change_number for each in records)}"'

    @classmethod
    def of_the_file(cls, name: str, document: JsonObject) -> PolicyView:
        """One that is declared."""
        text = dumps(document)
        record = StoredPolicyRecord(ALL_TENANTS, name, 1, text, "active", 0, 0, "")
        made = cls([record], {})
        made.declared, made.version = True, None
        return made


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One of the versions that a policy had; times in seconds since 1970."""

    version: int
    state: str
    policy: JsonObject
    created_at: int
    created_by: str
    activated_at: int
    activated_by: str | None


def version_view(record: StoredPolicyRecord) -> PolicyVersion:
    """What administrators see of one."""
    return PolicyVersion(
        version=record.version,
        state=record.state,
        policy=json.loads(record.policy),
        created_at=record.created_at,
        created_by=record.created_by,
        activated_at=record.activated_at,
        activated_by=record.activated_by or None,
    )


def _document(record: StoredPolicyRecord | None) -> JsonObject | None:
    if record is None:
        return None
    made: JsonObject = json.loads(record.policy)
    return made
