"""Step: who may register, by mode and initial access token (RFC 7591 3)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from dcrserver import security
from dcrserver.errors import (
    InsufficientScope,
    InvalidInput,
    InvalidToken,
    MissingToken,
    UnknownToken,
)
from dcrserver.metadata import Terms
from dcrserver.metadata.bounds import UNBOUNDED, Bounds
from dcrserver.metadata.certificates import ClientCertificate
from dcrserver.names import ClientOrigin
from dcrserver.repositories.initial_access_tokens import (
    InitialAccessTokenRecord,
    InitialAccessTokenUse,
)
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services.access import giving
from dcrserver.services.access.actors import ANONYMOUS, Actor, ActorKind
from dcrserver.services.access.administrators import Administrators
from dcrserver.services.access.policy_bindings import bind
from dcrserver.services.access.stored_clients import terms_for
from dcrserver.services.audit import Origin
from dcrserver.tenants import Tenant

INITIAL_TOKEN_PREFIX = "iat"  # noqa: S105 - a prefix
# The scope of admin tokens that register.
REGISTER = "clients:create"
_ANYBODY, _ADMINISTRATOR = ActorKind.ANONYMOUS, ActorKind.ADMINISTRATOR
_OPEN, _BY_TOKEN = ClientOrigin.OPEN, ClientOrigin.INITIAL_ACCESS_TOKEN
_BY_ADMINISTRATOR = ClientOrigin.ADMINISTRATOR
# Of the column that tells who issued a token.
_ISSUER_LENGTH = 128
_MONTH = 30 * 86400
_USELESS = "the initial access token is unknown, expired or used up"


class RegistrationPermit(NamedTuple):
    """Permission to register.

    ``terms``: what the registration is judged by, for life, within ``bounds``.
    ``token``: the initial access token that is redeemed; None in open mode, and for administrators.
    ``actor``: who registers. ``certificate``: of the connection, where the policy wants one.
    """

    tenant: Tenant
    terms: Terms
    token: InitialAccessTokenRecord | None = None
    bounds: Bounds = UNBOUNDED
    actor: Actor = ANONYMOUS
    certificate: ClientCertificate | None = None

    @property
    def origin(self) -> ClientOrigin:
        """How the client comes to be."""
        if self.token is not None:
            return _BY_TOKEN
        return _OPEN if self.actor.kind is _ANYBODY else _BY_ADMINISTRATOR

    def check_unspent(self) -> None:
        """Refuses what ``authorize`` let through by ``spent_too``.

        Raises:
            InvalidToken: there is no use left of the token.
        """
        if self.token is not None and self.token.uses_left == 0:
            raise _useless()

    @property
    def is_administrator_s(self) -> bool:
        """Whether an administrator registers a client, and may choose what others may not."""
        return self.actor.kind is _ADMINISTRATOR


async def authorize(
    database: Database,
    administrators: Administrators,
    tenant: Tenant,
    bearer: str | None,
    *,
    spent_too: bool = False,
) -> RegistrationPermit:
    """Takes no use yet. In open mode a token is not needed, but its bounds count.

    An administrator registers in every mode. ``spent_too``: also by a token without a use left, for
    whoever may be told an answer again that took the last one.

    Raises:
        MissingToken: the mode wants one.
        InvalidToken: unknown, expired, revoked or used up.
        InsufficientScope: registration is closed, or the admin token is for something else.
        Unavailable: the policy that the token names is no longer configured, or the keys of an
            administrator's provider cannot be read.
    """
    if bearer is None:
        if tenant.mode == "open":
            terms = tenant.terms
            if terms.version is None:
                return RegistrationPermit(tenant, terms)
            return RegistrationPermit(tenant, terms, bounds=UNBOUNDED.by(terms.version))
        if tenant.mode == "closed":
            raise MissingToken("registration is closed; administrators register clients here")
        raise MissingToken("this server needs an initial access token for registration")
    if administrators.are_told_by(bearer):
        admin = await administrators.authorize(tenant, bearer, REGISTER)
        return RegistrationPermit(tenant, terms_for(admin, tenant.terms), actor=admin)
    found = await _found(database, tenant, bearer, spent_too=spent_too)
    if tenant.mode == "closed":
        raise InsufficientScope("registration is closed; ask an administrator")
    bounds = tenant.bound_for_life(Bounds.from_json(found.bounds))
    terms = tenant.terms_within(bounds)
    actor = Actor(ActorKind.INITIAL_ACCESS_TOKEN, found.id, tenant.name, name=found.label)
    return RegistrationPermit(tenant, terms, found, bounds, actor)


async def _found(
    database: Database, tenant: Tenant, bearer: str, *, spent_too: bool
) -> InitialAccessTokenRecord:
    digest, now = security.token_digest(bearer), int(time.time())
    async with database.read() as tx:
        found = await tx.initial_access_tokens.find(tenant.name, digest, now, spent_too=spent_too)
    if found is None:
        raise UnknownToken(_USELESS)
    return found


async def redeem(
    tx: Transaction, permit: RegistrationPermit, client_id: str, origin: Origin
) -> None:
    """Takes one use, in the transaction of the registration it pays for, and binds that.

    Raises:
        InvalidToken: another registration took the last.
        Unavailable: the policy of the permit was deleted a moment ago.
    """
    await bind(tx, permit.tenant, permit.bounds)
    token = permit.token
    if token is None:
        return
    now = int(time.time())
    if not await tx.initial_access_tokens.redeem(token.tenant, token.digest, now):
        raise _useless()
    tx.initial_access_tokens.add_use(
        InitialAccessTokenUse(token.tenant, token.id, client_id, now, origin.address)
    )


def _useless() -> InvalidToken:
    return InvalidToken(_USELESS)


@dataclass(frozen=True, slots=True)
class NewInitialAccessToken:
    """What is issued. ``uses`` None: without limit; ``lifetime`` in seconds, 0 for ever, None: a
    month, or as long as whoever issues it may act.
    """

    uses: int | None
    lifetime: int | None
    bounds: Bounds = UNBOUNDED
    label: str = ""

    @classmethod
    def asked(
        cls,
        tenant: Tenant,
        *,
        uses: int | None,
        expires_in: int | None,
        label: str,
        policy: str | None,
        scopes: Sequence[str] | None,
        grant_types: Sequence[str] | None,
    ) -> Self:
        """As an administrator of ``tenant`` asks for it.

        Raises:
            InvalidInput: there is no such policy.
        """
        if policy is not None and policy not in tenant.policies:
            raise InvalidInput("policy must be the name of one that there is", pointer="#/policy")
        bounds = Bounds(
            policy,
            None if scopes is None else tuple(scopes),
            None if grant_types is None else tuple(grant_types),
        )
        return cls(uses, expires_in, bounds, label)


def doubts(tenant: Tenant, bounds: Bounds) -> Iterator[str]:
    """Why a token with ``bounds`` may be of no use as ``tenant`` is now: sentences for people."""
    if tenant.mode == "closed":
        yield f"registration is closed for tenant {tenant.name}; nobody can use it"
    for name, wanted in (
        ("scopes_supported", bounds.scopes),
        ("grant_types_supported", bounds.grant_types),
    ):
        supported = None if tenant.waits else tenant.terms.server.lists.get(name)
        for value in wanted or ():
            if supported is not None and value not in supported:
                yield f"{value} is not in {name} of tenant {tenant.name}"


async def issue(
    tx: Transaction, tenant: Tenant, wanted: NewInitialAccessToken, issuer: Actor
) -> tuple[str, InitialAccessTokenRecord]:
    """The token and its row.

    Raises:
        Forbidden: it would be good for longer than whoever issues it may act.
        Unavailable: its policy was deleted a moment ago.
    """
    await bind(tx, tenant, wanted.bounds)
    token = security.new_token(INITIAL_TOKEN_PREFIX)
    now = int(time.time())
    row = InitialAccessTokenRecord(
        tenant=tenant.name,
        digest=security.token_digest(token),
        id=security.new_client_id(),
        uses_left=wanted.uses,
        expires_at=giving.expiry(issuer, wanted.lifetime, _MONTH, now),
        issued_at=now,
        issuer=str(issuer)[:_ISSUER_LENGTH],
        label=wanted.label,
        bounds=wanted.bounds.to_json(),
    )
    tx.initial_access_tokens.add(row)
    return token, row
