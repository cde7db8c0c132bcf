"""Tenants: what one is, and all of them together."""

from dcrserver.tenants.registry import TenantConflict, TenantRegistry, TenantSnapshot
from dcrserver.tenants.tenant import Mode, Tenant

__all__ = ["Mode", "Tenant", "TenantConflict", "TenantRegistry", "TenantSnapshot"]
