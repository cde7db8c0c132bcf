"""[outbound]: requests that we make."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator

from dcrserver.settings.values import Group, Texts, TextSet, nameserver

_HOST_AND_PORT = re.compile(r"(?:[^\s:/@\[\]]+|\[[0-9a-f:.]+\]):[0-9]{1,5}")


class OutboundSettings(Group):
    """Requests that we make."""

    allowed_hosts: TextSet = Field(
        default=frozenset(), description="host:port exceptions from the address filter"
    )
    ca_file: Path | None = Field(default=None, description="extra roots, PEM")
    timeout: float = Field(default=5.0, gt=0, description="seconds for one fetch, all in")
    max_bytes: int = Field(default=65536, ge=1024, description="octets of one document")
    nameservers: Texts = Field(
        default=(),
        description="addresses of name servers (ADDRESS, ADDRESS:PORT) in place of the system's",
    )
    concurrency: int = Field(default=128, ge=1, description="fetches at once")
    concurrency_per_address: int = Field(default=4, ge=1, description="of them, to one address")
    cache_seconds: float = Field(
        default=30.0, ge=0, description="a document without Cache-Control is remembered so long"
    )
    cache_max_seconds: float = Field(
        default=300.0, ge=0, description="no document is remembered longer, whatever it says"
    )
    cache_failure_seconds: float = Field(
        default=5.0, ge=0, description="a failed fetch is not tried again for so long"
    )
    cache_entries: int = Field(default=500, ge=1, description="documents that are remembered")
    cache_bytes: int = Field(default=4194304, ge=1, description="octets of them all")
    metadata_seconds: float = Field(
        default=300.0,
        gt=0,
        description="an authorization server's metadata at a URL is read anew when the copy in the"
        " database is so old; while that server is away, the last copy counts",
    )
    stale_seconds: float = Field(
        default=3600.0,
        ge=0,
        description="where the keys of a client, or of a provider of administrators, cannot be read"
        " anew, those that were read last are good for so long",
    )

    @field_validator("nameservers")
    @classmethod
    def _nameservers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            nameserver(each)
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: frozenset[str]) -> frozenset[str]:
        """What names no port would never equal anything."""
        lowered = frozenset(entry.lower() for entry in value)
        for entry in sorted(lowered):
            if not _HOST_AND_PORT.fullmatch(entry):
                raise ValueError(f"'{entry}' must be host:port, e.g. keys.internal.example:443")
        return lowered
