"""Statistics as administrators see them."""

from __future__ import annotations

from pydantic import Field

from dcrserver.schemas.admin.clients import ClientCount
from dcrserver.schemas.admin.parts import Moment, Told


class Share(Told):
    """So many clients have this value."""

    value: str | None = Field(description="null: they have none")
    clients: int


class Registrations(Told):
    """So many clients with this value were registered in the time that begins `at`."""

    at: Moment
    value: str | None = Field(description="null: they have none")
    clients: int


class Statistics(Told):
    """How many clients there are, and when they came."""

    total: ClientCount
    since: Moment
    until: Moment
    clients: list[Share] = Field(description="the most frequent values, at most a hundred")
    registrations: list[Registrations] = Field(
        description="of the clients that there are, in order of time; of a time without any none"
    )
