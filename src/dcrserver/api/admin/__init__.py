"""/admin/v1: what administrators do, a file for each noun."""

from dcrserver.api.admin import (
    client_changes,
    clients,
    deleted_clients,
    jobs,
    policies,
    secrets,
    statistics,
    tenants,
)

_NOUNS = (
    jobs,
    clients,
    client_changes,
    secrets,
    deleted_clients,
    tenants,
    policies,
    statistics,
)
ROUTERS = [noun.router.api for noun in _NOUNS]
