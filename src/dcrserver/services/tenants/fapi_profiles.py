"""Step: what Asgardeo calls a profile is a policy here, which is there while it is enforced."""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.repositories.transaction import Transaction
from dcrserver.strict_json import JsonObject, dumps

# Profile -> the preset that is it here. Clients are bound to a policy of the tenant that begins as
# the preset, and keep it when enforcement ends.
PROFILES: Mapping[str, str] = {
    "FAPI1_ADVANCED": "fapi1-advanced",
    "FAPI2_SECURITY": "fapi2",
}


def policy_of(profile: str) -> str:
    """The name of the policy that clients are bound to."""
    return f"asgardeo-{PROFILES[profile]}"


async def enforcing(tx: Transaction, scope: str, policy: str) -> int:
    """How many tenants, of ``scope`` (one of them, or ``*``), bind clients to this ``policy``."""
    for profile in PROFILES:
        if policy_of(profile) == policy:
            # Members of services.tenants.dcr_configuration.DcrConfiguration.
            members: tuple[JsonObject, ...] = (
                {"enable_fapi_enforcement": True}, {"fapi_profile": profile},
            )  # fmt: skip
            return await tx.dcr_configurations.count(scope, *(dumps(m)[1:-1] for m in members))
    return 0
