"""[rate_limits] and [redis]: how often, and where it is counted."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from dcrserver.settings.values import Group, SecretUrl


class RateLimitSettings(Group):
    """Open registrations per address, and guesses at secrets."""

    enabled: bool = Field(default=True, description="false for load tests")
    open_registration: str = Field(
        default="60/minute", description="clients made, per IPv4 address or IPv6 /64"
    )
    open_registration_total: str = Field(
        default="6000/minute", description="clients made per tenant, all addresses together"
    )
    open_registration_attempts: str = Field(
        default="300/minute",
        description="requests to register or to validate, refused ones too, per IPv4 address or"
        " IPv6 /64, counted by each process for itself",
    )
    failed_authentication: str = Field(
        default="30/minute",
        description="wrong credentials of one client from one address, and admin tokens that nobody"
        " knows from one address, counted by each process for itself",
    )


class RedisSettings(Group):
    """Shared state of several instances; in memory when unset."""

    url: SecretUrl | None = Field(default=None, description="redis:// or rediss://")
    url_file: Path | None = Field(default=None, description="a file that holds url, in its place")
