"""Who does something: what ``services.access.actors`` makes of credentials, what use cases judge
by, and what events name.
"""

from __future__ import annotations

from typing import NamedTuple

from dcrserver.errors import InsufficientScope
from dcrserver.names import Word


class ActorKind(Word):
    """What somebody is to us; events store the word."""

    ANONYMOUS = "anonymous"
    CLIENT = "client"
    INITIAL_ACCESS_TOKEN = "initial_access_token"  # noqa: S105 - a name
    ADMINISTRATOR = "administrator"
    AUTHORIZATION_SERVER = "authorization_server"
    OPERATOR = "operator"
    SYSTEM = "system"


class Actor(NamedTuple):
    """Somebody who asks, known by their credentials; one is made for most requests.

    ``id``: client_id, id of the token, subject of a JWT, or user of the system.
    ``tenant``: None for those of all tenants.
    ``scopes``: all that they may do, compound scopes with their parts; see ``access.scopes``.
    ``name``: for people: the label of the token, the name in a JWT.
    ``owner``: set for whoever sees and changes the clients of this owner only.
    ``expires_at``: when their credential ends, in seconds since 1970; 0: never.
    ``audiences``: for whoever may look only at access tokens for one of these; none: at any.
    """

    kind: ActorKind
    id: str | None
    tenant: str | None
    scopes: frozenset[str] = frozenset()
    name: str = ""
    owner: str | None = None
    audiences: tuple[str, ...] = ()
    expires_at: int = 0

    def may(self, scope: str) -> bool:
        """Whether they have ``scope``."""
        return scope in self.scopes

    def require(self, scope: str) -> None:
        """Lets through whoever has ``scope``.

        Raises:
            InsufficientScope: they do not.
        """
        if scope not in self.scopes:
            raise InsufficientScope(f"the admin token needs the scope {scope}")

    def of_tenant(self, name: str) -> bool:
        """Whether they have to do with the tenant ``name``."""
        return self.tenant is None or self.tenant == name

    def sees(self, owner: str | None) -> bool:
        """Whether clients of ``owner`` are any of their business."""
        return self.owner is None or self.owner == owner

    def __str__(self) -> str:
        """As lists of tokens name who issued one, e.g. operator:alice."""
        return self.kind.value if self.id is None else f"{self.kind.value}:{self.id}"


ANONYMOUS = Actor(ActorKind.ANONYMOUS, None, None)
SYSTEM = Actor(ActorKind.SYSTEM, None, None)
