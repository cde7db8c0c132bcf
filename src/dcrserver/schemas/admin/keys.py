"""Signing keys as administrators see them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcrserver.schemas.admin.parts import Members, Moment, Told


class SigningKey(Told):
    """A key that signs access tokens, without its private part."""

    kid: str
    algorithm: str = Field(examples=["ES256"])
    state: Literal["signs", "published", "verifies", "unreadable"] = Field(
        description="signs; is published, and signs later; verifies what it signed; or no key of"
        " secrets.encryption_keys opens it"
    )
    created_at: Moment
    signs_from: Moment = Field(description="others have a copy of it by then")
    verifies_until: Moment = Field(description="then it is retired; null: it has no successor")
    public_jwk: Members | None = Field(description="as /jwks publishes it (RFC 7517)")


class SigningKeys(Told):
    """The signing keys of a tenant, oldest first: a few."""

    items: list[SigningKey]
