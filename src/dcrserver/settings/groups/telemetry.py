"""[telemetry]: logs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcrserver.settings.values import Group


class TelemetrySettings(Group):
    """Logs."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least that is logged"
    )
    format: Literal["json", "text"] = Field(
        default="json", description="one object a line, or text"
    )
