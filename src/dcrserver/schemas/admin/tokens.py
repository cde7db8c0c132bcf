"""Initial access tokens and admin tokens as administrators see and issue them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from dcrserver.metadata.text import hostile_character
from dcrserver.schemas.admin.parts import Asked, Moment, Told

_LONGEST = 2**40


def _harmless(label: str) -> str:
    if character := hostile_character(label):
        raise ValueError(f"must not hold {character}")
    return label


# Shown on terminals, too.
_Label = Annotated[
    str,
    StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"),
    AfterValidator(_harmless),
]
_EXPIRES_IN = "seconds; 0: never expires; null: {}, or as long as the token that issues it"


class InitialAccessToken(Told):
    """An initial access token, without itself."""

    id: str
    tenant: str
    label: str
    issuer: str = Field(description="who issued it")
    status: str = Field(description="active, used_up, expired or revoked")
    issued_at: Moment
    expires_at: Moment
    revoked_at: Moment
    uses_left: int | None = Field(description="null: without limit")
    policy: str | None = Field(description="the named policy that its clients are judged by")
    scopes: list[str] | None = Field(description="those that its clients may have; null: all")
    grant_types: list[str] | None = Field(description="as scopes")


class InitialAccessTokenUse(Told):
    """A client that was registered with a token."""

    client_id: str
    used_at: Moment
    address: str | None


class UsedInitialAccessToken(InitialAccessToken):
    """An initial access token with the clients that were registered with it."""

    used: list[InitialAccessTokenUse]


class NewInitialAccessToken(InitialAccessToken):
    """A new initial access token, shown this once."""

    token: str
    warnings: list[str] = Field(description="why it may be of no use as the tenant is now")

    @classmethod
    def of(cls, token: str, view: object, warnings: Iterable[str]) -> Self:
        """``token`` with what is to be known of it."""
        told = InitialAccessToken.model_validate(view)
        return cls(token=token, warnings=list(warnings), **dict(told))


class InitialAccessTokenAsked(Asked):
    """What an initial access token is to be good for."""

    model_config = ConfigDict(json_schema_extra={"example": {"label": "partners", "uses": 10}})

    label: _Label = ""
    uses: int | None = Field(default=None, ge=1, lt=2**31, description="null: without limit")
    expires_in: int | None = Field(
        default=None, ge=0, le=_LONGEST, description=_EXPIRES_IN.format("30 days")
    )
    policy: str | None = Field(default=None, description="a named policy")
    scopes: list[str] | None = Field(default=None, description="null: all that there are")
    grant_types: list[str] | None = Field(default=None, description="null: all that there are")


class AdminToken(Told):
    """An admin token, without itself."""

    id: str
    tenant: str = Field(description="* for all tenants")
    label: str
    issuer: str = Field(description="who issued it")
    status: str = Field(description="active, expired or revoked")
    scopes: list[str]
    owner: str | None = Field(description="the owner to whose clients it is bound")
    audiences: list[str] | None = Field(description="of access tokens that it may look at")
    issued_at: Moment
    expires_at: Moment
    revoked_at: Moment


class NewAdminToken(AdminToken):
    """A new admin token, shown this once."""

    token: str

    @classmethod
    def of(cls, token: str, view: object) -> Self:
        """``token`` with what is to be known of it."""
        return cls(token=token, **dict(AdminToken.model_validate(view)))


class AdminTokenAsked(Asked):
    """What an admin token is to be good for: never for more than whoever issues it."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"label": "monitoring", "role": "viewer"}}
    )

    label: _Label = ""
    role: str | None = Field(default=None, description="scopes by a name, beside scopes")
    scopes: list[str] = Field(default=[], description="what it lets do")
    owner: str | None = Field(default=None, description="binds it to the clients of this owner")
    audiences: list[str] = Field(default=[], description="for tokens:introspect")
    expires_in: int | None = Field(
        default=None, ge=0, le=_LONGEST, description=_EXPIRES_IN.format("a year")
    )
    all_tenants: bool = Field(default=False, description="good for all tenants")
