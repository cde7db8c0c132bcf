"""Names with a meaning that commands show before anything else is loaded, and words that are
stored.
"""

from __future__ import annotations

from enum import StrEnum

DEFAULT_TENANT = "default"
# In place of the name of a tenant, as none is called: what is for all of them.
ALL_TENANTS = "*"


class Word(StrEnum):
    """One of a few words that are stored: as ``word``, a third of the price of ``value``.

    Each registration stores four.
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


class Approval(Word):
    """What became of a client that was held; one that was approved has none of these."""

    PENDING = "pending"
    REJECTED = "rejected"
    EXPIRED = "expired"
