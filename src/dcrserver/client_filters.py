"""The filters of clients as the API and the commands call them, and nothing of how they are made.

``repositories.queries.clients.filters`` has a condition for each. Loads nothing else: commands show
them in their help.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from dcrserver.names import ClientOrigin, ClientStatus


class FilterName(NamedTuple):
    """A filter: which clients it means. ``values``: the words it may be; none: any text."""

    name: str
    description: str
    values: tuple[str, ...] = ()
    is_time: bool = False


_ROWS = (
    FilterName("q", "words of the name, or beginnings of them, in whatever case"),
    FilterName("name", "the name, in whatever case"),
    FilterName("origin", "how it came to be", values=tuple(ClientOrigin)),
    FilterName("software_id", "the software"),
    FilterName("software_version", "the version of the software"),
    FilterName("method", "its token_endpoint_auth_method"),
    FilterName("grant", "one of its grant_types"),
    FilterName("redirect_host", "the host of one of its redirect_uris"),
    FilterName("application_type", "web or native"),
    FilterName("policy", "the named policy it is judged by"),
    FilterName("status", "whether its credentials work", values=tuple(ClientStatus)),
    FilterName("owner", "whom it belongs to"),
    FilterName("tag", "one of its tags"),
    FilterName("created_after", "registered then or later", is_time=True),
    FilterName("created_before", "registered before", is_time=True),
    FilterName("updated_after", "changed then or later", is_time=True),
    FilterName("updated_before", "not changed since", is_time=True),
    FilterName("last_used_after", "used then or later", is_time=True),
    FilterName("last_used_before", "not used since, or never", is_time=True),
    FilterName("secret_expires_after", "its newest secret ends then or later", is_time=True),
    FilterName(
        "secret_expires_before", "its newest secret ends before, or has ended", is_time=True
    ),
    FilterName("expires_after", "it ends then or later", is_time=True),
    FilterName("expires_before", "it ends before", is_time=True),
    FilterName(
        "link_state",
        "how far an authorization server is with it",
        values=("pending", "applied", "failed"),
    ),
    FilterName("contains", "a text of the registration, in whatever case"),
)
FILTERS: Mapping[str, FilterName] = MappingProxyType({row.name: row for row in _ROWS})
