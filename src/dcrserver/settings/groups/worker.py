"""[worker]: work in the background."""

from __future__ import annotations

from pydantic import Field

from dcrserver.settings.values import Group


class WorkerSettings(Group):
    """Work in the background: what expired is removed, signing keys are renewed, metadata of
    authorization servers are read again. One worker does a job at a time, however many there are.
    """

    inside: bool = Field(
        default=True,
        description="each process of the server is a worker too; false where `dcrserver worker`"
        " runs apart",
    )
    lease_seconds: int = Field(
        default=30,
        ge=2,
        le=3600,
        description="after so long without a sign of life from the worker that does a job, another"
        " one takes over",
    )
    keep_jobs_seconds: int = Field(
        default=604800,
        ge=60,
        description="jobs of administrators that ended are told of for so long",
    )
