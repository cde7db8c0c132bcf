"""The server and its configuration as administrators see them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dcrserver.schemas.admin.parts import Members, Moment, Told


class MetadataCopy(Told):
    """The copy of an authorization server's metadata that a tenant works with."""

    tenant: str
    age_seconds: int | None = Field(description="null: it was never read")
    problem: str | None = Field(description="why it cannot be read anew")


class UpkeepJob(Told):
    """What one of all workers does when it is due."""

    name: str
    due_in_seconds: int | None = Field(description="negative: overdue; null: nobody began it yet")
    last_success_at: Moment = Field(description="by whichever process; null: never")
    failures: int = Field(description="of all processes, since the last success")


class Server(Told):
    """How this process is."""

    version: str
    ready: bool
    reason: str | None = Field(description="why no requests should come here")
    draining: bool
    workers: int = Field(description="processes of this server, as configured")
    schema_revision: str | None = Field(description="of the database; null: it has no schema")
    stored_configuration_age_seconds: int = Field(
        description="since this process knew all tenants and policies that are stored"
    )
    authorization_server_metadata: list[MetadataCopy]
    jobs: list[UpkeepJob]


class Change(Told):
    """A setting that is not as it would be by default; secrets are hidden."""

    key: str = Field(examples=["server.base_url"])
    value: Any
    default: Any
    origin: str = Field(description="the line of the file, or the variable, that set it")


class Configuration(Told):
    """What is in force: all of it, and what differs from the defaults."""

    settings: Members
    changes: list[Change]
