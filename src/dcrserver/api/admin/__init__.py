"""/admin/v1: what administrators do, a file for each noun."""

from dcrserver.api.admin import (
    admin_tokens,
    client_approvals,
    client_changes,
    client_documents,
    client_notes,
    clients,
    deleted_clients,
    events,
    initial_access_tokens,
    jobs,
    keys,
    moving,
    policies,
    posture,
    secrets,
    server,
    statistics,
    tenants,
)

_NOUNS = (
    jobs,
    moving,
    clients,
    client_changes,
    client_approvals,
    client_documents,
    client_notes,
    secrets,
    deleted_clients,
    initial_access_tokens,
    admin_tokens,
    tenants,
    policies,
    posture,
    events,
    keys,
    statistics,
    server,
)
ROUTERS = [noun.router.api for noun in _NOUNS]
