"""Names with a meaning that commands show before anything else is loaded."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_TENANT = "default"
# In place of the name of a tenant, as none is called: what is for all of them.
ALL_TENANTS = "*"
# Every scope of an admin token, and what it is for.
ADMIN_SCOPES: Mapping[str, str] = {
    "clients:create": "register clients, whatever the mode",
    "clients:authenticate": "let us authenticate clients for an authorization server",
    "clients:read": "read the metadata of clients",
    "tokens:introspect": "look at access tokens (RFC 7662)",
}
