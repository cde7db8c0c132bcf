"""Nobody gives what they do not have: which token issues which other, and for how long."""

from __future__ import annotations

import pytest

from dcrserver.errors import Forbidden
from dcrserver.names import ALL_TENANTS
from dcrserver.services.access import giving
from dcrserver.services.access.actors import Actor, ActorKind
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ROLES, SCOPES, expanded
from harness.cases import each

KINDS = {**ROLES, **{scope: (scope,) for scope in SCOPES}}
OF_OWNERS = expanded(ROLES["owner"])
NOW = 1_800_000_000


def issuer(*scopes: str, tenant: str | None = "default", owner: str | None = None) -> Actor:
    may = expanded((*scopes, "tokens:write"))
    return Actor(ActorKind.ADMINISTRATOR, "it", tenant, may, owner=owner)


@pytest.mark.finding("M5")
@each("has", KINDS)
@each("wants", KINDS)
def test_scopes_are_given_by_whoever_has_them(has: str, wants: str) -> None:
    actor, wanted = issuer(*KINDS[has]), NewAdminToken(KINDS[wants], 60)
    if expanded(KINDS[wants]) <= actor.scopes:
        giving.check(actor, "default", wanted)
    else:
        with pytest.raises(Forbidden, match="do not have"):
            giving.check(actor, "default", wanted)


@pytest.mark.finding("M5")
@each("mine", [None, "ann", "bob"])
@each("its", [None, "ann", "bob"])
def test_an_owner_gives_to_the_same_owner(mine: str | None, its: str | None) -> None:
    actor, wanted = issuer(*OF_OWNERS, owner=mine), NewAdminToken(("clients:read",), 60, owner=its)
    if mine in {None, its}:
        giving.check(actor, "default", wanted)
    else:
        with pytest.raises(Forbidden, match="owner"):
            giving.check(actor, "default", wanted)


@pytest.mark.finding("M5")
@each("mine", [None, "default"])
@each("its", ["default", ALL_TENANTS])
def test_all_tenants_are_given_by_whoever_administers_all(mine: str | None, its: str) -> None:
    actor, wanted = issuer("clients:read", tenant=mine), NewAdminToken(("clients:read",), 60)
    if mine is None or its != ALL_TENANTS:
        giving.check(actor, its, wanted)
    else:
        with pytest.raises(Forbidden, match="all tenants"):
            giving.check(actor, its, wanted)


@pytest.mark.finding("M10")
@each(
    "mine, lifetime, ends_at",
    [
        (0, None, NOW + 500), (0, 0, 0), (0, 60, NOW + 60),  # whoever may act for ever
        (NOW + 100, None, NOW + 100), (NOW + 900, None, NOW + 500), (NOW + 100, 100, NOW + 100),
        (NOW + 100, 101, None), (NOW + 100, 0, None), (NOW - 5, None, NOW - 5), (NOW - 5, 1, None),
    ],
)  # fmt: skip
def test_nothing_ends_after_what_issued_it(
    mine: int, lifetime: int | None, ends_at: int | None
) -> None:
    actor = issuer()._replace(expires_at=mine)
    if ends_at is None:
        with pytest.raises(Forbidden, match="tokens:outlive"):
            giving.expiry(actor, lifetime, 500, NOW)
    else:
        assert giving.expiry(actor, lifetime, 500, NOW) == ends_at
    lasting = issuer("tokens:outlive")._replace(expires_at=mine)
    expected = 0 if lifetime == 0 else NOW + (500 if lifetime is None else lifetime)
    assert giving.expiry(lasting, lifetime, 500, NOW) == expected


@pytest.mark.finding("M10")
def test_no_role_lets_tokens_outlive_what_issued_them() -> None:
    """A token of an administrator for an hour would be one for ever otherwise."""
    assert not [name for name, scopes in ROLES.items() if giving.OUTLIVE in scopes]
    assert giving.OUTLIVE in SCOPES
