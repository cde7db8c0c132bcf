"""Clients as administrators see and change them."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from dcrserver.names import ClientStatus
from dcrserver.schemas.admin.parts import Asked, Members, Moment, Told
from dcrserver.schemas.examples import REQUEST_EXAMPLE


class ClientSecret(Told):
    """A secret of a client, without what could be used."""

    id: str
    issued_at: Moment
    expires_at: Moment
    last_used_at: Moment


class VerifiedFacts(Told):
    """What of a client somebody else vouches for; its name and its logo nobody does."""

    origin: str = Field(description="how it came to be")
    statement_issuer: str | None = Field(
        description="the trusted issuer that vouched for its software"
    )
    redirect_hosts: list[str] = Field(description="where people are sent, of http and https")
    first_seen_at: Moment
    flags: list[Literal["protected_name", "mixed_scripts", "foreign_domain"]] = Field(
        description="what may mislead: a name that is protected from being borne by it, a word of"
        " two scripts in its name, a page or logo on a domain that no redirect URI is on"
    )


class ClientSummary(Told):
    """A client as lists show it."""

    client_id: str
    tenant: str
    status: ClientStatus
    origin: str = Field(description="how it came to be: open, administrator, import, ...")
    owner: str | None = Field(description="whom it belongs to")
    tags: list[str]
    policy: str | None = Field(description="the named policy that it is judged by for life")
    policy_version: int | None = Field(
        description="by this version for life (policy.binding); null: by the active one"
    )
    created_at: Moment
    updated_at: Moment
    suspended_at: Moment
    expires_at: Moment = Field(
        description="nothing of it works from then on, and it is removed; null: never"
    )
    version: int = Field(description="grows with each change")
    # Generators name a model after its owner and this title: ClientMetadata is another one.
    metadata: Members = Field(
        title="RegisteredMembers", description="what it registered, by the names of RFC 7591"
    )


class ClientLink(Told):
    """How far an authorization server is with a client that it is told of."""

    connector: str = Field(description="[connectors.NAME]")
    state: Literal["pending", "applied", "failed", "gone"] = Field(
        description="gone: still to be removed there"
    )
    remote_id: str | None = Field(description="its identifier there")
    wanted: int = Field(description="how often it changed here")
    applied: int = Field(description="up to which of these changes it is told")
    attempts: int = Field(description="since it was last told")
    error: str | None = Field(description="why it does not have the client, or otherwise")


class ListedClient(ClientSummary):
    """A client as lists show it, and how far authorization servers are with it."""

    links: list[ClientLink]


class Approval(Told):
    """Why a client that was held is not active, or was not for a while."""

    statements: list[str] = Field(description="of its policy, that hold it")
    ends_at: Moment = Field(description="when it expires, or is removed; null: it was approved")
    reason: str | None = Field(description="why it was rejected")


class Rejection(Asked):
    """Why a client is not let in."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "nobody knows this host"}})

    reason: str = Field(min_length=1, max_length=500, description="for the client, in a sentence")


class Client(ListedClient):
    """A client with everything that is known of it, and no secret."""

    approval: Approval | None = Field(description="null: it was never held")

    published: bool = Field(
        description="whether everybody may read its metadata at /clients/{client_id}/metadata"
    )
    last_used_at: Moment
    registrations: int = Field(
        description="how often it was registered: more than once where copies of one program share"
        " it (policy.registration.reuse_public_clients)"
    )
    last_registered_at: Moment
    scopes: list[str] | None = Field(description="those that it may register; null: no bound")
    grant_types: list[str] | None = Field(description="as scopes")
    secrets: list[ClientSecret] = Field(description="those that work, newest first, by id")
    verified_facts: VerifiedFacts


class NewClient(ClientSummary):
    """A client, and the credentials that it was just given: they are told this once."""

    client_secret: str | None = Field(description="null: it has none, or keeps the one it has")
    client_secret_expires_at: int | None = Field(
        description="seconds since 1970, 0: never (RFC 7591); null beside no secret"
    )
    registration_access_token: str | None = Field(description="null: the one it has works on")
    registration_client_uri: str = Field(description="where the client manages itself (RFC 7592)")


class ClientReplacement(Asked):
    """What a client is from now on; what is left out is gone."""

    model_config = ConfigDict(json_schema_extra={"example": {"metadata": REQUEST_EXAMPLE}})

    metadata: Members = Field(description="what it registers, by the names of RFC 7591")
    owner: str | None = Field(default=None, description="whom it belongs to")
    tags: list[str] | None = Field(default=None, description="words")
    expires_at: str | None = Field(
        default=None,
        description="when it ends; left out: as before, or as its policy says; null: never",
        json_schema_extra={"format": "date-time"},
    )
    policy: str | None = Field(
        default=None,
        description="a named policy that it is judged by; left out: as before; null: the tenant's",
    )
    policy_version: int | None = Field(
        default=None,
        description="left out: as before; null, or the active one: by that from now on",
    )
    policy_override: bool | None = Field(
        default=None,
        description="true: the statements of its policy do not count this once, and an event tells"
        " so; takes policies:override",
    )


class ClientAsked(ClientReplacement):
    """A new client, with what administrators choose for it."""

    client_id: str | None = Field(default=None, description="left out: one is made")
    client_secret: str | None = Field(default=None, description="left out: one is made, if needed")
    client_secret_expires_at: int | None = Field(
        default=None, description="seconds since 1970; 0: never"
    )
    template: str | None = Field(
        default=None,
        description="client_id or name of a client whose metadata count where none were sent",
    )


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
