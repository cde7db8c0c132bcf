"""Step: credentials of authorization servers and administrators, each good for its scopes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from dcrserver import security
from dcrserver.errors import InvalidInput
from dcrserver.repositories.admin_tokens import AdminTokenRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access import giving
from dcrserver.services.access.scopes import ALIASES, ROLES, SCOPES, expanded, known
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.strict_json import dumps

ADMIN_TOKEN_PREFIX = "adm"  # noqa: S105 - a prefix
_PREFIX = f"{ADMIN_TOKEN_PREFIX}_"
_ISSUER_LENGTH = 128
_OWNER_LENGTH = 255
_YEAR = 365 * 86400


class BadAdminToken(ValueError):
    """A token like this cannot be issued; ``member`` of ``NewAdminToken`` says why not."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(reason)
        self.member = member


@dataclass(frozen=True, slots=True)
class NewAdminToken:
    """What is to be issued; ``lifetime`` in seconds, 0 for ever, None: a year, or as long as
    whoever issues it may act.

    ``scopes``: by our names, or by those that others have for them.
    ``audiences``: looks at access tokens for one of these only; none for any.
    ``owner``: sees and changes the clients of this owner only; None: those of all.

    Raises:
        BadAdminToken: it would be good for nothing, or for more than it says.
    """

    scopes: Sequence[str]
    lifetime: int | None
    label: str = ""
    audiences: Sequence[str] = ()
    owner: str | None = None

    @classmethod
    def asked(
        cls,
        *,
        role: str | None,
        scopes: Sequence[str],
        expires_in: int | None,
        label: str,
        audiences: Sequence[str],
        owner: str | None,
    ) -> Self:
        """As an administrator asks for it: scopes by the name of a ``role``, too.

        Raises:
            InvalidInput: such a token cannot be issued.
        """
        if role is not None and role not in ROLES:
            raise InvalidInput(f"role must be one of {', '.join(ROLES)}", pointer="#/role")
        if role == "owner" and owner is None:
            raise InvalidInput("the role owner needs an owner", pointer="#/owner")
        all_scopes = [*(ROLES[role] if role else ()), *scopes]
        try:
            return cls(all_scopes, expires_in, label, audiences, owner)
        except BadAdminToken as error:
            detail = f"{error.member} {error}"
            raise InvalidInput(detail, pointer=f"#/{error.member}") from None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.scopes) - set(SCOPES) - set(ALIASES))
        if unknown or not self.scopes:
            told = "; ".join(f"{name}: {meaning}" for name, meaning in SCOPES.items())
            raise BadAdminToken("scopes", f"must be one or more of these - {told}")
        object.__setattr__(self, "scopes", known(self.scopes))
        if self.audiences and "tokens:introspect" not in self.scopes:
            raise BadAdminToken("audiences", "is for tokens:introspect")
        if self.owner is not None:
            self._check_owner(self.owner)

    def _check_owner(self, owner: str) -> None:
        """What is not about clients would be told of those of all."""
        if not 0 < len(owner) <= _OWNER_LENGTH or not owner.isprintable():
            raise BadAdminToken("owner", f"must be a name of 1 to {_OWNER_LENGTH} characters")
        if beyond := sorted(set(self.scopes) - expanded(ROLES["owner"])):
            raise BadAdminToken("owner", f"whoever has one may not have {', '.join(beyond)}")


def has_prefix(bearer: str) -> bool:
    """Whether it says that it is an admin token."""
    return bearer.startswith(_PREFIX)


async def find(
    database: Database, tenant: str, bearer: str, beside: str | None = None
) -> AdminTokenRecord | None:
    """The token, if it is good still and one of ``tenant``, ``beside`` or all tenants."""
    digest = security.token_digest(bearer)
    async with database.read() as tx:
        found = await tx.admin_tokens.find(tenant, beside or tenant, digest)
    if found is None or found.revoked_at or 0 < found.expires_at <= time.time():
        return None
    return found


def issue(
    tx: Transaction,
    tenant: str,
    wanted: NewAdminToken,
    origin: Origin,
    chosen: str | None = None,
) -> tuple[str, AdminTokenRecord]:
    """The token and its row, with the event; ``chosen``: what somebody made to be the token.

    Raises:
        Forbidden: it would be good for longer than whoever issues it may act.
    """
    token, now = chosen or security.new_token(ADMIN_TOKEN_PREFIX), int(time.time())
    row = AdminTokenRecord(
        tenant=tenant,
        digest=security.token_digest(token),
        id=security.new_client_id(),
        scopes=" ".join(wanted.scopes),
        issuer=str(origin.actor)[:_ISSUER_LENGTH],
        label=wanted.label,
        expires_at=giving.expiry(origin.actor, wanted.lifetime, _YEAR, now),
        issued_at=now,
        audiences=dumps(list(wanted.audiences)) if wanted.audiences else None,
        owner=wanted.owner,
    )
    tx.admin_tokens.add(row)
    audit.record(
        tx,
        EventType.ADMIN_TOKEN_ISSUED,
        tenant=tenant,
        origin=origin,
        subject=Subject(SubjectKind.ADMIN_TOKEN, row.id),
        changes={
            "scopes": row.scopes,
            "expires_at": row.expires_at,
            "audiences": list(wanted.audiences) or None,
            "owner": row.owner,
        },
    )
    return token, row
