"""What is bound to stored policies: clients, tokens and tenants name them.

Whoever binds something holds the policy as a foreign key would hold its row, so that a policy is
deleted either before, and nothing is bound, or after, and who deletes it sees what is bound.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
)

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import (
    client_facets,
    clients,
    initial_access_tokens,
    stored_policies,
    stored_tenants,
)
from dcrserver.metadata.comparing import exact
from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.rows import holding
from dcrserver.strict_json import dumps

# It is there as long as the policy is, whichever of its versions counts.
_FIRST_VERSION = 1
_HOLD = (
    select(stored_policies.c.tenant)
    .where(
        or_(
            stored_policies.c.tenant == bindparam("b_tenant"),
            stored_policies.c.tenant == ALL_TENANTS,
        ),
        stored_policies.c.name == bindparam("b_name"),
        stored_policies.c.version == _FIRST_VERSION,
    )
    .with_for_update(read=True, key_share=True)
)
_NAMED: BindParameter[str] = bindparam("b_named")


@cache
def _counts(*, of_all: bool) -> dict[str, Select[Any]]:
    """What can be bound, each with the statement that counts it: of one tenant, or of all."""

    def counted(table: Table, *conditions: ColumnElement[bool]) -> Select[Any]:
        whose = true() if of_all else table.c.tenant == bindparam("b_tenant")
        return select(func.count().label("count")).where(whose, *conditions)

    def names(table: Table) -> ColumnElement[bool]:
        return table.c.bounds.like(_NAMED, escape="/")

    tokens, facets = initial_access_tokens.c, client_facets.c
    found = select(facets.id).where(
        true() if of_all else facets.tenant == bindparam("b_tenant"),
        facets.policy == bindparam("b_policy"),
    )
    # Those without facets were written by an earlier version, beside this one.
    old = and_(clients.c.facets_id == "", names(clients))
    return {
        "clients": counted(clients, or_(clients.c.facets_id.in_(found), old)),
        "initial access tokens": counted(
            initial_access_tokens,
            names(initial_access_tokens),
            tokens.revoked_at == 0,
            or_(tokens.expires_at == 0, tokens.expires_at > bindparam("b_now")),
            or_(tokens.uses_left.is_(None), tokens.uses_left > 0),
        ),
        "tenants": counted(
            stored_tenants,
            stored_tenants.c.status.in_(("active", "suspended")),
            stored_tenants.c.settings.like(_NAMED, escape="/"),
        ),
    }


class PolicyBindingRepository:
    """Holds policies that something is about to be bound to, and counts what is."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def hold(self, tenant: str, name: str) -> bool:
        """Nobody deletes the policy that ``name`` means for ``tenant`` until the transaction ends;
        False: there is none.
        """
        found = await self._session.execute(_HOLD, {"b_tenant": tenant, "b_name": name})
        return bool(found.all())

    async def count(self, scope: str, name: str, now: int) -> dict[str, int]:
        """What is bound to the policy of a tenant, or of all: of each kind of which there is any,
        how many. A token that can register nothing more is not.
        """
        of_all, named = scope == ALL_TENANTS, dumps({"policy": name})[1:-1]
        values = {"b_named": holding(named), "b_policy": exact(name), "b_now": now}
        if not of_all:
            values["b_tenant"] = scope
        counted = {
            noun: int((await self._session.execute(statement, values)).one()["count"])
            for noun, statement in _counts(of_all=of_all).items()
        }
        return {noun: number for noun, number in counted.items() if number}
