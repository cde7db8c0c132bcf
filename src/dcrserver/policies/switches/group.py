"""What all groups of choices are."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Group(BaseModel):
    """Choices of one theme; a key that does not exist is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Brief(Group):
    """Is shown without the keys that say nothing."""

    @model_serializer(mode="wrap")
    def _without_nothing(self, make: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in make(self).items() if value is not None}
