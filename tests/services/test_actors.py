"""Who somebody is, and what they may do."""

from __future__ import annotations

import pytest

from dcrserver.db.tables import admin_tokens
from dcrserver.errors import InsufficientScope
from dcrserver.services.access import scopes
from dcrserver.services.access.actors import ANONYMOUS, SYSTEM, Actor, ActorKind


def _administrator(*given: str, tenant: str | None = "acme") -> Actor:
    return Actor(ActorKind.ADMINISTRATOR, "t1", tenant, scopes.expanded(given))


def test_who_has_a_scope_is_let_through_and_nobody_else() -> None:
    _administrator("clients:read").require("clients:read")
    with pytest.raises(InsufficientScope, match="clients:delete"):
        _administrator("clients:read").require("clients:delete")


def test_who_has_no_credentials_may_nothing() -> None:
    assert not any(who.may(scope) for who in (ANONYMOUS, SYSTEM) for scope in scopes.SCOPES)


def test_a_compound_scope_is_its_parts_and_all_its_parts_are_it() -> None:
    assert _administrator("clients:write").may("clients:create")
    assert _administrator("clients:write").may("clients:update")
    assert _administrator("clients:create", "clients:update").may("clients:write")
    assert not _administrator("clients:create").may("clients:write")
    assert not _administrator("clients:write").may("clients:delete")


def test_who_is_of_all_tenants_is_of_each() -> None:
    assert _administrator(tenant=None).of_tenant("acme")
    assert _administrator().of_tenant("acme")
    assert not _administrator().of_tenant("other")


def test_an_actor_is_told_by_kind_and_id() -> None:
    assert str(Actor(ActorKind.OPERATOR, "alice", None)) == "operator:alice"
    assert str(SYSTEM) == "system"


def test_roles_are_sets_of_scopes_that_exist() -> None:
    for role, given in scopes.ROLES.items():
        assert set(given) <= set(scopes.SCOPES), role
        assert len(given) == len(set(given)), role


def test_an_administrator_may_all_but_what_authorization_servers_ask() -> None:
    assert set(scopes.SCOPES) - set(scopes.ROLES["administrator"]) == {
        # What is so dear that no role has it.
        "secrets:export",
        "clients:authenticate",
        "tokens:introspect",
        "tokens:outlive",
    }


def test_names_of_others_are_ours_and_unknown_scopes_are_left_out() -> None:
    assert set(scopes.ALIASES.values()) <= set(scopes.SCOPES)
    assert scopes.known(["internal_dcr_delete", "openid", "clients:read", "clients:read"]) == (
        "clients:read",
        "clients:delete",
    )


def test_the_scopes_of_each_role_fit_into_the_column_that_keeps_them() -> None:
    width = admin_tokens.c.scopes.type.length
    assert all(len(" ".join(given)) <= width for given in scopes.ROLES.values())
    assert len(" ".join(scopes.SCOPES)) <= width


def test_who_is_bound_to_an_owner_sees_the_clients_of_this_owner_only() -> None:
    bound = _administrator()._replace(owner="team-a")
    assert [bound.sees(owner) for owner in ("team-a", "team-b", None)] == [True, False, False]
    assert all(_administrator().sees(owner) for owner in ("team-a", None))
