"""Step: the policy that administrators choose for a client, or move it to."""

from __future__ import annotations

from dataclasses import replace

from dcrserver.metadata.bounds import Bounds
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Writer
from dcrserver.services.access.policy_bindings import Bound
from dcrserver.services.audit.actors import Actor
from dcrserver.services.registration.facts import ClientFacts, Wrong, refusal
from dcrserver.tenants import Tenant


def bound_by(before: Bounds, tenant: Tenant, facts: ClientFacts, actor: Actor) -> Bounds:
    """``before`` with the policy of ``facts``, if they name one.

    Raises:
        BadChoice: the policy is not there, or not for this actor to choose.
    """
    is_left = facts.policy is None and "policy" not in facts.cleared
    if is_left or facts.policy == before.policy:
        return before
    if actor.owner is not None:
        raise refusal(Wrong("policy", "must not be sent: set by administrators"))
    if facts.policy is not None and facts.policy not in tenant.policies:
        raise refusal(Wrong("policy", "must be the name of one that is configured"))
    return replace(before, policy=facts.policy)


def moved(record: ClientRecord, tenant: Tenant, facts: ClientFacts, actor: Actor) -> Bounds:
    """The policy of birth binds for life, unless somebody who may moves the client to another.

    Raises:
        BadChoice: the policy is not there, or not for this actor to choose.
        InsufficientScope: the actor may change the client, but not by what it is judged.
    """
    before = Bounds.from_json(record.bounds)
    bounds = bound_by(before, tenant, facts, actor)
    if bounds != before:
        actor.require("policies:override")
    return bounds


def writer_for(database: Database, tenant: Tenant, before: str | None, bounds: Bounds) -> Writer:
    """What a client is written through that is bound to ``bounds``; ``before``: it was to these."""
    return database if bounds.to_json() == before else Bound(database, tenant, bounds)
