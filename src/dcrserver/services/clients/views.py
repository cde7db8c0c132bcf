"""What administrators see of clients; times in seconds since 1970, 0 for never."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from dcrserver.metadata.bounds import Bounds
from dcrserver.names import PUBLISHED, LinkState
from dcrserver.repositories.client_approvals import ClientApprovalRecord
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.deleted_clients import DeletedClientRecord
from dcrserver.repositories.shared_clients import SharedClientRecord
from dcrserver.services.access.stored_clients import etag_of
from dcrserver.services.secrets.kept import secrets_of
from dcrserver.strict_json import JsonObject

if TYPE_CHECKING:
    from dcrserver.services.registration.verified_facts import VerifiedFacts

_NO_USES: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SecretView:
    """A secret that works, without what could be used; times in seconds since 1970."""

    id: str
    issued_at: int
    expires_at: int
    last_used_at: int


class ApprovalView:
    """Why a client was held, and what became of that; times in seconds since 1970, 0 for never."""

    def __init__(self, record: ClientApprovalRecord) -> None:
        self.statements: list[str] = json.loads(record.statements)
        self.ends_at = record.ends_at
        self.reason = record.reason


class LinkView:
    """How far a target is with a client; ``error``: why it lacks it, or has it otherwise."""

    def __init__(self, record: ClientLinkRecord) -> None:
        self.connector = record.connector
        self.state = record.state
        self.remote_id = record.remote_id
        self.wanted = record.wanted
        self.applied = record.applied
        self.attempts = record.attempts
        self.error = record.last_error


class ClientView:
    """A client as administrators see it; times in seconds since 1970, 0 for never."""

    def __init__(
        self,
        record: ClientRecord,
        uses: Mapping[str, int] = _NO_USES,
        shared: SharedClientRecord | None = None,
        facts: VerifiedFacts | None = None,
        approval: ClientApprovalRecord | None = None,
        links: Sequence[ClientLinkRecord] = (),
    ) -> None:
        """``uses``: when each of its secrets was last used; the empty id is another credential.
        ``shared``: what leads to it, where many have it. ``facts``: that others vouch for.
        ``links``: to targets that are told of it.
        """
        self.links = [LinkView(each) for each in links if each.state != LinkState.RESERVED]
        self.approval = None if approval is None else ApprovalView(approval)
        self.record = record
        self.client_id = record.client_id
        self.tenant = record.tenant
        self.owner = record.owner
        self.created_at = record.issued_at
        self.updated_at = record.updated_at
        self.suspended_at = record.suspended_at
        self.expires_at = record.expires_at or 0
        self.version = record.version
        self.origin = record.origin
        self.tags = record.tags.split() if record.tags else []
        bounds = Bounds.from_json(record.bounds)
        self.policy, self.policy_version = bounds.policy, bounds.policy_version
        self.scopes, self.grant_types = bounds.scopes, bounds.grant_types
        self._uses = uses
        self.verified_facts = facts
        self.registrations = shared.registrations if shared else 1
        self.last_registered_at = shared.last_registered_at if shared else record.issued_at

    @property
    def status(self) -> str:
        return self.record.status

    @property
    def last_used_at(self) -> int:
        return max(self._uses.values(), default=0)

    @property
    def metadata(self) -> JsonObject:
        """What it registered, by the names of RFC 7591."""
        made: JsonObject = json.loads(self.record.metadata)
        return made

    @property
    def published(self) -> bool:
        """Whether everybody may read its metadata."""
        return self.metadata.get(PUBLISHED) is True

    @property
    def secrets(self) -> list[SecretView]:
        """Those that work, newest first."""
        return [
            SecretView(each.id, each.issued_at, each.expires_at, self._uses.get(each.id, 0))
            for each in secrets_of(self.record).held
            if each.is_live()
        ]

    @property
    def etag(self) -> str:
        return etag_of(self.record)


class DeletedClientView:
    """A client that can be restored."""

    def __init__(self, record: DeletedClientRecord) -> None:
        self.record = record
        self.client_id = record.client_id
        self.tenant = record.tenant
        self.deleted_at = record.deleted_at_milliseconds // 1000
        self.purge_at = record.purge_at
        self.owner = record.owner
        self.client_name = json.loads(record.client.metadata).get("client_name")
