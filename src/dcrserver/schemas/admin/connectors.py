"""Connectors as administrators see them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import ConfigDict, Field

from dcrserver.schemas.admin.parts import Asked, Members, Moment, Told

Drift: TypeAlias = Literal["repair", "report", "adopt"]


class Connector(Told):
    """An authorization server that is told of clients, and how far it is."""

    name: str
    kind: str
    provision: Literal["before", "after"]
    drift: Drift
    tenants: list[str] = Field(description="whose clients it is told of; none: of all")
    mints: bool = Field(description="it makes client_id and client_secret itself")
    overlaps: bool = Field(description="a secret that is replaced can work on there for a while")
    is_away: bool = Field(description="it did not answer lately, and is left alone for a moment")
    pending: int = Field(description="links that differ")
    failed: int = Field(description="links of clients that it refused")
    gone: int = Field(description="links of clients that are still to be removed there")
    differs_since: Moment = Field(description="of the link that differs longest; null: none does")


class Connectors(Told):
    """All of them, by name."""

    items: list[Connector]


class ConnectorMember(Told):
    """What becomes of a member of client metadata."""

    member: str
    fate: Literal["carried", "mapped", "stored", "dropped"]
    words: str = Field(description="into what, or why not")


class ConnectorDescription(Connector):
    """A connector, and what it does with each member."""

    members: list[ConnectorMember]


class ConnectorTest(Told):
    """Whether a target answers, lets us in, and can do what is needed."""

    ok: bool
    server: str | None = Field(description="who answered")
    problems: list[str]
    facts: Members = Field(description="what it tells of itself")


class ConnectorRetry(Told):
    """What was made due."""

    retried: int


class Reconciliation(Asked):
    """How a target is compared with what is here."""

    model_config = ConfigDict(json_schema_extra={"example": {"dry_run": True}})

    dry_run: bool = Field(default=False, description="tell, and change nothing")
    drift: Drift | None = Field(default=None, description="in place of what is configured")
    first: bool = Field(
        default=False,
        description="change something also at the first look at a server with clients of others",
    )
