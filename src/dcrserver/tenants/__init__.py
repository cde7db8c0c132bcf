"""Tenants: what one is, and all of them together."""

from dcrserver.tenants.issuers import TrustedIssuer
from dcrserver.tenants.policies import Named, NamedPolicies
from dcrserver.tenants.registry import TenantRegistry
from dcrserver.tenants.snapshot import TenantConflict, TenantSnapshot
from dcrserver.tenants.tenant import Mode, Tenant

__all__ = [
    "Mode",
    "Named",
    "NamedPolicies",
    "Tenant",
    "TenantConflict",
    "TenantRegistry",
    "TenantSnapshot",
    "TrustedIssuer",
]
