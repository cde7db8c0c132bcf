"""What every route needs of a request: runtime, tenant, origin, bearer token."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.types import Scope

from dcrserver.edge.scope import BY_NAME_KEY
from dcrserver.errors import InvalidBearerRequest, InvalidToken
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import Actor
from dcrserver.tenants import Tenant
from dcrserver.wiring.runtime import Runtime

RUNTIME_KEY = "dcrserver.runtime"
TENANT_KEY = "dcrserver.tenant"
REQUEST_ID_KEY = "dcrserver.request_id"
# When it came, by time.perf_counter().
ARRIVED_KEY = "dcrserver.arrived"
# The label of metrics for a request that matched no route, e.g. (refused).
UNROUTED_KEY = "dcrserver.unrouted"
# The address of the other end of the connection, whatever forwarded headers say of the caller.
PEER_KEY = "dcrserver.peer"
# Where the caller stands with the limits that the request was counted against.
USES_KEY = "dcrserver.uses"
# Whether a GET came as HEAD, which must change nothing (RFC 9110 9.2.1).
HEAD_KEY = "dcrserver.head"
# Whether the path of an ordinary route is as it was sent, for a slash in an identifier.
UNDIVIDED_KEY = "dcrserver.undivided"

_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/-]+=*) *")
_BEARER_SCHEME = re.compile(r"(?i)bearer(?: |$)")


def runtime(request: Request) -> Runtime:
    """What was built at the start, for a route to use."""
    found: Runtime = request.scope[RUNTIME_KEY]
    return found


def tenant(request: Request) -> Tenant:
    """The tenant whose issuer the path belongs to; see ``middleware.TenantMiddleware``.

    Raises:
        Unavailable: nobody knows yet what its authorization server can do.
    """
    found: Tenant = request.scope[TENANT_KEY]
    return found.known()


def issuer(request: Request) -> str:
    """Of ``tenant``, known or not: what a challenge names."""
    found: Tenant = request.scope[TENANT_KEY]
    return found.issuer


def origin(request: Request, actor: Actor) -> Origin:
    """Who asks and from where, as events record it."""
    client = request.scope.get("client")
    return Origin(
        actor=actor,
        address=client[0][:64] if client else None,
        request_id=request.scope.get(REQUEST_ID_KEY),
    )


def peer(request: Request) -> str | None:
    """The IP address of the other end of the connection: a proxy, or the caller itself."""
    found = request.scope.get(PEER_KEY) or request.scope.get("client")
    return found[0] if found else None


def is_head(request: Request) -> bool:
    return HEAD_KEY in request.scope


def header(request: Request, name: bytes) -> str:
    """The first value of the header ``name`` (in lower case), empty without one."""
    value = first_headers(request.scope).get(name)
    return "" if value is None else str(value, "latin-1")


def headers(request: Request, name: bytes) -> list[str]:
    """All values of the header ``name`` (in lower case)."""
    by_name = first_headers(request.scope)
    if name not in by_name:
        return []
    sent = request.scope["headers"]
    if len(by_name) == len(sent):  # each was sent once
        return [str(by_name[name], "latin-1")]
    return [str(value, "latin-1") for key, value in sent if key == name]


def first_headers(scope: Scope) -> dict[bytes, bytes]:
    """The first value of each header: a request is asked for four of them, and for some twice."""
    found: dict[bytes, bytes] | None = scope.get(BY_NAME_KEY)
    if found is None:
        sent = scope["headers"]
        found = dict(sent)
        if len(found) != len(sent):  # of what was sent twice that is the last
            found = dict(reversed(sent))
        scope[BY_NAME_KEY] = found
    return found


def bearer_token(request: Request) -> str | None:
    """The token of the Authorization header; None without one or with another scheme.

    Raises:
        InvalidBearerRequest: sent twice or by two ways (RFC 6750 2).
        InvalidToken: in the query, which is refused (POL-50), or not of a token's form.
    """
    sent = headers(request, b"authorization")
    query = request.scope["query_string"]
    in_query = bool(query) and "access_token" in request.query_params
    if len(sent) > 1 or (sent and in_query):
        raise InvalidBearerRequest("the token must be sent once, in the Authorization header")
    if in_query:
        raise InvalidToken("a token in the query is not accepted; use the Authorization header")
    if not sent or not _BEARER_SCHEME.match(sent[0]):
        return None
    found = _BEARER.fullmatch(sent[0])
    if found is None:
        raise InvalidToken("the bearer token is malformed")
    return found.group(1)


async def administrator(request: Request, scope: str) -> Actor:
    """Who asks, and may do what needs ``scope``.

    Raises:
        BearerError: there is no token, it is no good, or for something else.
        Unavailable: the keys of its provider cannot be read.
    """
    administrators = runtime(request).administrators
    return await administrators.authorize(tenant(request), bearer_token(request), scope)
