"""Events as administrators see them."""

from __future__ import annotations

from pydantic import Field

from dcrserver.schemas.admin.parts import Members, Told

_MOMENT = "2026-01-31T12:00:00.000Z"


class EventActor(Told):
    """Who did it."""

    kind: str = Field(examples=["administrator"])
    id: str | None = Field(
        description="client_id, id of a token, subject of a JWT, or user of the system"
    )
    name: str | None = Field(description="the label of the token, where there is one")


class EventSubject(Told):
    """What it was done to."""

    kind: str = Field(examples=["client"])
    id: str


class Event(Told):
    """Something that happened; events are never changed."""

    id: str = Field(description="sorts by time; an export goes on after it")
    tenant: str
    type: str = Field(examples=["client.registered"])
    at: str = Field(json_schema_extra={"format": "date-time"}, examples=[_MOMENT])
    actor: EventActor
    subject: EventSubject
    address: str | None = Field(description="where the request came from")
    request_id: str | None = Field(description="X-Request-Id of the request, as in the log")
    changes: Members = Field(description="what has changed, secrets left out")
