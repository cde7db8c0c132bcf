"""Notes about clients as administrators write and read them."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, StringConstraints

from dcrserver.schemas.admin.parts import Asked, Moment, Told

_LONGEST = 4000
# Something that can be read, and stored by every database.
_READABLE = r"^[^\x00]*[^\x00\s][^\x00]*$"


class ClientNote(Told):
    """A note about a client."""

    id: str
    written_at: Moment
    author: str
    text: str


class ClientNotes(Told):
    """The notes about a client, oldest first."""

    items: list[ClientNote]


class NewClientNote(Asked):
    """What is to be written down."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"text": "moves to the new IdP in May"}}
    )

    text: Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST, pattern=_READABLE)]
