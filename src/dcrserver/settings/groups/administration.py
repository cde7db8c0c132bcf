"""[admin]: administrators, and the OpenID providers whose access tokens they may bring."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from dcrserver.metadata import algorithms
from dcrserver.settings.values import Group, Texts, checked_issuer, https_url

# Stands before the subject in the names of actors: no colon.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")

# As bearer tokens are written (RFC 6750 2.1), but for the dots of JWTs.
_BOOTSTRAP_TOKEN = re.compile(r"(?=.{32,512}$)[A-Za-z0-9_~+/-]+=*")


def _provider_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a provider's name has 1 to 32 letters, digits, dots, dashes, underscores")
    return name


class AdminProviderSettings(Group):
    """An OpenID provider whose access tokens (JWTs, RFC 9068) administrators may bring."""

    issuer: str = Field(
        description="its issuer, to the letter as its tokens name it (iss): an https URL"
    )
    audience: str = Field(
        min_length=1, description="what its tokens must be for (aud): what it calls this server"
    )
    jwks_uri: str | None = Field(
        default=None,
        description="where its keys are; unset: where its discovery document says"
        " (openid-configuration, or oauth-authorization-server of RFC 8414)",
    )
    algorithms: Texts = Field(
        default=algorithms.SIGNATURE,
        min_length=1,
        description="of signatures that are accepted: asymmetric ones, none and HS256 never",
    )
    require_at_jwt: bool = Field(
        default=True,
        description="the typ of a token must be at+jwt, which no ID token has (RFC 9068). false,"
        " for providers that do not write it: JWT or none will do, and azp or appid in place of"
        " client_id; what can be told to be an ID token is refused still",
    )
    clock_skew: int = Field(
        default=30, ge=0, le=300, description="seconds that its clock may be wrong"
    )
    scope_claim: str = Field(
        default="scope",
        min_length=1,
        description="the claim that holds scopes, a text or a list. Ours count by their own names,"
        " others by the table scopes. As for each claim here: a name, or a path such as"
        " realm_access.roles",
    )
    roles_claim: str | None = Field(
        default=None,
        min_length=1,
        description="the claim that holds roles or groups; they count by scopes alone",
    )
    scopes: Mapping[str, Texts] = Field(
        default={},
        description="what its scopes and roles mean here: scopes or roles of ours by value, e.g."
        ' { dcr-admins = ["administrator"] }',
    )
    owner_claim: str | None = Field(
        default=None,
        min_length=1,
        description="the claim that names the owner to whose clients a token is bound, unless all"
        " that it may do comes of roles other than owner; a token that is to be bound and names"
        " none is refused",
    )
    tenants: Texts = Field(
        default=("*",), description="whose administrators its tokens may name; * for all tenants"
    )
    tenant_claim: str | None = Field(
        default=None,
        min_length=1,
        description="the claim that names the tenants of a token, of those in tenants; a token"
        " without it is refused. Unset: all in tenants",
    )

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        return https_url(checked_issuer(value))

    @field_validator("jwks_uri")
    @classmethod
    def _keys(cls, value: str | None) -> str | None:
        return None if value is None else https_url(value)

    @field_validator("algorithms")
    @classmethod
    def _asymmetric(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return algorithms.asymmetric(value)


ProviderName = Annotated[str, AfterValidator(_provider_name)]


class AdminSettings(Group):
    """Administrators, who have tokens of ours (`dcrserver token issue admin`), or of a provider."""

    require_if_match: bool = Field(
        default=False,
        description="a change by the administrators' API must name the ETag of what it changes"
        " (If-Match), or it is refused with 428: nobody overwrites what they have not seen",
    )
    max_import_bytes: int = Field(
        default=33554432,
        ge=1024,
        le=1073741824,
        description="what POST /admin/v1/clients/import takes at most; the worker needs some times"
        " as much memory meanwhile. Larger files are for dcrserver client import",
    )
    providers: dict[ProviderName, AdminProviderSettings] = Field(
        default={},
        description="OpenID providers whose access tokens name administrators, each a table of its"
        " own, see below",
    )
    bootstrap_token: SecretStr | None = Field(
        default=None,
        description="becomes the token of an administrator of all tenants when the server starts"
        " and there has never been one: at least 32 random letters, digits, _, ~, +, /, -; best"
        " after adm_, by which /register, too, tells it from other tokens",
    )
    bootstrap_token_file: Path | None = Field(
        default=None, description="a file with that token, in place of bootstrap_token"
    )

    @field_validator("bootstrap_token")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        """Nobody shall find it by trying, and it must be one that can be sent."""
        if value is not None and not _BOOTSTRAP_TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError(
                "must have 32 to 512 letters, digits, _, ~, +, /, - (= at the end), such as of"
                " openssl rand -hex 32"
            )
        return value

    @model_validator(mode="after")
    def _issuers(self) -> Self:
        """A token is told by its issuer."""
        issuers = [provider.issuer for provider in self.providers.values()]
        for issuer in issuers:
            if issuers.count(issuer) > 1:
                raise ValueError(f"two providers have the issuer {issuer}")
        return self
