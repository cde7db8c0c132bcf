"""Names with a meaning that commands show before anything else is loaded."""

from __future__ import annotations

DEFAULT_TENANT = "default"
# In place of the name of a tenant, as none is called: what is for all of them.
ALL_TENANTS = "*"
