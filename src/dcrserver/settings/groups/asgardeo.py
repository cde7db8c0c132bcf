"""[asgardeo]: the paths and members of Asgardeo's dynamic client registration."""

from __future__ import annotations

from pydantic import Field

from dcrserver.settings.values import Group


class AsgardeoSettings(Group):
    """Paths for programs that were written for Asgardeo or WSO2 Identity Server."""

    enabled: bool = Field(
        default=False,
        description="administrators find clients below `/api/identity/oauth2/dcr/v1.1`, and what"
        " is configured for them at `/api/server/v1/configs/dcr`, as docs/asgardeo.md tells",
    )
