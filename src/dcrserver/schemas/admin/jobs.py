"""Jobs as administrators begin and see them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field

from dcrserver.schemas.admin.parts import Asked, Members, Moment, Told
from dcrserver.strict_json import JsonObject

JobState: TypeAlias = Literal["receiving", "queued", "running", "done", "failed", "cancelled"]


class JobError(Told):
    """A client that the job failed for."""

    client_id: str | None
    place: str | None = Field(
        default=None, description="of an import: where it stood in what was sent, `line 7`"
    )
    reason: str


class JobActor(Told):
    """Who had a job begun."""

    kind: str
    id: str | None


class Job(Told):
    """A job, and how far it is."""

    id: str
    tenant: str
    kind: str = Field(description="bulk, import, policy_test")
    state: JobState
    dry_run: bool = Field(description="nothing is changed; counts and examples say what would be")
    parameters: Members = Field(description="what it is to do")
    total: int | None = Field(
        description="clients that it is about, estimated where they are many; null: not known yet"
    )
    handled: int = Field(description="clients that it is done with")
    changed: int = Field(description="those of them that it changed, or would")
    failed: int = Field(description="those of them that it failed for")
    errors: list[JobError] = Field(
        description="the first 100 of those, with the reasons; all that an import refused are at"
        " `/admin/v1/jobs/{job_id}/errors`"
    )
    report: Members = Field(description="what else came of it; `reason`: why it failed")
    requested_by: JobActor
    created_at: Moment
    updated_at: Moment
    started_at: Moment
    finished_at: Moment


_EXAMPLE: JsonObject = {
    "action": "suspend",
    "filter": {"software_id": "4NRB1-0XZABZI9E6-5SM3R", "created_before": "2026-01-01"},
    "dry_run": True,
}


class BulkRequest(Asked):
    """What is to be done to which clients."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": _EXAMPLE})

    action: Literal["suspend", "resume", "delete", "tag", "untag", "set_owner", "approve", "reject"]
    filter: dict[str, Annotated[str, Field(max_length=512)]] = Field(
        default={}, description="the same names as those of the list, and `metadata.NAME`"
    )
    all: bool = Field(default=False, description="no filter: all clients are meant")
    tag: str | None = Field(default=None, description="of tag and untag")
    owner: str | None = Field(default=None, description="of set_owner; null: nobody")
    reason: str | None = Field(
        default=None, description="of reject: for the clients, in a sentence"
    )
    dry_run: bool = Field(default=False, description="counts and examples, and nothing is changed")
