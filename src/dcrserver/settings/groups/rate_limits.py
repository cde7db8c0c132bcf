"""[rate_limits] and [redis]: how often, and where it is counted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from dcrserver.limits import ROWS, Rate, rate_of
from dcrserver.settings.values import Group, SecretUrl


def _rate(text: str) -> str:
    if text:
        rate_of(text)
    return text


# Empty: no limit.
RateText = Annotated[str, AfterValidator(_rate)]


class RateLimitSettings(Group):
    """How often something may be done: 60/minute, or "1/second burst 60"; empty: no limit."""

    enabled: bool = Field(default=True, description="false for load tests")
    open_registration: RateText = Field(
        default="60/minute", description="clients made, per IPv4 address or IPv6 /64"
    )
    open_registration_network: RateText = Field(
        default="600/minute", description="clients made, per IPv6 /32"
    )
    open_registration_total: RateText = Field(
        default="6000/minute", description="clients made per tenant, all addresses together"
    )
    open_registration_attempts: RateText = Field(
        default="300/minute",
        description="requests to register or to validate, refused ones too, per IPv4 address or"
        " IPv6 /64, counted by each process for itself",
    )
    open_registration_network_attempts: RateText = Field(
        default="3000/minute", description="the same per IPv6 /32"
    )
    initial_access_token: RateText = Field(
        default="", description="clients made with one initial access token"
    )
    initial_access_token_attempts: RateText = Field(
        default="",
        description="requests to register or to validate with one initial access token, refused"
        " ones too, counted by each process for itself",
    )
    software_id: RateText = Field(
        default="", description="clients made per software_id, by whoever registers it"
    )
    registration: RateText = Field(
        default="",
        description="clients made per tenant, with a token or without, but not by administrators",
    )
    all_registration: RateText = Field(default="", description="the same, all tenants together")
    administrator: RateText = Field(
        default="",
        description="requests with one admin token, or by one user of a provider, counted by each"
        " process for itself",
    )
    tenant_requests: RateText = Field(
        default="",
        description="requests to one tenant, those to the administrators' API aside, counted by"
        " each process for itself",
    )
    all_requests: RateText = Field(default="", description="the same, all tenants together")
    failed_authentication: RateText = Field(
        default="30/minute",
        description="wrong credentials of one client from one address, and bearer tokens that"
        " nobody has from one address, counted by each process for itself",
    )

    def rates(self) -> Mapping[str, Rate]:
        """By name, the limits that are on."""
        return {name: rate for name in ROWS if (rate := self.rate(name)) is not None}

    def rate(self, name: str) -> Rate | None:
        """Of one limit; None where it is off."""
        text: str = getattr(self, name)
        return rate_of(text) if text and self.enabled else None


class TenantRateLimitSettings(Group):
    """Limits that are others for this issuer than in [rate_limits]; empty: no limit."""

    open_registration: RateText | None = Field(
        default=None, description="as rate_limits.open_registration"
    )
    open_registration_network: RateText | None = Field(
        default=None, description="as rate_limits.open_registration_network"
    )
    open_registration_total: RateText | None = Field(
        default=None, description="as rate_limits.open_registration_total"
    )
    open_registration_attempts: RateText | None = Field(
        default=None, description="as rate_limits.open_registration_attempts"
    )
    open_registration_network_attempts: RateText | None = Field(
        default=None, description="as rate_limits.open_registration_network_attempts"
    )
    initial_access_token: RateText | None = Field(
        default=None, description="as rate_limits.initial_access_token"
    )
    initial_access_token_attempts: RateText | None = Field(
        default=None, description="as rate_limits.initial_access_token_attempts"
    )
    software_id: RateText | None = Field(default=None, description="as rate_limits.software_id")
    registration: RateText | None = Field(default=None, description="as rate_limits.registration")
    tenant_requests: RateText | None = Field(
        default=None, description="as rate_limits.tenant_requests"
    )

    def over(self, rates: Mapping[str, Rate]) -> Mapping[str, Rate]:
        """``rates`` with what is said here in place of them."""
        made = dict(rates)
        for name, text in self.model_dump(exclude_none=True).items():
            made.pop(name, None)
            if text:
                made[name] = rate_of(text)
        return made


class RedisSettings(Group):
    """Shared state of several instances; in memory when unset."""

    url: SecretUrl | None = Field(default=None, description="redis:// or rediss://")
    url_file: Path | None = Field(default=None, description="a file that holds url, in its place")
