"""Client metadata as data and pure functions: this module is the interface.

What judges metadata takes longer to load than many a command, which judges none: so each name is
loaded with its module when somebody takes it (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcrserver.metadata.capabilities import ServerCapabilities
    from dcrserver.metadata.catalogue import (
        FAMILIES,
        IGNORED,
        PARAMETERS,
        SERVER_ASSIGNED,
        VERIFIED,
    )
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

_NAMES = {
    "metadata.capabilities": "ServerCapabilities",
    "metadata.catalogue": "FAMILIES IGNORED PARAMETERS SERVER_ASSIGNED VERIFIED",
    "metadata.model": "ClientMetadata Issue Kind Parameter Terms Who for_administrators",
    "metadata.preview": "differences explain",
    "metadata.rules": "RULES needs_readable_secret needs_secret",
    "metadata.unserved": "with_unserved",
    "metadata.validation": "beyond examine recognized refuse_server_members validate",
    "policies": "Policy",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever it is
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"dcrserver.{module}"), name)
