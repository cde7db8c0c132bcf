"""Clients, by what they are found, and what is kept beside them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    literal_column,
)

from dcrserver.db.tables.columns import (
    Changes,
    ClientId,
    Digest,
    Document,
    FacetsId,
    Name,
    metadata,
    of_few,
    timestamp,
)

# Written out: nothing that each registration would have to send along.
_NEVER: ColumnElement[int] = literal_column("0")


def _revived(old: Any, _: Any) -> Changes:  # noqa: ANN401 - columns of rows
    """Of a row that is shared nothing is written, unless it is retired."""
    return {"retired_at": _NEVER}, old.retired_at != _NEVER


clients = Table(
    "clients",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("client_id", ClientId, nullable=False),
    # The registration as one document, exactly as it is echoed.
    Column("metadata", Document, nullable=False),
    Column("registration_access_token_digest", Digest, nullable=False),
    # 0: never.
    timestamp("registration_access_token_expires_at"),
    # The token before, while it still works: until the one above is used, or this moment.
    Column("previous_registration_access_token_digest", Digest),
    timestamp("previous_registration_access_token_expires_at"),
    # JSON, newest first: at most two that were made here; see services.client_secrets. None: the
    # client has none.
    Column("client_secrets", Document),
    # JSON: what the initial access token allowed, for later updates; see metadata.bounds.
    Column("bounds", Document),
    # Whom it belongs to, in the words of the server that it came from.
    Column("owner", String(255)),
    # By what it came to be: metadata.facets.
    Column("origin", String(32), nullable=False, server_default="open"),
    # Separated by spaces, and with one at each end.
    Column("tags", String(512)),
    # What follows from the rest, for lists: repositories.facets. Of client_facets, which has it.
    Column("facets_id", FacetsId, nullable=False, server_default=""),
    # Of the newest secret.
    timestamp("secret_expires_at"),
    # As an administrator had set them before they were members of the metadata; read no longer.
    Column("access_token_lifetime", Integer),
    Column("access_token_format", String(16)),
    # 0: it is not. Set as well while an approval is missing, so that whoever knows nothing of
    # approvals takes it for suspended: a process of an earlier version, too.
    timestamp("suspended_at"),
    # What became of its approval (names.ClientStatus); None: it needs none, or has one.
    Column("approval", String(16)),
    # Since when others were told its client_id, who asked for the same: it is nobody's own.
    timestamp("shared_at"),
    # Access tokens that were issued until then are dead, also when the client is resumed.
    timestamp("tokens_ended_at"),
    # When it ends; 0: never, as an administrator said; None: nobody said.
    Column("expires_at", BigInteger),
    Column("issued_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "client_id"),
    # Without client_id, which is random: what is new goes to the end, one page for a whole batch.
    Index(None, "tenant", "issued_at"),
    # Of each program's copies, one after the other.
    Index(None, "facets_id", "issued_at"),
    # What few clients have costs the others nothing.
    of_few("updated_at", "tenant", "updated_at"),
    of_few("owner", "tenant", "owner", "issued_at"),
    of_few("tags", "tenant", "tags", "issued_at"),
    of_few("suspended_at", "tenant", "suspended_at"),
    of_few("secret_expires_at", "tenant", "secret_expires_at"),
    # Of all tenants together, for the job that ends them.
    of_few("expires_at", "expires_at", "tenant"),
)

# What a client is searched by: the values that follow from its metadata, and from how it came to
# be. Copies of one program share the row; whoever comes second writes none.
client_facets = Table(
    "client_facets",
    metadata,
    Column("tenant", Name, nullable=False),
    # A digest of all the others.
    Column("id", FacetsId, nullable=False),
    # The words of the name, folded, each behind a space; cut.
    Column("name_key", String(255), nullable=False),
    Column("software_id", String(255)),
    Column("software_version", String(255)),
    Column("auth_method", String(255)),
    Column("application_type", String(64)),
    # Each behind a space, and one at the end.
    Column("grant_types", Document),
    Column("redirect_hosts", Document),
    Column("origin", String(32), nullable=False),
    Column("policy", String(255)),
    # Since when no client has it, as far as is known; whoever writes it again sets it to 0.
    timestamp("retired_at"),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "tenant", "name_key", "id"),
    Index(None, "tenant", "software_id"),
    info={"there": _revived},
)

# Which client each registration leads to that many share: a row a client, found by what it
# registered. What the client is by now is asked of its own row (services.registration.sharing).
shared_clients = Table(
    "shared_clients",
    metadata,
    Column("tenant", Name, nullable=False),
    # Of what was registered, under which policy: metadata.fingerprints.
    Column("fingerprint", Digest, nullable=False),
    Column("client_id", ClientId, nullable=False),
    # How often it was registered, the first time as well, and when the last time.
    Column("registrations", BigInteger, nullable=False),
    Column("last_registered_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "fingerprint"),
    Index(None, "tenant", "client_id"),
)

# Clients that were deleted, until they are restored or purged. One may be deleted more than once:
# whoever brings clients from elsewhere may bring one of the same client_id.
deleted_clients = Table(
    "deleted_clients",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("client_id", ClientId, nullable=False),
    Column("deleted_at_milliseconds", BigInteger, nullable=False),
    # Restored until then, if at all.
    Column("purge_at", BigInteger, nullable=False),
    # Of the client, for owners who look for theirs.
    Column("owner", String(255)),
    # JSON: the row of ``clients`` as it was.
    Column("record", Document, nullable=False),
    PrimaryKeyConstraint("tenant", "client_id", "deleted_at_milliseconds"),
    Index(None, "purge_at"),
)

# Of clients that were registered and held for an approval: why, until when, and what was decided.
client_approvals = Table(
    "client_approvals",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("client_id", ClientId, nullable=False),
    # Of the metadata as they were when it was held.
    Column("held_digest", Digest, nullable=False),
    # JSON: the names of the statements that hold it.
    Column("statements", Document, nullable=False),
    # When it expires, or is forgotten; 0: it was approved, and is not.
    timestamp("ends_at"),
    # Why it was rejected, for the client.
    Column("reason", Document),
    PrimaryKeyConstraint("tenant", "client_id"),
    of_few("ends_at", "ends_at"),
)

# What administrators write down about clients, for each other.
client_notes = Table(
    "client_notes",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("client_id", ClientId, nullable=False),
    # Sorts by time; made by us.
    Column("id", Name, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("author", String(128), nullable=False),
    Column("text", Document, nullable=False),
    PrimaryKeyConstraint("tenant", "client_id", "id"),
)

# When a client and each of its secrets was last used; written in batches, apart from the client's
# row, so that it never stands in the way of a change.
last_uses = Table(
    "last_uses",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("client_id", ClientId, nullable=False),
    # Empty: by another credential than a secret.
    Column("secret_id", Name, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "client_id", "secret_id"),
    Index(None, "tenant", "used_at"),
)

# What is held while clients are counted that are alike, so that two who register at once are
# counted one after the other. Rows tell nothing more: the clients themselves are counted.
client_quotas = Table(
    "client_quotas",
    metadata,
    Column("tenant", Name, nullable=False),
    # By what they are alike, and a digest of what they have.
    Column("counted_by", String(16), nullable=False),
    Column("digest", Digest, nullable=False),
    # So that there is something to write.
    timestamp("held_at"),
    PrimaryKeyConstraint("tenant", "counted_by", "digest"),
)

# Of clients that name themselves by the URL of their metadata: what was read there.
client_documents = Table(
    "client_documents",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("client_id", ClientId, nullable=False),
    # Of the document that counts, as it was read.
    Column("digest", Digest, nullable=False),
    Column("fetched_at", BigInteger, nullable=False),
    Column("fresh_until", BigInteger, nullable=False),
    # Why it could not be read, or is not acceptable, since then.
    Column("problem", String(512)),
    timestamp("problem_at"),
    PrimaryKeyConstraint("tenant", "client_id"),
)
