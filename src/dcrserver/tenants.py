"""A tenant: one issuer with its own metadata, terms and clients; and all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, overload
from urllib.parse import quote, urlsplit

from dcrserver.errors import Unavailable
from dcrserver.metadata.bounds import Bounds, narrowed
from dcrserver.metadata.model import Terms
from dcrserver.strict_json import JsonValue

Mode: TypeAlias = Literal["open", "protected", "closed"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """``issuer`` as it was written (RFC 8414 3.3); ``members`` is what discovery publishes.

    ``webfinger``: domains and exact resources it answers for.
    ``issues_tokens``: the built-in token endpoint is on.
    ``server_issuer``: what its authorization server calls itself, empty if that is not known.
    ``policies``: the terms of the named policies, for those who were bound to one.
    ``explains``: POST /register/validate is offered.
    ``waits``: the metadata of its authorization server was never read, so nobody knows what can be
    registered and what is to be published.
    """

    name: str
    issuer: str
    members: Mapping[str, JsonValue]
    terms: Terms
    webfinger: frozenset[str]
    issues_tokens: bool
    mode: Mode = "open"
    policies: Mapping[str, Terms] = field(default_factory=dict)
    explains: bool = False
    waits: bool = False
    server_issuer: str = ""

    def known(self) -> Tenant:
        """The tenant itself, for whatever depends on its authorization server.

        Raises:
            Unavailable: the metadata of that server was never read.
        """
        if self.waits:
            raise Unavailable(
                "the metadata of the authorization server is not known yet; try again later",
                detail=f"tenant {self.name} waits for authorization_server.metadata",
            )
        return self

    def terms_within(self, bounds: Bounds) -> Terms:
        """What a registration under ``bounds`` is judged by.

        Raises:
            Unavailable: the policy it names is no longer configured; to judge by another would
                let the client have what it was never allowed.
        """
        terms = self.terms if bounds.policy is None else self.policies.get(bounds.policy)
        if terms is None:
            raise Unavailable(
                "the policy of this registration is not in the configuration that this server was"
                " started with; ask an administrator",
                detail=f"policies.{bounds.policy} is missing",
            )
        return narrowed(terms, bounds)

    @property
    def root(self) -> str:
        """What paths are appended to, whether the issuer ends in a slash or not."""
        return self.issuer.rstrip("/")

    @property
    def path(self) -> str:
        """The path of ``root``, empty at the root of the host."""
        return urlsplit(self.root).path

    @property
    def refuses_authorization(self) -> bool:
        """The built-in authorization endpoint is on, which waits for a server to be connected."""
        return self.members["authorization_endpoint"] == f"{self.root}/authorize"

    @property
    def registration_endpoint(self) -> str:
        return f"{self.root}/register"

    def registration_client_uri(self, client_id: str) -> str:
        """Where a client manages its registration (RFC 7592 3)."""
        named = client_id if client_id.isalnum() and client_id.isascii() else quote(client_id, "")
        return f"{self.root}/register/{named}"


class Tenants(Sequence[Tenant]):
    """All tenants, the default one first: a snapshot that is replaced whole.

    Their number, names, order and issuers stay; what their authorization servers can do may change.
    """

    def __init__(self, tenants: Sequence[Tenant]) -> None:
        self._now = tuple(tenants)

    def replace(self, tenants: Sequence[Tenant]) -> None:
        """From now on; who holds one of before goes on with it."""
        self._now = tuple(tenants)

    @overload
    def __getitem__(self, place: int) -> Tenant: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Tenant]: ...
    def __getitem__(self, place: int | slice) -> Tenant | Sequence[Tenant]:
        return self._now[place]

    def __len__(self) -> int:
        return len(self._now)
