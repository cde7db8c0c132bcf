"""Step: who writes a client, as the statements of its policy see them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from dcrserver.metadata import ClientMetadata, Policy
from dcrserver.names import ClientOrigin
from dcrserver.policies.statements.circumstances import Circumstances
from dcrserver.policies.statements.lifetimes import lasting
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import ANONYMOUS, ActorKind

# The scope of whoever lets in clients that are held.
APPROVE = "clients:approve"
_UPDATE = "update"
# Who had registered a client that came to be so.
_REGISTERED_BY: Mapping[str, ActorKind] = MappingProxyType(
    {
        ClientOrigin.OPEN: ActorKind.ANONYMOUS,
        ClientOrigin.INITIAL_ACCESS_TOKEN: ActorKind.INITIAL_ACCESS_TOKEN,
        ClientOrigin.SOFTWARE_STATEMENT: ActorKind.ANONYMOUS,
        ClientOrigin.DOCUMENT: ActorKind.ANONYMOUS,
        ClientOrigin.ADMINISTRATOR: ActorKind.ADMINISTRATOR,
        ClientOrigin.IMPORT: ActorKind.ADMINISTRATOR,
    }
)
_NAMED = frozenset({ActorKind.ADMINISTRATOR, ActorKind.OPERATOR})
_NONE: frozenset[str] = frozenset()


def registered_by(born: str) -> ActorKind:
    """Who registers a client that comes to be so."""
    return _REGISTERED_BY[born]


class Asking(NamedTuple):
    """Who writes a client, and which: ``born`` is how it came, or comes, to be.

    ``updates``: it is there already. ``overrides``: an administrator who may writes past the
    statements, and says so. ``counts``: how many clients there are like it, and ``names``: those
    of the address; both where a policy asks, see ``Surroundings``.
    ``may_wait``: what is held for an approval is written so that it waits.
    """

    tenant: str
    origin: Origin
    born: str
    updates: bool = False
    overrides: bool = False
    counts: Mapping[str, int] = MappingProxyType({})
    may_wait: bool = False
    names: frozenset[str] = _NONE

    @property
    def may_approve(self) -> bool:
        """Whether who writes lets in what others have to wait with; an owner is bound as its
        clients are.
        """
        return self.origin.actor.may(APPROVE) and self.origin.actor.owner is None

    def circumstances(self) -> Circumstances:
        """As statements see it."""
        actor = self.origin.actor
        kinds = {actor.kind.word}
        if actor.kind in _NAMED:
            kinds.add(str(actor))
        if actor.kind is ActorKind.CLIENT:
            kinds.add(registered_by(self.born).word)
        return Circumstances(
            origins=frozenset({self.born, _UPDATE} if self.updates else {self.born}),
            actors=frozenset(kinds),
            tenant=self.tenant,
            address=self.origin.address,
            now=int(time.time()),
            scopes=actor.scopes if actor.kind in _NAMED else _NONE,
            counts=self.counts,
            names=self.names,
        )


ANYBODY = Asking("default", Origin(ANONYMOUS), ClientOrigin.OPEN.word)


def lasting_for(policy: Policy, asking: Asking, metadata: ClientMetadata) -> Policy:
    """``policy`` with the lifetimes that its statements give what a client is given."""
    if not policy.expiring or asking.overrides:
        return policy
    return lasting(policy, asking.circumstances(), metadata.members)
