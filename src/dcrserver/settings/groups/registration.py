"""[registration]: who may register."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcrserver.settings.values import Group


class RegistrationSettings(Group):
    """Who may register."""

    mode: Literal["open", "protected", "closed"] = Field(
        default="open",
        description="open: anyone; protected: holders of an initial access token; closed: nobody"
        " but administrators",
    )
    validate_endpoint: bool | None = Field(
        default=None,
        description="POST /register/validate explains a submission without registering it; unset:"
        " on for holders of an initial access token, off in open mode",
    )
