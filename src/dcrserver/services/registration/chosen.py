"""Step: what an administrator chose for a client beside its metadata, held against who it is."""

from __future__ import annotations

from dcrserver.metadata import ClientMetadata, needs_readable_secret, needs_secret
from dcrserver.metadata.bounds import Bounds
from dcrserver.metadata.comparing import listed
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.audit import Origin, utc
from dcrserver.services.audit.actors import Actor
from dcrserver.services.registration.facts import ClientFacts, Wrong, refusal
from dcrserver.services.registration.policy import Asking
from dcrserver.services.secrets.kept import ChosenSecret
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant

# Octets of a key for HS512 (OpenID Connect Core 16.19).
_MAC_KEY = 64


def asking_of(
    tenant: Tenant,
    origin: Origin,
    facts: ClientFacts,
    born: str,
    before: ClientRecord | None = None,
) -> Asking:
    """Who writes, and whether past the statements of the policy; ``before``: of an update. A client
    that waits for an approval waits on.

    Raises:
        BadChoice: an owner, who is bound as its clients are, asks to write past the
            policy.
        InsufficientScope: another actor asks, and may not.
    """
    if facts.policy_override:
        if origin.actor.owner is not None:
            raise refusal(Wrong("policy_override", "must not be sent: set by administrators"))
        origin.actor.require("policies:override")
    may_wait = before is None or before.approval is not None
    return Asking(
        tenant.name, origin, born, before is not None,
        overrides=bool(facts.policy_override), may_wait=may_wait,
    )  # fmt: skip


def owner_of(facts: ClientFacts, actor: Actor) -> str | None:
    """Whose client it is; an owner's own are its own.

    Raises:
        BadChoice: an owner names another one, or nobody.
    """
    if actor.owner is None:
        return facts.owner
    if facts.owner not in {None, actor.owner} or "owner" in facts.cleared:
        raise refusal(Wrong("owner", "must be the one that the admin token is for"))
    return actor.owner


def chosen_secret(facts: ClientFacts, metadata: ClientMetadata) -> ChosenSecret | None:
    """The secret that an administrator brings, or its end.

    Raises:
        BadChoice: a client with this metadata has no secret, or needs a longer one.
    """
    if facts.client_secret is None and facts.client_secret_expires_at is None:
        return None
    if not needs_secret(metadata):
        name = "client_secret_expires_at" if facts.client_secret is None else "client_secret"
        raise refusal(Wrong(name, "must not be sent: the client needs no secret"))
    if needs_readable_secret(metadata) and len(facts.client_secret or "") in range(1, _MAC_KEY):
        raise refusal(Wrong("client_secret", f"must have {_MAC_KEY} characters to sign with"))
    return ChosenSecret(facts.client_secret, facts.client_secret_expires_at)


def facts_changed(before: ClientRecord | None, after: ClientRecord) -> JsonObject:
    """For the event: member -> [old, new], as it tells of metadata."""
    pairs = {
        "owner": (before.owner if before else None, after.owner),
        "tags": (_listed_tags(before), _listed_tags(after)),
        "expires_at": (utc(before.expires_at or 0) if before else None, utc(after.expires_at or 0)),
        "policy": (_bounds_of(before).policy, _bounds_of(after).policy),
        "policy_version": (_bounds_of(before).policy_version, _bounds_of(after).policy_version),
    }
    return {name: [*pair] for name, pair in pairs.items() if pair[0] != pair[1]}


def tags_of(facts: ClientFacts) -> str | None:
    """As the column has them."""
    return listed(facts.tags) if facts.tags else None


def _listed_tags(record: ClientRecord | None) -> JsonValue:
    return list[JsonValue](record.tags.split()) if record and record.tags else None


def _bounds_of(record: ClientRecord | None) -> Bounds:
    return Bounds.from_json(record.bounds if record else None)
