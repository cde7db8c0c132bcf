"""Client metadata as data and pure functions: this module is the interface."""

from dcrserver.metadata.capabilities import ServerCapabilities
from dcrserver.metadata.catalogue import FAMILIES, IGNORED, PARAMETERS, SERVER_ASSIGNED, VERIFIED
from dcrserver.metadata.model import (
    ClientMetadata,
    Issue,
    Kind,
    Parameter,
    Terms,
    Who,
    for_administrators,
)
from dcrserver.metadata.preview import differences, explain
from dcrserver.metadata.rules import RULES, needs_readable_secret, needs_secret
from dcrserver.metadata.unserved import with_unserved
from dcrserver.metadata.validation import (
    beyond,
    examine,
    recognized,
    refuse_server_members,
    validate,
)
from dcrserver.policies import Policy

__all__ = [
    "FAMILIES",
    "IGNORED",
    "PARAMETERS",
    "RULES",
    "SERVER_ASSIGNED",
    "VERIFIED",
    "ClientMetadata",
    "Issue",
    "Kind",
    "Parameter",
    "Policy",
    "ServerCapabilities",
    "Terms",
    "Who",
    "beyond",
    "differences",
    "examine",
    "explain",
    "for_administrators",
    "needs_readable_secret",
    "needs_secret",
    "recognized",
    "refuse_server_members",
    "validate",
    "with_unserved",
]
