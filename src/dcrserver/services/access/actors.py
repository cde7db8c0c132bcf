"""Step: who somebody is, by what they present."""

from __future__ import annotations

from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.admin_tokens import AdminTokenRecord
from dcrserver.services.access.scopes import AUTHORIZATION_SERVER, SCOPES, expanded
from dcrserver.services.audit.actors import ANONYMOUS, SYSTEM, Actor, ActorKind

__all__ = ["ANONYMOUS", "SYSTEM", "Actor", "ActorKind", "of", "operator"]


def of(token: AdminTokenRecord) -> Actor:
    """Who presents an admin token: by its scopes, an administrator or an authorization server."""
    scopes = expanded(token.scopes.split())
    return Actor(
        ActorKind.AUTHORIZATION_SERVER
        if scopes <= AUTHORIZATION_SERVER
        else ActorKind.ADMINISTRATOR,
        token.id,
        None if token.tenant == ALL_TENANTS else token.tenant,
        scopes,
        token.label,
        token.owner,
    )


def operator(user: str) -> Actor:
    """Who runs commands on the server's own machine: may do everything, everywhere."""
    return Actor(ActorKind.OPERATOR, user, None, frozenset(SCOPES))
