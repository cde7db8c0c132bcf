"""Names with a meaning that commands show before anything else is loaded."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_TENANT = "default"
# Every scope of an admin token, and what it is for.
ADMIN_SCOPES: Mapping[str, str] = {
    "clients:register": "register clients, whatever the mode",
    "clients:authenticate": "let us authenticate clients for an authorization server",
    "clients:read": "read the metadata of clients",
    "tokens:introspect": "look at access tokens (RFC 7662)",
}
