"""[tenants.NAME]: issuers beside the default one."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from dcrserver.metadata import uris
from dcrserver.names import DEFAULT_TENANT
from dcrserver.settings.groups.asgardeo import AsgardeoSettings
from dcrserver.settings.groups.authorization_server import AuthorizationServerSettings
from dcrserver.settings.groups.rate_limits import TenantRateLimitSettings
from dcrserver.settings.groups.software_statements import StatementIssuerSettings, each_once
from dcrserver.settings.values import Group, Texts, checked_issuer

# As the names of tenants are kept in the database, and stand in paths.
_TENANT_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")


def _tenant_name(name: str) -> str:
    if name == DEFAULT_TENANT:
        raise ValueError("is reserved: the default tenant is configured by the tables at the top")
    if not _TENANT_NAME.fullmatch(name):
        raise ValueError("a tenant's name has 1 to 64 letters, digits, dots, dashes, underscores")
    return name


TenantName = Annotated[str, AfterValidator(_tenant_name)]


def _answerable(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Whoever writes ``*`` would wonder for long why nothing is found."""
    for entry in entries:
        if reason := _never_found(entry):
            raise ValueError(f"{entry[:100]} {reason}")
    return entries


def _never_found(entry: str) -> str | None:
    """Why no resource could be ``entry``, or at it."""
    if entry.startswith("acct:"):
        user, at, host = entry.removeprefix("acct:").rpartition("@")
        if not user or not at or "*" in user or not _is_host(host):
            return "must be acct:user@host; a domain alone is for all of its users"
        return None
    if "://" not in entry:
        told = "must be a domain, without a wildcard, an acct: or an https URI"
        # An IPv6 address is looked up without its brackets.
        return None if _is_host(entry) or _is_host(f"[{entry}]") else told
    try:
        uri = uris.parse(entry)
    except uris.BadUri as error:
        return str(error)
    is_found = uri.scheme in {"http", "https"} and uri.fragment is None and not uri.userinfo
    return None if is_found else "must be http or https, without a fragment or a user"


def _is_host(text: str) -> bool:
    """A host, with a port or without."""
    try:
        uri = uris.parse(f"https://{text}")
    except uris.BadUri:
        return False
    return not (uri.userinfo or uri.path or uri.query is not None or uri.fragment is not None)


Answerable = Annotated[Texts, AfterValidator(_answerable)]


class TenantSettings(Group):
    """One issuer beside the default one."""

    path: str | None = Field(
        default=None,
        description="path below the base URL; /t/NAME if unset",
        pattern=r"^/[^?#]+$",
    )
    base_url: str | None = Field(default=None, description="the whole issuer, in place of path")
    webfinger: Answerable = Field(
        default=(),
        description="what WebFinger answers for: a domain, with all of its users, or one exact"
        " resource. The default tenant always answers for the base URL's host",
    )
    authorization_server: AuthorizationServerSettings | None = Field(
        default=None, description="a table as [authorization_server]: the one of this issuer"
    )
    mode: Literal["open", "protected", "closed"] | None = Field(
        default=None, description="who may register; registration.mode if unset"
    )
    policy: str | None = Field(
        default=None, description="one of the named policies, in place of [policy]"
    )
    asgardeo: AsgardeoSettings | None = Field(
        default=None, description="a table as [asgardeo], or true or false; as that one if unset"
    )

    rate_limits: TenantRateLimitSettings | None = Field(
        default=None,
        description="a table as [rate_limits]: limits that are others for this issuer than there",
    )
    software_statements: tuple[StatementIssuerSettings, ...] | None = Field(
        default=None,
        description="tables as [[software_statements]], in place of those; [] trusts nobody",
    )

    @field_validator("software_statements")
    @classmethod
    def _each_once(
        cls, value: tuple[StatementIssuerSettings, ...] | None
    ) -> tuple[StatementIssuerSettings, ...] | None:
        each_once(value or ())
        return value

    @field_validator("asgardeo", mode="before")
    @classmethod
    def _switch(cls, value: object) -> object:
        return {"enabled": value} if isinstance(value, bool) else value

    @field_validator("base_url")
    @classmethod
    def _issuer(cls, value: str | None) -> str | None:
        return None if value is None else checked_issuer(value)
