"""The tables, declared once for the repositories and for Alembic.

Every row carries its tenant; every primary key is made by us, so that the schema works unchanged
on a distributed engine. Times are seconds since 1970 (milliseconds where a name says so).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.mysql import MEDIUMTEXT

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Identifiers are compared octet by octet; MariaDB would fold case otherwise.
_MARIADB: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}
_Document = Text().with_variant(MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
_Name = String(64)
# Ours have 32 characters; those that were imported may be URLs.
_ClientId = String(512)
_Digest = String(64)
# 128 bits in base64url.
_FacetsId = String(22)


def _timestamp(name: str) -> Column[int]:
    """Seconds since 1970; 0 is never, also in rows from before the column was there."""
    return Column(name, BigInteger, nullable=False, server_default="0")


def _of_few(name: str, *columns: str) -> Index:
    """An index of the rows in which ``name`` is set; MariaDB has them of all rows only.

    The condition is for migrations: as an option of the index it would load all that SQLAlchemy
    has for PostgreSQL, for each command.
    """
    is_set = f"{name} > 0" if name.endswith("_at") else f"{name} IS NOT NULL"
    if name == "updated_at":
        is_set = "updated_at != issued_at"
    return Index(None, *columns, info={"where": is_set})


clients = Table(
    "clients",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("client_id", _ClientId, nullable=False),
    # The registration as one document, exactly as it is echoed.
    Column("metadata", _Document, nullable=False),
    Column("registration_access_token_digest", _Digest, nullable=False),
    # 0: never.
    _timestamp("registration_access_token_expires_at"),
    # The token before, while it still works: until the one above is used, or this moment.
    Column("previous_registration_access_token_digest", _Digest),
    _timestamp("previous_registration_access_token_expires_at"),
    # JSON, newest first: at most two that were made here; see services.client_secrets. None: the
    # client has none.
    Column("client_secrets", _Document),
    # JSON: what the initial access token allowed, for later updates; see metadata.bounds.
    Column("bounds", _Document),
    # Whom it belongs to, in the words of the server that it came from.
    Column("owner", String(255)),
    # By what it came to be: metadata.facets.
    Column("origin", String(32), nullable=False, server_default="open"),
    # Separated by spaces, and with one at each end.
    Column("tags", String(512)),
    # What follows from the rest, for lists: repositories.facets. Of client_facets, which has it.
    Column("facets_id", _FacetsId, nullable=False, server_default=""),
    # Of the newest secret.
    _timestamp("secret_expires_at"),
    # As an administrator had set them before they were members of the metadata; read no longer.
    Column("access_token_lifetime", Integer),
    Column("access_token_format", String(16)),
    # 0: it is not.
    _timestamp("suspended_at"),
    # Access tokens that were issued until then are dead, also when the client is resumed.
    _timestamp("tokens_ended_at"),
    Column("issued_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "client_id"),
    # Without client_id, which is random: what is new goes to the end, one page for a whole batch.
    Index(None, "tenant", "issued_at"),
    # Of each program's copies, one after the other.
    Index(None, "facets_id", "issued_at"),
    # What few clients have costs the others nothing.
    _of_few("updated_at", "tenant", "updated_at"),
    _of_few("owner", "tenant", "owner", "issued_at"),
    _of_few("tags", "tenant", "tags", "issued_at"),
    _of_few("suspended_at", "tenant", "suspended_at"),
    _of_few("secret_expires_at", "tenant", "secret_expires_at"),
    **_MARIADB,
)

# What a client is searched by: the values that follow from its metadata, and from how it came to
# be. Copies of one program share the row; whoever comes second writes none.
client_facets = Table(
    "client_facets",
    metadata,
    Column("tenant", _Name, nullable=False),
    # A digest of all the others.
    Column("id", _FacetsId, nullable=False),
    # The words of the name, folded, each behind a space; cut.
    Column("name_key", String(255), nullable=False),
    Column("software_id", String(255)),
    Column("software_version", String(255)),
    Column("auth_method", String(255)),
    Column("application_type", String(64)),
    # Each behind a space, and one at the end.
    Column("grant_types", _Document),
    Column("redirect_hosts", _Document),
    Column("origin", String(32), nullable=False),
    Column("policy", String(255)),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "tenant", "name_key", "id"),
    Index(None, "tenant", "software_id"),
    info={"is_shared": True},
    **_MARIADB,
)

# Clients that were deleted, until they are restored or purged. One may be deleted more than once:
# whoever brings clients from elsewhere may bring one of the same client_id.
deleted_clients = Table(
    "deleted_clients",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("client_id", _ClientId, nullable=False),
    Column("deleted_at_milliseconds", BigInteger, nullable=False),
    # Restored until then, if at all.
    Column("purge_at", BigInteger, nullable=False),
    # Of the client, for owners who look for theirs.
    Column("owner", String(255)),
    # JSON: the row of ``clients`` as it was.
    Column("record", _Document, nullable=False),
    PrimaryKeyConstraint("tenant", "client_id", "deleted_at_milliseconds"),
    Index(None, "purge_at"),
    **_MARIADB,
)

# What administrators write down about clients, for each other.
client_notes = Table(
    "client_notes",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("client_id", _ClientId, nullable=False),
    # Sorts by time; made by us.
    Column("id", _Name, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("author", String(128), nullable=False),
    Column("text", _Document, nullable=False),
    PrimaryKeyConstraint("tenant", "client_id", "id"),
    **_MARIADB,
)

# Answers to requests with an Idempotency-Key, for whoever asks again.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", _Name, nullable=False),
    # Of the key and of who sent it.
    Column("digest", _Digest, nullable=False),
    Column("request_digest", _Digest, nullable=False),
    # Encrypted; there may be secrets in it.
    Column("answer", _Document, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "expires_at"),
    **_MARIADB,
)

initial_access_tokens = Table(
    "initial_access_tokens",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("digest", _Digest, nullable=False),
    Column("id", _Name, nullable=False),
    # None: without limit.
    Column("uses_left", Integer),
    # 0: never.
    Column("expires_at", BigInteger, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    # Who issued it, and what for, in words.
    Column("issuer", String(128), nullable=False, server_default=""),
    Column("label", String(200), nullable=False, server_default=""),
    # JSON: policy, scopes and grant types; see metadata.bounds. None: as the tenant's.
    Column("bounds", _Document),
    _timestamp("revoked_at"),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "tenant", "id"),
    **_MARIADB,
)

# Who registered what with which token; a row for each use.
initial_access_token_uses = Table(
    "initial_access_token_uses",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("token_id", _Name, nullable=False),
    Column("client_id", _Name, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Column("address", _Name),
    PrimaryKeyConstraint("tenant", "token_id", "client_id"),
    **_MARIADB,
)

# Credentials of authorization servers and administrators, each for the scopes it names; tenant *:
# for all tenants.
admin_tokens = Table(
    "admin_tokens",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("digest", _Digest, nullable=False),
    Column("id", _Name, nullable=False),
    # Separated by spaces.
    Column("scopes", String(512), nullable=False),
    # A JSON list; NULL: tokens for any audience may be looked at.
    Column("audiences", _Document, nullable=True),
    Column("issuer", String(128), nullable=False),
    Column("label", String(200), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    _timestamp("revoked_at"),
    # Sees and changes the clients of this owner only; NULL: those of all.
    Column("owner", String(255)),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "tenant", "id"),
    **_MARIADB,
)

events = Table(
    "events",
    metadata,
    # Sorts by time; made by us.
    Column("id", _Name, nullable=False),
    Column("tenant", _Name, nullable=False),
    Column("type", _Name, nullable=False),
    Column("at_milliseconds", BigInteger, nullable=False),
    # Who did it: services.audit.actors; client_id, id of a token, subject of a JWT, system user.
    Column("actor_kind", _Name, nullable=False, server_default=""),
    Column("actor_id", _ClientId),
    # What it was done to: services.audit.SubjectKind.
    Column("subject_kind", _Name, nullable=False, server_default=""),
    Column("subject_id", _ClientId, nullable=False, server_default=""),
    Column("address", _Name),
    Column("request_id", _Name),
    # JSON: what changed, secrets masked.
    Column("changes", _Document, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "tenant", "id"),
    Index(None, "tenant", "subject_kind", "subject_id", "id"),
    **_MARIADB,
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("kid", _Name, nullable=False),
    Column("algorithm", String(16), nullable=False),
    # PEM; encrypted when an encryption key is configured.
    Column("private_key", _Document, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "kid"),
    **_MARIADB,
)

# Opaque access tokens; those that are JWTs are not stored.
access_tokens = Table(
    "access_tokens",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("digest", _Digest, nullable=False),
    # JSON: the same claims that a JWT would carry.
    Column("claims", _Document, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "expires_at"),
    **_MARIADB,
)

# What must not be accepted again until it has expired: jti of assertions and DPoP proofs, by
# digest, and access tokens that were revoked.
spent_identifiers = Table(
    "spent_identifiers",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("digest", _Digest, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "expires_at"),
    **_MARIADB,
)

# When a client and each of its secrets was last used; written in batches, apart from the client's
# row, so that it never stands in the way of a change.
last_uses = Table(
    "last_uses",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("client_id", _ClientId, nullable=False),
    # Empty: by another credential than a secret.
    Column("secret_id", _Name, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "client_id", "secret_id"),
    Index(None, "tenant", "used_at"),
    **_MARIADB,
)

# The metadata document of a tenant's authorization server, as it was read last from ``location``.
authorization_server_metadata = Table(
    "authorization_server_metadata",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("location", _Document, nullable=False),
    Column("document", _Document, nullable=False),
    Column("fetched_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant"),
    **_MARIADB,
)

# Work that one instance does at a time: migrations on MariaDB.
leases = Table(
    "leases",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("name", _Name, nullable=False),
    Column("owner", _Name, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "name"),
    **_MARIADB,
)

# One row, which every process looks at once a second: how often stored tenants and policies were
# changed. Each change is made on top of the one before, so that none is checked against another
# state than the one that it makes.
configuration_changes = Table(
    "configuration_changes",
    metadata,
    # Empty: those of all.
    Column("tenant", _Name, nullable=False),
    Column("number", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant"),
    **_MARIADB,
)

# Tenants that were made at run time, beside those of the configuration file.
stored_tenants = Table(
    "stored_tenants",
    metadata,
    Column("tenant", _Name, nullable=False),
    # JSON: the keys of [tenants.NAME].
    Column("settings", _Document, nullable=False),
    # active, suspended, deleting; deleted: all is gone, and the name is not free yet.
    Column("status", String(16), nullable=False),
    # JSON: by table, how many rows were deleted; None: nothing yet.
    Column("progress", _Document),
    # The number of the change that it was last touched by.
    Column("version", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant"),
    **_MARIADB,
)

# Policies that were made at run time, each with all that it ever was.
stored_policies = Table(
    "stored_policies",
    metadata,
    # *: for all tenants.
    Column("tenant", _Name, nullable=False),
    Column("name", _Name, nullable=False),
    # 0: the draft.
    Column("version", Integer, nullable=False),
    # JSON: the keys of [policies.NAME].
    Column("policy", _Document, nullable=False),
    # draft, active, retired.
    Column("state", String(16), nullable=False),
    # The number of the change that it was last touched by.
    Column("change_number", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(128), nullable=False),
    _timestamp("activated_at"),
    Column("activated_by", String(128), nullable=False, server_default=""),
    PrimaryKeyConstraint("tenant", "name", "version"),
    **_MARIADB,
)

# What administrators configured at run time for registration by Asgardeo's API.
dcr_configurations = Table(
    "dcr_configurations",
    metadata,
    Column("tenant", _Name, nullable=False),
    # JSON: services.tenants.dcr_configuration.
    Column("settings", _Document, nullable=False),
    # The number of the change that it was last touched by.
    Column("version", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant"),
    **_MARIADB,
)

# What administrators had begun that takes longer than a request: services.jobs.
jobs = Table(
    "jobs",
    metadata,
    Column("tenant", _Name, nullable=False),
    # Sorts by time; made by us.
    Column("id", _Name, nullable=False),
    Column("kind", _Name, nullable=False),
    # receiving, queued, running; done, failed, cancelled.
    Column("state", String(16), nullable=False),
    # JSON: what it is to do.
    Column("parameters", _Document, nullable=False),
    # JSON: who had it begun, by which request; what it does is done in their name.
    Column("origin", _Document, nullable=False),
    # Whose job it is, if it is an owner's.
    Column("owner", String(255)),
    # Where it goes on, after whatever happened to whoever did it.
    Column("position", _ClientId, nullable=False, server_default=""),
    # None: not known, or not yet.
    Column("total", BigInteger),
    Column("handled", BigInteger, nullable=False, server_default="0"),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Column("failed", BigInteger, nullable=False, server_default="0"),
    # JSON: the first clients that it failed for, with the reasons.
    Column("errors", _Document, nullable=False),
    # JSON: what else came of it.
    Column("report", _Document, nullable=False),
    # How often it was begun since it last got on.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    _timestamp("started_at"),
    _timestamp("finished_at"),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "state", "updated_at"),
    **_MARIADB,
)

# What was sent for a job to work on, a part at a time; it ends with the job.
job_inputs = Table(
    "job_inputs",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("job_id", _Name, nullable=False),
    Column("number", Integer, nullable=False),
    # Encrypted, where there is a key; there may be secrets in it.
    Column("content", _Document, nullable=False),
    PrimaryKeyConstraint("tenant", "job_id", "number"),
    **_MARIADB,
)
