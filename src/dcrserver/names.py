"""Names with a meaning that commands show before anything else is loaded, and words that are
stored.
"""

from __future__ import annotations

from enum import StrEnum

DEFAULT_TENANT = "default"
# In place of the name of a tenant, as none is called: what is for all of them.
ALL_TENANTS = "*"
# The member by which everybody may read a client's metadata (services.documents).
PUBLISHED = "published"


class Word(StrEnum):
    """One of a few words that are stored: as ``word``, a third of the price of ``value``.

    Each registration stores four. On the way of a request a member is a constant of its module: to
    look for one in its class takes a fifth of a microsecond, and an update looked for ten.
    """

    def __init__(self, word: str) -> None:
        self.word = word


class ClientOrigin(Word):
    """How a client came to be."""

    OPEN = "open"
    INITIAL_ACCESS_TOKEN = "initial_access_token"  # noqa: S105 - a name
    ADMINISTRATOR = "administrator"
    IMPORT = "import"
    DOCUMENT = "document"
    SOFTWARE_STATEMENT = "software_statement"


class ClientStatus(Word):
    """Whether a client's credentials work: those of an active one alone do."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    # Held for an approval, and what may come of that; one that was approved is active.
    PENDING = "pending"
    REJECTED = "rejected"
    # Nobody approved it in time; or its own time is over, until it is removed.
    EXPIRED = "expired"


# Nobody approved it, so nobody resumes it, and its registration access token tells no more than
# that.
UNAPPROVED = frozenset({ClientStatus.PENDING, ClientStatus.REJECTED, ClientStatus.EXPIRED})


class LinkState(Word):
    """How far a target is with a client."""

    # Not to be known there: a registration is on its way, or waits for an approval. Never shown.
    RESERVED = "reserved"
    PENDING = "pending"
    APPLIED = "applied"
    # It will not have the client as it is; tried again when the client changes, or when asked to.
    FAILED = "failed"
    # The client is no more, and is to be removed there.
    GONE = "gone"
