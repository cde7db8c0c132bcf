"""A tenant: one issuer with its own metadata, terms and clients. Built once per process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from dcrserver.metadata.model import Terms
from dcrserver.strict_json import JsonValue

DEFAULT_TENANT = "default"


@dataclass(frozen=True, slots=True)
class Tenant:
    """``issuer`` has no trailing slash; ``members`` is what discovery publishes.

    ``webfinger``: domains and exact resources it answers for.
    ``issues_tokens``: the built-in token endpoint is on.
    """

    name: str
    issuer: str
    members: Mapping[str, JsonValue]
    terms: Terms
    webfinger: frozenset[str]
    issues_tokens: bool

    @property
    def path(self) -> str:
        """The path of the issuer, empty at the root."""
        return urlsplit(self.issuer).path

    @property
    def refuses_authorization(self) -> bool:
        """The built-in authorization endpoint is on, which waits for a server to be connected."""
        return self.members["authorization_endpoint"] == f"{self.issuer}/authorize"

    @property
    def registration_endpoint(self) -> str:
        return f"{self.issuer}/register"

    def registration_client_uri(self, client_id: str) -> str:
        return f"{self.issuer}/register/{client_id}"
