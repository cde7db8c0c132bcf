"""The table: its columns stay, and mean what they mean; new ones may be added.

A member that servers ask for has a column of its own, of the same name; all members are in
``metadata``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from dcrserver.connectors.client import Carriage, Fate, RemoteClient, WantedClient
from dcrserver.metadata import PARAMETERS
from dcrserver.strict_json import JsonObject

_JSON: TypeEngine[Any] = JSON(none_as_null=True).with_variant(
    JSONB(none_as_null=True), "postgresql"
)
_TEXTS = (
    "client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri", "scope", "jwks_uri",
    "token_endpoint_auth_method", "token_endpoint_auth_signing_alg", "application_type",
    "subject_type", "sector_identifier_uri", "software_id", "software_version",
    "id_token_signed_response_alg", "frontchannel_logout_uri", "backchannel_logout_uri",
    "initiate_login_uri", "access_token_format",
)  # fmt: skip
_STRUCTURES = (
    "redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "contacts",
    "jwks", "audience",
)  # fmt: skip
_FLAGS = (
    "require_pkce", "skip_consent", "require_pushed_authorization_requests",
    "dpop_bound_access_tokens", "frontchannel_logout_session_required",
    "backchannel_logout_session_required",
)  # fmt: skip
_SECONDS = (
    "client_credentials_access_token_lifetime", "authorization_code_access_token_lifetime",
    "refresh_token_lifetime", "id_token_lifetime",
)  # fmt: skip
_MEMBERS: Mapping[str, type[TypeEngine[Any]] | TypeEngine[Any]] = (
    dict.fromkeys(_TEXTS, Text)
    | dict.fromkeys(_STRUCTURES, _JSON)
    | dict.fromkeys(_FLAGS, Boolean)
    | dict.fromkeys(_SECONDS, BigInteger)
)
ACTIVE, SUSPENDED = "active", "suspended"
SECRETS = ("client_secret", "previous_secret")
# What is written with a secret alone, and what says when.
_NOT_COMPARED = frozenset(
    {*SECRETS, "client_secret_expires_at", "previous_secret_until", "updated_at"}
)


def table(name: str) -> Table:
    """The table, with the keys and the order that every database has of it."""
    return Table(
        name,
        MetaData(),
        Column("client_id", String(512), nullable=False),
        Column("tenant", String(64), nullable=False),
        Column("managed_by", String(64)),
        Column("status", String(16), nullable=False),
        Column("owner", Text),
        Column("origin", String(64)),
        Column("tags", _JSON),
        Column("issued_at", BigInteger),
        Column("updated_at", BigInteger),
        Column("client_secret", Text),
        Column("client_secret_expires_at", BigInteger),
        Column("previous_secret", Text),
        Column("previous_secret_until", BigInteger),
        *(Column(member, kind) for member, kind in _MEMBERS.items()),
        Column("metadata", _JSON, nullable=False),
        PrimaryKeyConstraint("client_id", "tenant"),
        # Identifiers that differ in case alone are two.
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def carriage() -> Mapping[str, Carriage]:
    """What becomes of each member of the catalogue."""
    own, beside = Carriage(Fate.CARRIED, "a column"), Carriage(Fate.STORED, "in metadata")
    return {name: own if name in _MEMBERS else beside for name in PARAMETERS}


def row(client: WantedClient, mark: str) -> dict[str, Any]:
    """The row of a client, without what is said of its secrets, and without its time."""
    return {
        "client_id": client.client_id,
        "tenant": client.tenant,
        "managed_by": mark,
        "status": ACTIVE if client.is_active else SUSPENDED,
        "owner": client.owner,
        "origin": client.origin,
        "tags": list(client.tags),
        "issued_at": client.issued_at,
        **{member: client.metadata.get(member) for member in _MEMBERS},
        "metadata": client.metadata,
    }


def remote(found: Mapping[str, Any]) -> RemoteClient:
    """A client as the table has it."""
    document: JsonObject = {name: each for name, each in found.items() if name not in SECRETS}
    metadata = found["metadata"]
    return RemoteClient(
        remote_id=found["client_id"],
        client_id=found["client_id"],
        mark=found["managed_by"],
        tenant=found["tenant"],
        document=document,
        metadata=metadata if isinstance(metadata, dict) else {},
        is_active=found["status"] == ACTIVE,
    )


def compared(names: Iterable[str]) -> list[str]:
    """Those columns that a client is told by."""
    return [name for name in names if name not in _NOT_COMPARED]
