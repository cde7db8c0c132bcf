"""What the server does not do yet: for clients that come from one that did."""

from __future__ import annotations

from dataclasses import replace

from dcrserver.metadata.capabilities import ServerCapabilities
from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.metadata.model import Terms, once
from dcrserver.policies.presets import PRESETS

_FEATURES = frozenset(feature for row in PARAMETERS.values() for feature in row.features)


@once
def with_unserved(terms: Terms) -> Terms:
    """``terms`` of a server that did all that the preset's profile leaves, with keys for secrets.

    Scopes stay bounded: they name what may be had, not what a server is able to do.
    """
    preset = PRESETS[terms.policy.preset]
    bounded = {"scopes_supported", *preset.limits, *preset.cuts}
    lists = {name: values for name, values in terms.server.lists.items() if name in bounded}
    server = ServerCapabilities(lists, terms.server.offered | _FEATURES)
    return replace(terms, server=server, readable_secrets=True)
