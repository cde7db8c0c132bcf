"""What each write of a client puts beside it where a target is to learn of it.

It is done by the repository of clients, so that no use case can forget it: a link is raised in the
transaction of the change, or neither is there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from dcrserver.db.protocol.statements import Inserts
from dcrserver.names import UNAPPROVED, LinkState
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.link_statements import insertion
from dcrserver.strict_json import dumps

if TYPE_CHECKING:
    from dcrserver.repositories.clients import ClientRecord

# The connectors that are told of a tenant's clients.
Targets: TypeAlias = Callable[[str], Sequence[str]]
# Of a client, what no target is told; of its secrets see ``_told``.
_OURS = frozenset(
    {
        "registration_access_token_digest",
        "registration_access_token_expires_at",
        "previous_registration_access_token_digest",
        "previous_registration_access_token_expires_at",
        "client_secrets",
        "updated_at",
        "version",
        "tokens_ended_at",
        "shared_at",
        "expires_at",
    }
)


@cache
def _told_of(fields: tuple[str, ...]) -> itemgetter[Any]:
    """What targets are told of a record with these ``fields``."""
    return itemgetter(*(number for number, name in enumerate(fields) if name not in _OURS))


class LinkRaising:
    """What one transaction raises."""

    def __init__(self, targets: Targets, dialect: str) -> None:
        self._targets = targets
        self._insertion = insertion(dialect)
        # Connectors that were told already of what is written: whoever told them writes that.
        self._told: frozenset[str] = frozenset()
        # (tenant, client_id) of each client whose links were raised.
        self.raised: list[tuple[str, str]] = []

    def told(self, connectors: Iterable[str]) -> None:
        """Their links are not raised by what is written here."""
        self._told = frozenset(connectors)

    def written(
        self, old: ClientRecord | None, new: ClientRecord, *, is_secret_known: bool = True
    ) -> tuple[ClientRecord, Inserts]:
        """``new`` as its row has it, and what is put beside it.

        Raises:
            RuntimeError: it has a new secret, and no sealed copy of it for the targets.
        """
        new, sealed = _unsealed(new)
        connectors = self._targets(new.tenant)
        if not connectors:
            return new, ()
        if sealed is None and is_secret_known and _has_new_secret(old, new):
            raise RuntimeError("no sealed copy of a new secret: see SecretIssuer")
        if old is not None and sealed is None and _told(old) == _told(new):
            return new, ()
        state = LinkState.RESERVED if new.status in UNAPPROVED else LinkState.PENDING
        return new, self._raised(new, connectors, state, sealed)

    def gone(self, record: ClientRecord) -> Inserts:
        """What is put beside the deletion of ``record``."""
        return self._raised(record, self._targets(record.tenant), LinkState.GONE, None)

    def _raised(
        self, record: ClientRecord, connectors: Sequence[str], state: LinkState, sealed: str | None
    ) -> Inserts:
        now = time.time_ns() // 1_000_000
        link = ClientLinkRecord(
            record.tenant, record.client_id, "", wanted=1, state=state.word, raised_at=now,
            due_at=0 if state is LinkState.RESERVED else now, sealed_secret=sealed, updated_at=now,
        )  # fmt: skip
        raised = [name for name in connectors if name not in self._told]
        if raised:
            self.raised.append((record.tenant, record.client_id))
        return [(self._insertion, link._replace(connector=name)._asdict()) for name in raised]


def _unsealed(record: ClientRecord) -> tuple[ClientRecord, str | None]:
    """The row, and the sealed copy of the newest secret, which is not kept in it."""
    if record.client_secrets is None or '"sealed"' not in record.client_secrets:
        return record, None
    held = json.loads(record.client_secrets)
    sealed: str | None = held[0].get("sealed")  # the newest comes first
    for each in held:
        each.pop("sealed", None)
    return record._replace(client_secrets=dumps(held)), sealed


def _told(record: ClientRecord) -> tuple[Any, ...]:
    """What targets learn of the client: of its secrets which there are, not how they are kept."""
    held = json.loads(record.client_secrets or "[]")
    secrets = [(each["id"], each["expires_at"]) for each in held]
    made: tuple[Any, ...] = _told_of(record._fields)(record)
    return (*made, *secrets)


def _has_new_secret(old: ClientRecord | None, new: ClientRecord) -> bool:
    newest = _secret_ids(new)[:1]
    return bool(newest) and (old is None or newest[0] not in _secret_ids(old))


def _secret_ids(record: ClientRecord) -> list[str]:
    return [each["id"] for each in json.loads(record.client_secrets or "[]")]
