"""[authorization_server]: the server behind, whose clients register here."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from dcrserver import server_metadata
from dcrserver.settings.locations import DOCUMENT
from dcrserver.strict_json import JsonValue


class AuthorizationServerSettings(BaseModel):
    """The authorization server behind: any member of its metadata (RFC 8414 2), by name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    metadata: Annotated[str | None, DOCUMENT] = Field(
        default=None,
        description="path or URL of its metadata document; other members override it",
    )
    front_door: bool = Field(
        default=False,
        description="discovery publishes /authorize here as authorization_endpoint: it looks"
        " whether the client is registered, and sends people on to that of the server; which is"
        " what it does for whoever asks there, also where this is off",
    )
    client_cache_seconds: int = Field(
        default=30,
        ge=0,
        description="how long an authorization server may remember a client that it asked us for;"
        " as long may it take until it learns of a deletion",
    )

    @model_validator(mode="before")
    @classmethod
    def _known_members(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        members = {name: value for name, value in given.items() if name not in cls.model_fields}
        problems = []
        for name, value in members.items():
            try:
                members[name] = server_metadata.checked(name, value)
            except ValueError as error:
                problem = PydanticCustomError("member", "{problem}", {"problem": str(error)})
                problems.append(InitErrorDetails(type=problem, loc=(name,), input=value))
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return given | members

    @property
    def members(self) -> dict[str, JsonValue]:
        return dict(self.model_extra or {})
