"""[clients]: what is kept of clients."""

from __future__ import annotations

from pydantic import Field

from dcrserver.settings.values import Group


class ClientSettings(Group):
    """What is kept of clients that are there no longer."""

    restore_window: int = Field(
        default=604800,
        ge=0,
        description="seconds for which administrators can restore a deleted client, with its"
        " credentials; then nothing is left of it but its events. 0 = it cannot be restored",
    )
