"""What credentials of administrators and authorization servers are good for: scopes, and roles,
which are sets of them. Loads nothing else: commands show it in their help.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# Every scope, and what it lets do.
SCOPES: Mapping[str, str] = {
    "clients:read": "read and search clients",
    "clients:create": "register clients, whatever the mode",
    "clients:update": "change, suspend and resume clients",
    "clients:write": "clients:create and clients:update",
    "clients:approve": "let in clients that are held, or not",
    "clients:delete": "delete and restore clients",
    "clients:authenticate": "let us authenticate clients for an authorization server",
    "secrets:export": "read the hashes of secrets and tokens, to move clients elsewhere",
    "secrets:write": "issue, replace and end secrets of clients",
    "tokens:read": "list initial access tokens and admin tokens",
    "tokens:write": "issue and revoke initial access tokens and admin tokens",
    "tokens:outlive": "issue tokens that end after one's own, or never",
    "tokens:introspect": "look at access tokens (RFC 7662)",
    "policies:read": "read policies and what they would do",
    "policies:write": "write, activate and roll back policies",
    "policies:override": "move a client to another policy than that of its birth",
    "tenants:read": "read tenants",
    "tenants:write": "make, change and end tenants",
    "connectors:read": "read which authorization servers are told of clients, and how far they are",
    "connectors:write": "try connectors, compare their servers with what is here, and put right",
    "keys:read": "list signing keys",
    "keys:write": "make, replace and end signing keys",
    "events:read": "read the audit trail",
    "statistics:read": "read how many clients there are of what kind",
    "configuration:read": "read the configuration, secrets left out",
    "server:read": "read the state of the server",
    "jobs:read": "read the state of background jobs",
    "jobs:write": "start and stop background jobs",
}

# What others call ours: accepted wherever scopes are given to us.
ALIASES: Mapping[str, str] = {
    "internal_dcr_create": "clients:create",
    "internal_dcr_view": "clients:read",
    "internal_dcr_update": "clients:update",
    "internal_dcr_delete": "clients:delete",
}

# A scope that stands for others.
_COMPOUND: Mapping[str, frozenset[str]] = {
    "clients:write": frozenset({"clients:create", "clients:update"}),
}

# What an authorization server asks us; no administrator does.
AUTHORIZATION_SERVER = frozenset({"clients:read", "clients:authenticate", "tokens:introspect"})

# Who has the hash of a weak secret finds the secret, and whoever imports it elsewhere is let in
# there: it is given on purpose, while clients move, and to nobody as a part of a role. So is what
# makes one for ever of a token that was to end.
_OF_NO_ADMINISTRATOR = frozenset(
    {"clients:authenticate", "tokens:introspect", "secrets:export", "tokens:outlive"}
)

_VIEWER = (
    "clients:read", "tokens:read", "policies:read", "tenants:read", "statistics:read", "keys:read",
    "jobs:read", "connectors:read",
)  # fmt: skip

# Named sets of scopes, in the order of the table above.
ROLES: Mapping[str, tuple[str, ...]] = {
    "administrator": tuple(
        scope for scope in SCOPES if scope not in _OF_NO_ADMINISTRATOR
    ),
    "viewer": _VIEWER,
    "registrar": (*_VIEWER, "clients:write", "tokens:write", "secrets:write", "jobs:write"),
    # Its holder sees and changes the clients of one owner only.
    "owner": (
        "clients:read", "clients:write", "clients:delete", "secrets:write", "jobs:read",
        "jobs:write",
    ),
    "auditor": (
        "events:read", "clients:read", "tokens:read", "policies:read", "tenants:read",
        "statistics:read", "configuration:read", "server:read", "connectors:read",
    ),
}  # fmt: skip


def known(given: Iterable[str]) -> tuple[str, ...]:
    """Those of ``given`` that are scopes of ours, by our names, each once and in our order.

    What others call theirs is left out: a JWT carries scopes of many servers.
    """
    wanted = {ALIASES.get(scope, scope) for scope in given}
    return tuple(scope for scope in SCOPES if scope in wanted)


def expanded(given: Iterable[str]) -> frozenset[str]:
    """All that ``given`` lets do: a compound scope is its parts, and all its parts are it."""
    made = set(given)
    for whole, parts in _COMPOUND.items():
        if whole in made:
            made |= parts
        elif parts <= made:
            made.add(whole)
    return frozenset(made)
