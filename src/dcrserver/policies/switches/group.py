"""What all groups of choices are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """Choices of one theme; a key that does not exist is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
