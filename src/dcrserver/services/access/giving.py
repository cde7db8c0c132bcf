"""Step: what somebody may put into a token for others. Pure; nobody gives what they do not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dcrserver.errors import Forbidden
from dcrserver.names import ALL_TENANTS
from dcrserver.services.access.scopes import expanded
from dcrserver.services.audit.actors import Actor

# Lets tokens end after the credential that issues them.
OUTLIVE = "tokens:outlive"


class Wanted(Protocol):
    """What an admin token is to be good for."""

    @property
    def scopes(self) -> Sequence[str]: ...

    @property
    def audiences(self) -> Sequence[str]: ...

    @property
    def owner(self) -> str | None: ...


def check(actor: Actor, tenant: str, wanted: Wanted) -> None:
    """What ``wanted`` is good for is no more than ``actor`` may do; ``tenant``: * for all.

    Raises:
        Forbidden: it is more.
    """
    if beyond := sorted(expanded(wanted.scopes) - actor.scopes):
        raise Forbidden(f"nobody can give what they do not have: {', '.join(beyond)}")
    if actor.audiences and "tokens:introspect" in wanted.scopes:
        beyond = sorted(set(wanted.audiences) - set(actor.audiences))
        if beyond or not wanted.audiences:
            told = ", ".join(actor.audiences)
            raise Forbidden(f"it must be for some of these audiences: {told}")
    if tenant == ALL_TENANTS and actor.tenant is not None:
        raise Forbidden("a token for all tenants is issued by whoever administers all of them")
    if actor.owner not in {None, wanted.owner}:
        raise Forbidden("an owner's token is for the clients of this owner")


def expiry(actor: Actor, lifetime: int | None, usual: int, now: int) -> int:
    """When a token that ``actor`` issues ``now`` ends, in seconds since 1970; 0: never.

    ``lifetime`` in seconds, 0: for ever, None: the ``usual`` one, or less where the actor's own
    credential ends before.

    Raises:
        Forbidden: it would end after the actor's own credential, and may not.
    """
    asked = usual if lifetime is None else lifetime
    ends_at = now + asked if asked else 0
    if not actor.expires_at or actor.may(OUTLIVE) or 0 < ends_at <= actor.expires_at:
        return ends_at
    if lifetime is None:
        return actor.expires_at
    left = max(actor.expires_at - now, 0)
    raise Forbidden(f"it would outlive what issues it ({left} s): that needs the scope {OUTLIVE}")
