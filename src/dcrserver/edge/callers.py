"""Who calls the administrators' API, and about which tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, Path, Query
from starlette.requests import Request

from dcrserver.edge.dependencies import TENANT_KEY, bearer_token, origin, runtime
from dcrserver.edge.parameters import NUL
from dcrserver.errors import Forbidden, InvalidInput, MissingToken, NotFound
from dcrserver.schemas.examples import EXAMPLE_ID
from dcrserver.services.access.actors import Actor
from dcrserver.services.audit import Origin
from dcrserver.tenants import Tenant
from dcrserver.wiring.runtime import Runtime

_CALLER_KEY = "dcrserver.caller"
_TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, proven, about which ``tenant``; ``origin`` is what events record of both."""

    actor: Actor
    tenant: Tenant
    origin: Origin


async def authorize(request: Request, scope: str) -> None:
    """Lets in who may do what needs ``scope``, to the tenant of the path or of the query.

    Raises:
        BearerError: no credentials, none that is known, or none for this.
        Forbidden: they are good for other tenants.
        NotFound: there is no such tenant, for those who may know.
        InvalidInput: two tenants are named.
        Unavailable: the tenant is suspended, and it is one of its own who asks.
    """
    name, own = _named_tenant(request), request.scope[TENANT_KEY].name
    bearer = bearer_token(request)
    if bearer is None:
        raise MissingToken("an admin token is required")
    # One of the path's own tenant is told from a token that is none at all.
    actor = await runtime(request).administrators.find(name, bearer, own)
    actor.require(scope)
    if not actor.of_tenant(name):
        raise Forbidden("the admin token is not good for this tenant")
    tenant = runtime(request).tenants.now.by_name.get(name)
    if tenant is None:
        raise NotFound("there is no such tenant")
    if actor.tenant is not None or request.scope[TENANT_KEY] is tenant:
        tenant.awake()  # one that is suspended is for administrators of all, from outside
    request.scope[_CALLER_KEY] = Caller(actor, tenant, origin(request, actor))


def _named_tenant(request: Request) -> str:
    """The name in the query, or that of the tenant whose path it is."""
    own: Tenant = request.scope[TENANT_KEY]
    named = request.query_params.getlist(_TENANT)
    if len(named) > 1:
        raise InvalidInput("must be there once", parameter=_TENANT)
    if named and NUL in named[0]:
        raise InvalidInput("must not hold U+0000", parameter=_TENANT)
    if named and own is not runtime(request).default_tenant and named[0] != own.name:
        raise InvalidInput("is another than that of the path", parameter=_TENANT)
    return named[0] if named else own.name


def caller_of(
    request: Request,
    tenant: Annotated[  # noqa: ARG001 - it was looked at before
        str | None,
        Query(description="the tenant that is meant, in place of that of the path"),
    ] = None,
) -> Caller:
    """The dependency of endpoints: whom ``authorize`` let in."""
    found: Caller = request.scope[_CALLER_KEY]
    return found


CallerOf: TypeAlias = Annotated[Caller, Depends(caller_of)]
ClientId: TypeAlias = Annotated[str, Path(description="its client_id", examples=[EXAMPLE_ID])]
RuntimeOf: TypeAlias = Annotated[Runtime, Depends(runtime)]
