"""[database]: where it is, and how it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from dcrserver.settings.locations import DATABASE_FILE
from dcrserver.settings.values import Group, SecretUrl


class DatabaseSettings(Group):
    """The database; sqlite, postgresql or mysql, with our async drivers."""

    url: Annotated[SecretUrl, DATABASE_FILE] = Field(
        default=SecretStr("sqlite:///dcrserver.db"),
        description="SQLAlchemy URL: sqlite:///FILE, postgresql://..., mysql://... TLS:"
        " ?ssl_ca=FILE&ssl_mode=verify-full, also verify-ca, required; ssl_cert=FILE&ssl_key=FILE;"
        " PostgreSQL's own names are taken, too",
    )
    url_file: Path | None = Field(default=None, description="a file that holds url, in its place")
    password: SecretStr | None = Field(
        default=None, description="that of the user in url, as it is: nothing is percent-encoded"
    )
    password_file: Path | None = Field(
        default=None, description="a file that holds password, in its place"
    )
    pool_size: int = Field(
        default=10, ge=1, description="connections of one process; two more are for lists"
    )
    pool_timeout: float = Field(default=5.0, gt=0, description="seconds to wait for a connection")
    statement_timeout: float = Field(default=10.0, gt=0, description="seconds for one statement")
    query_timeout: float = Field(
        default=30.0, gt=0, description="seconds for one page of a list, a search or an export"
    )
    causal_reads: bool = Field(
        default=True,
        description="at a node of a Galera cluster: a read waits for what other nodes acknowledged"
        " before it",
    )
