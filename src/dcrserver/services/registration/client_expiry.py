"""Step: when a client ends: as its policy says when it is registered, or as administrators do.

What is stored is a moment in seconds since 1970; 0: never, as an administrator said; None: nobody
said, so that its policy may say it later.
"""

from __future__ import annotations

import time

from dcrserver.metadata import ClientMetadata, Policy
from dcrserver.policies.statements.lifetimes import lifetime
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.access.asking import Asking
from dcrserver.services.access.stored_clients import metadata_of
from dcrserver.services.audit.actors import Actor
from dcrserver.services.registration.facts import NO_FACTS, ClientFacts, Wrong, refusal

_MEMBER = "expires_at"


def ends_at(
    policy: Policy,
    asking: Asking,
    metadata: ClientMetadata,
    before: ClientRecord | None = None,
    facts: ClientFacts = NO_FACTS,
) -> int | None:
    """When the client ends that becomes one of ``metadata``; ``before``: of an update.

    An update makes no client live longer. It ends sooner where it becomes one that lives shorter,
    or where nobody has said yet when it ends: what administrators said stays otherwise, and is
    said by ``facts``.

    Raises:
        BadChoice: as ``_chosen``.
    """
    there = before.expires_at if before else None
    if facts is not NO_FACTS and (chosen := _chosen(facts, asking.origin.actor, there)) is not None:
        return chosen
    if not policy.expiring or asking.overrides:
        return there
    here = asking.circumstances()
    seconds = lifetime(policy, here, metadata.members)
    if seconds is None:
        return there
    if before is not None and there is not None:
        was = lifetime(policy, here, metadata_of(before).members)
        if was is not None and was <= seconds:
            return there
    new = int(time.time()) + seconds
    return min(there, new) if there else new


def _chosen(facts: ClientFacts, actor: Actor, there: int | None) -> int | None:
    """When it ends as an administrator chooses it; None: as it is, or as its policy says.

    Raises:
        BadChoice: an owner chooses it, whose clients are bound to their policy; or it is past.
    """
    chosen = facts.expires_at
    if chosen is None and _MEMBER in facts.cleared and there:
        chosen = 0
    if chosen is None or chosen == there:
        return None
    if actor.owner is not None:
        raise refusal(Wrong(_MEMBER, "must not be sent: set by administrators"))
    if 0 < chosen <= time.time():
        raise refusal(Wrong(_MEMBER, "must be ahead: a client that is to end now is deleted"))
    return chosen
