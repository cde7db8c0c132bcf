"""What models of the administrators' API are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema


class Told(BaseModel):
    """What is answered: made of a result of a use case, whose attributes have the same names."""

    model_config = ConfigDict(from_attributes=True)


class Asked(BaseModel):
    """What is sent: no member that nobody reads, and no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _text(seconds: int) -> str | None:
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# Seconds since 1970 inside, ISO 8601 outside; 0 is null: never.
Moment: TypeAlias = Annotated[
    int,
    PlainSerializer(_text, return_type=str | None),
    WithJsonSchema({"type": ["string", "null"], "format": "date-time"}),
]
Members: TypeAlias = dict[str, Any]


def example_of_body(value: Members) -> dict[str, Any]:
    """What OpenAPI shows of a body whose members no model names."""
    return {"requestBody": {"content": {"application/json": {"example": value}}}}
