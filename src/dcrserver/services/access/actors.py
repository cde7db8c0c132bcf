"""Step: who somebody is, by what they present."""

from __future__ import annotations

import json

from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.admin_tokens import AdminTokenRecord
from dcrserver.services.access.scopes import AUTHORIZATION_SERVER, SCOPES, expanded
from dcrserver.services.audit.actors import ANONYMOUS, SYSTEM, Actor, ActorKind

__all__ = ["ANONYMOUS", "SYSTEM", "Actor", "ActorKind", "of", "operator"]


def operator(user: str) -> Actor:
    """Who runs commands on the server's own machine: may do everything, everywhere."""
    return Actor(ActorKind.OPERATOR, user, None, frozenset(SCOPES))


def of(token: AdminTokenRecord) -> Actor:
    """Who has ``token``: by its scopes, an administrator or an authorization server."""
    scopes = expanded(token.scopes.split())
    asks_only = scopes <= AUTHORIZATION_SERVER
    return Actor(
        ActorKind.AUTHORIZATION_SERVER if asks_only else ActorKind.ADMINISTRATOR,
        token.id,
        None if token.tenant == ALL_TENANTS else token.tenant,
        scopes,
        token.label,
        token.owner,
        tuple(json.loads(token.audiences)) if token.audiences else (),
        token.expires_at,
    )
