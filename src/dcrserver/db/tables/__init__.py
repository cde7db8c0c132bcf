"""The tables, declared once for the repositories and for Alembic; a file an area.

Every row carries its tenant; every primary key is made by us, so that the schema works unchanged
on a distributed engine. Times are seconds since 1970 (milliseconds where a name says so).
"""

from __future__ import annotations

from dcrserver.db.tables.access import (
    admin_tokens,
    idempotency_keys,
    initial_access_token_uses,
    initial_access_tokens,
)
from dcrserver.db.tables.audit import events
from dcrserver.db.tables.background import job_inputs, jobs, leases
from dcrserver.db.tables.columns import metadata
from dcrserver.db.tables.provisioning import client_links, connector_reports
from dcrserver.db.tables.registration import (
    client_approvals,
    client_documents,
    client_facets,
    client_notes,
    client_quotas,
    clients,
    deleted_clients,
    last_uses,
    shared_clients,
)
from dcrserver.db.tables.tenants import (
    authorization_server_metadata,
    configuration_changes,
    dcr_configurations,
    stored_policies,
    stored_tenants,
)
from dcrserver.db.tables.tokens import access_tokens, signing_keys, spent_identifiers

__all__ = [
    "access_tokens",
    "admin_tokens",
    "authorization_server_metadata",
    "client_approvals",
    "client_documents",
    "client_facets",
    "client_links",
    "client_notes",
    "client_quotas",
    "clients",
    "configuration_changes",
    "connector_reports",
    "dcr_configurations",
    "deleted_clients",
    "events",
    "idempotency_keys",
    "initial_access_token_uses",
    "initial_access_tokens",
    "job_inputs",
    "jobs",
    "last_uses",
    "leases",
    "metadata",
    "shared_clients",
    "signing_keys",
    "spent_identifiers",
    "stored_policies",
    "stored_tenants",
]
