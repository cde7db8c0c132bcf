"""Step: the policy that administrators choose for a client, or move it to."""

from __future__ import annotations

from dcrserver.metadata.bounds import Bounds
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Writer
from dcrserver.services.access.policy_bindings import Bound
from dcrserver.services.audit.actors import Actor
from dcrserver.services.registration.facts import ClientFacts, Wrong, refusal
from dcrserver.tenants import Tenant


def bound_by(before: Bounds, tenant: Tenant, facts: ClientFacts, actor: Actor) -> Bounds:
    """``before`` with the policy of ``facts``, if they name one, as it is now.

    Raises:
        BadChoice: the policy is not there, or not for this actor to choose.
    """
    stays = facts.policy is None and "policy" not in facts.cleared
    stays = stays or facts.policy == before.policy
    if stays and _keeps_version(before, facts):
        return before
    if actor.owner is not None:
        member = "policy_version" if stays else "policy"
        raise refusal(Wrong(member, "must not be sent: set by administrators"))
    name = before.policy if stays else facts.policy
    if name is not None and name not in tenant.policies:
        raise refusal(Wrong("policy", "must be the name of one that is configured"))
    bounds = tenant.bound_for_life(before.of(name))
    # Where the policy is another, what was shown of the one before may be sent back.
    if facts.policy_version not in {None, bounds.policy_version, before.policy_version}:
        raise refusal(Wrong("policy_version", "must be the active one, if that binds for life"))
    return bounds


def _keeps_version(before: Bounds, facts: ClientFacts) -> bool:
    """Nothing asks for what is active now: a number that is another, or nothing in its place."""
    is_cleared = "policy_version" in facts.cleared and before.policy_version is not None
    return not is_cleared and facts.policy_version in {None, before.policy_version}


def born_under(within: Bounds, tenant: Tenant, facts: ClientFacts, actor: Actor) -> Bounds:
    """What a client is bound to that is made ``within`` those bounds, and by ``facts``.

    Raises:
        BadChoice: as ``bound_by``.
    """
    return tenant.bound_for_life(bound_by(within, tenant, facts, actor))


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
