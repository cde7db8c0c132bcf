"""A tenant: one issuer with its own metadata, terms and clients."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias
from urllib.parse import quote, urlsplit

from dcrserver.errors import Unavailable
from dcrserver.limits import UNLIMITED, Limits
from dcrserver.metadata.bounds import Bounds, narrowed
from dcrserver.metadata.model import Terms
from dcrserver.policies import Policy
from dcrserver.strict_json import JsonValue, dumps
from dcrserver.tenants.issuers import TrustedIssuer
from dcrserver.tenants.policies import Named

Mode: TypeAlias = Literal["open", "protected", "closed"]
# When those who were told that it is suspended may ask again.
_SUSPENDED_SECONDS = 60
# By then each process has looked for what is stored.
_LEARNT_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Published:
    """A document as JSON text, and its entity tag (RFC 9110 8.8.3)."""

    text: str
    etag: str


@dataclass(frozen=True)
class Tenant:
    """``issuer`` as it was written (RFC 8414 3.3); ``members`` is what discovery publishes.

    ``webfinger``: domains and exact resources it answers for.
    ``issues_tokens``: the built-in token endpoint is on.
    ``server_issuer``: what its authorization server calls itself, empty if that is not known.
    ``restore_window``: seconds for which a deleted client can be restored.
    ``policies``: the terms of the named policies, and of versions of them, for those who were bound
    to one.
    ``declared_policies``: names of those that are never deleted.
    ``explains``: POST /register/validate is offered.
    ``waits``: the metadata of its authorization server was never read, so nobody knows what can be
    registered and what is to be published.
    ``declared``: by the configuration file, which nobody changes at run time.
    ``asgardeo``: the paths of Asgardeo's API are there.
    ``statement_issuers``: by name, those whose software statements it trusts.
    ``statement_keys``: a URL of keys by which it trusts statements of whoever is not among them;
    empty: it trusts nobody else.
    ``mtls_root``: where its endpoints ask for client certificates, if that is elsewhere.
    ``limits``: how often things may be done to it.
    ``sign_in``: the authorization endpoint of the server behind; empty: nobody signs people in.
    ``suspended``: by an administrator; until it is resumed it answers nothing.
    """

    name: str
    issuer: str
    members: Mapping[str, JsonValue]
    terms: Terms
    webfinger: frozenset[str]
    issues_tokens: bool
    mode: Mode = "open"
    policies: Mapping[Named, Terms] = field(default_factory=dict)
    declared_policies: Collection[str] = ()
    explains: bool = False
    waits: bool = False
    server_issuer: str = ""
    declared: bool = True
    suspended: bool = False
    sign_in: str = ""
    asgardeo: bool = False
    restore_window: int = 0
    statement_issuers: Mapping[str, TrustedIssuer] = field(default_factory=dict)
    statement_keys: str = ""
    mtls_root: str | None = None
    limits: Limits = UNLIMITED

    def awake(self) -> Tenant:
        """The tenant itself, for whatever it is asked.

        Raises:
            Unavailable: it is suspended.
        """
        if self.suspended:
            raise Unavailable(
                "this issuer is suspended; ask its administrator", retry_after=_SUSPENDED_SECONDS
            )
        return self

    def known(self) -> Tenant:
        """``awake``, for whatever depends on its authorization server.

        Raises:
            Unavailable: the metadata of that server was never read.
        """
        if self.suspended:
            self.awake()
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
        name = bounds.judged_by
        terms = self.terms if name is None else self.policies.get(name)
        if terms is None:
            raise _missing(bounds)
        return narrowed(terms, bounds)

    def bound_for_life(self, bounds: Bounds) -> Bounds:
        """``bounds`` as a client has them that is born under them, or moved to them, now: by the
        active version of the policy, where that says so (``policy.binding``).

        Raises:
            Unavailable: as ``terms_within``.
        """
        version = self.terms_within(bounds).version
        return bounds if version is None else bounds.by(version)

    def reads_statements(self, policy: Policy) -> bool:
        """Whether software statements count for anything under ``policy``."""
        return policy.statements_mode != "ignored" or bool(self.statement_keys)

    def judges_by_body(self, policy: Policy) -> bool:
        """Whether nothing beside its body counts for a registration under ``policy``."""
        return policy.by_body_alone and not self.statement_keys

    @cached_property
    def root(self) -> str:
        """What paths are appended to, whether the issuer ends in a slash or not."""
        return self.issuer.rstrip("/")

    @cached_property
    def path(self) -> str:
        """The path of ``root``, empty at the root of the host."""
        return urlsplit(self.root).path

    @cached_property
    def webfinger_entries(self) -> frozenset[str]:
        """What WebFinger finds it by: its issuer, and the domains and resources given to it."""
        return frozenset(
            entry.rstrip("/") if "://" in entry or entry.startswith("acct:") else entry.lower()
            for entry in (*self.webfinger, self.issuer)
        )

    @cached_property
    def published(self) -> Published:
        """``members`` as they are sent."""
        text = dumps(dict(self.members))
        return Published(text, f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"')

    def registration_client_uri(self, client_id: str) -> str:
        """Where a client manages its registration (RFC 7592 3)."""
        named = client_id if client_id.isalnum() and client_id.isascii() else quote(client_id, "")
        return f"{self._management_root}/register/{named}"

    @cached_property
    def _management_root(self) -> str:
        demands = self.terms.policy.mtls.registration_certificate
        return self.mtls_root if self.mtls_root and demands else self.root


def _missing(bounds: Bounds) -> Unavailable:
    version = bounds.policy_version
    if version is None:
        return Unavailable(
            "the policy of this registration is not in the configuration that this server was"
            " started with; ask an administrator",
            detail=f"policies.{bounds.policy} is missing",
        )
    return Unavailable(
        "the version of the policy of this registration is not known here yet; try again",
        detail=f"version {version} of policies.{bounds.policy} is missing",
        retry_after=_LEARNT_SECONDS,
    )
