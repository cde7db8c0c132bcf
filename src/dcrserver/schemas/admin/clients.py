"""Clients as administrators see and change them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcrserver.schemas.admin.parts import Members, Moment, Told


class ClientSecret(Told):
    """A secret of a client, without what could be used."""

    id: str
    issued_at: Moment
    expires_at: Moment
    last_used_at: Moment


class ClientSummary(Told):
    """A client as lists show it."""

    client_id: str
    tenant: str
    status: Literal["active", "suspended"]
    owner: str | None = Field(description="whom it belongs to")
    policy: str | None = Field(description="the named policy that it is judged by for life")
    created_at: Moment
    updated_at: Moment
    suspended_at: Moment
    version: int = Field(description="grows with each change")
    metadata: Members = Field(description="what it registered, by the names of RFC 7591")


class Client(ClientSummary):
    """A client with everything that is known of it, and no secret."""

    last_used_at: Moment
    access_token_lifetime: int | None = Field(description="seconds; null: as configured for all")
    access_token_format: str | None = Field(description="null: as configured for all")
    scopes: list[str] | None = Field(description="those that it may register; null: no bound")
    grant_types: list[str] | None = Field(description="as scopes")
    secrets: list[ClientSecret] = Field(description="those that work, newest first, by id")


class DeletedClient(Told):
    """A client that can be restored."""

    client_id: str
    tenant: str
    client_name: str | None
    owner: str | None
    deleted_at: Moment
    purge_at: Moment = Field(description="until then it can be restored")


class ClientCount(Told):
    """How many clients there are of a kind."""

    value: int
    is_exact: bool = Field(description="false: they are too many to count, and it is an estimate")
