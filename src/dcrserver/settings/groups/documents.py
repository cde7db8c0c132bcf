"""[documents]: clients that name themselves by the URL of their metadata document (CIMD)."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from dcrserver.policies.statements.hosts import among
from dcrserver.settings.values import Group, Texts

_WEEK = 604_800.0


class DocumentSettings(Group):
    """Clients whose client_id is the https URL of a document with their metadata.

    draft-ietf-oauth-client-id-metadata-document.
    """

    enabled: bool = Field(
        default=False,
        description="a client_id that is an https URL is looked up there, and judged as a"
        " registration is; discovery says so",
    )
    allowed: Texts = Field(
        default=(),
        description="hosts whose documents count, as a.example or *.a.example for all below; none:"
        " those of all hosts",
    )
    blocked: Texts = Field(
        default=(), description="hosts whose documents never count, as in allowed, which they beat"
    )
    max_bytes: int = Field(
        default=5120, ge=512, le=65536, description="octets of one document (6.6 advises 5 KB)"
    )
    minimum_seconds: float = Field(
        default=60.0,
        ge=0,
        description="a document is good for so long at least, whatever its server says",
    )
    default_seconds: float = Field(
        default=300.0, ge=0, description="a document without Cache-Control is good for so long"
    )
    maximum_seconds: float = Field(
        default=86_400.0,
        gt=0,
        le=_WEEK,
        description="no document is good for longer, whatever its server says; 7 days at most",
    )
    stale_seconds: float = Field(
        default=_WEEK,
        ge=0,
        description="where a document cannot be read anew, the one that was read last counts for so"
        " long after it was read",
    )

    @field_validator("allowed", "blocked")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        among(value)
        return value

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.minimum_seconds > self.maximum_seconds:
            raise ValueError("minimum_seconds must not be more than maximum_seconds")
        return self
