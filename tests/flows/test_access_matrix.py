"""Every kind of credential at every route: let in, or refused with the one status for it, and then
nothing has been written. What is expected follows from what each route declares.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from conftest import MakeApplication
from dcrserver.app import ROUTERS
from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.names import ALL_TENANTS
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ALIASES, AUTHORIZATION_SERVER, ROLES, SCOPES, expanded
from dcrserver.services.audit import SubjectKind
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, bearer
from harness.clients import public_jwk
from harness.metadata_server import MetadataServer, metadata_server
from harness.provider import AUDIENCE, KEY, signed

WHAT: dict[str, Any] = {"redirect_uris": [CALLBACK], "client_name": "Matrix"}
# Of protocol routes, which say who may call them: what administrators need there.
SCOPES_OF = {
    "POST /register": "clients:create",
    "POST /register/validate": "clients:create",
    "GET /register": "clients:read",
    "GET /register/{client_id}": "clients:read",
    "PUT /register/{client_id}": "clients:update",
    "DELETE /register/{client_id}": "clients:delete",
    "GET /register/{client_id}/secret": "clients:read",
    "POST /register/{client_id}/secret": "secrets:write",
    "DELETE /register/{client_id}/secret/{secret_id}": "secrets:write",
    "POST /introspect": "tokens:introspect",
    "POST /authorization-server/authenticate": "clients:authenticate",
    "GET /authorization-server/clients/{client_id}": "clients:read",
    "POST /api/identity/oauth2/dcr/v1.1/register": "clients:create",
    "GET /api/identity/oauth2/dcr/v1.1/register": "clients:read",
    "GET /api/identity/oauth2/dcr/v1.1/register/{client_id}": "clients:read",
    "PUT /api/identity/oauth2/dcr/v1.1/register/{client_id}": "clients:update",
    "DELETE /api/identity/oauth2/dcr/v1.1/register/{client_id}": "clients:delete",
    "GET /api/server/v1/configs/dcr": "policies:read",
    "PATCH /api/server/v1/configs/dcr": "policies:write",
}


@dataclass(frozen=True)
class Route:
    """``access``: of a protocol route; ``scope``: what administrators need."""

    method: str
    path: str
    access: str | None
    scope: str | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes() -> Iterator[Route]:
    for found in iter_route_contexts([each for router in ROUTERS for each in router.routes]):
        route = found.original_route
        assert isinstance(route, AdminRoute | ProtocolRoute), found.path
        for method in route.methods or ():
            name = f"{method} {found.path}"
            if isinstance(route, AdminRoute):
                yield Route(method, str(found.path), None, route.scope)
            else:
                yield Route(method, str(found.path), route.access, SCOPES_OF.get(name))


@dataclass(frozen=True)
class Who:
    """Somebody: what they bring, and what it is worth.

    ``scopes``: of an administrator; None for who is none. ``is_of_all``: tenants. ``is_owner``:
    bound to clients of one owner.
    """

    name: str
    headers: dict[str, str] = field(default_factory=dict)
    scopes: frozenset[str] | None = None
    kind: str = "none"
    is_of_all: bool = False
    is_owner: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass
class Ground:
    """What is asked: an application, with a look at what is written in its database."""

    app: Application
    looker: sqlite3.Connection
    whos: list[Who]
    client_id: str

    def writes(self) -> int:
        """Another number after each commit of anybody."""
        return int(self.looker.execute("PRAGMA data_version").fetchone()[0])

    async def ask(self, route: Route, who: Who, client_id: str, name: str) -> httpx.Response:
        """As somebody would who means it."""
        known = {"client_id": client_id, "secret_id": "k9", "name": name}
        path = re.sub(r"{(\w+)}", lambda found: known.get(found[1], "nobody"), route.path)
        body = BODIES.get(str(route), {} if route.method in {"POST", "PUT", "PATCH"} else None)
        if route.path == "/register/{client_id}" and isinstance(body, dict):
            body = body | {"client_id": client_id}
        sent = {"data": FORM} if route.access in FORMS else {"json": body}
        return await self.app.http.request(route.method, path, headers=who.headers, **sent)


FORMS = {"client", "client_or_administrator"}
FORM = {"token": "x", "grant_type": "client_credentials"}
# Such as would be done, if whoever asks were let in.
BODIES: dict[str, Any] = {
    "POST /register": WHAT,
    "POST /register/validate": WHAT,
    "PUT /register/{client_id}": WHAT,
    "POST /admin/v1/clients": {"metadata": WHAT},
    "PUT /admin/v1/clients/{client_id}": {"metadata": WHAT},
    "PATCH /admin/v1/clients/{client_id}": {"metadata": {"client_name": "x"}},
    "PUT /admin/v1/policies/{name}": {"preset": "mcp"},
    "POST /admin/v1/policies/{name}/test/requests": {"requests": [{"request": WHAT}]},
    "POST /admin/v1/tenants": {"name": "intruder"},
    "PATCH /admin/v1/tenants/{name}": {"mode": "open"},
    "POST /api/identity/oauth2/dcr/v1.1/register": WHAT,
    "PUT /api/identity/oauth2/dcr/v1.1/register/{client_id}": WHAT,
    "PATCH /api/server/v1/configs/dcr": [
        {"operation": "REPLACE", "path": "/authenticationRequired", "value": "true"}
    ],
}


# What somebody other than an administrator is let in with.
_OWN = {"initial_access_token": "iat", "registration_access_token": "rat"}


def expected(route: Route, who: Who) -> int:
    """The status of the refusal, 0 for who is let in."""
    is_for_all = route.access in {"public", "operations"}
    if is_for_all or _OWN.get(route.access or "") == who.kind:
        return 0
    if route.access == "client" or who.scopes is None:
        return 401
    needed = {route.scope, *_ALSO_NEEDED.get(str(route), ())}
    if not needed <= expanded(who.scopes) or (who.is_owner and str(route) in _NOT_OF_OWNERS):
        return 403
    # Those of one tenant have nothing to do with others.
    is_of_others = route.path.startswith(_OF_OTHERS) and str(route) != _LIST_OF_TENANTS
    return 403 if is_of_others and not who.is_of_all else 0


# Those who come may be anybody's; who is suspended may have been so by an administrator.
_NOT_OF_OWNERS = {
    "POST /admin/v1/clients/import",
    "POST /admin/v1/clients/{client_id}/resume",
    "POST /admin/v1/clients/{client_id}/approve",
    "POST /admin/v1/clients/{client_id}/reject",
}
# Beside the scope that is declared, whatever is sent.
_ALSO_NEEDED = {"POST /admin/v1/clients/import": ["clients:create"]}
_OF_OTHERS = ("/admin/v1/tenants", "/admin/v1/configuration")
_LIST_OF_TENANTS = "GET /admin/v1/tenants"
ROUTES = [*routes()]


async def issue(app: Application, tenant: str, *scopes: str, **more: Any) -> str:
    wanted = NewAdminToken(scopes, more.pop("lifetime", 3600), **more)
    return await app.operations.token_administration.issue_admin_token(tenant, wanted, OPERATOR)


async def revoke_newest(app: Application) -> None:
    found = await app.operations.token_reading.admin_tokens("default", None, 500)
    newest = next(each for each in found if each.label == "newest" and each.status == "active")
    service, kind = app.operations.token_administration, SubjectKind.ADMIN_TOKEN
    await service.revoke(kind, "default", newest.id, OPERATOR)


def _as(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def everybody(
    app: Application, provider: MetadataServer, client: dict[str, Any]
) -> list[Who]:
    """Each kind of credential, and each role and scope."""
    made = [
        Who("nobody"),
        Who("another scheme", {"Authorization": "Basic YTpi"}),
        Who("malformed", _as("not a token"), kind="malformed"),
        Who("empty", {"Authorization": "Bearer "}, kind="malformed"),
        Who("made up", _as("made_up")),
        Who("made up admin token", _as("adm_" + "A" * 43)),
        Who("a forged JWT", _as("eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.")),
        Who("a client", bearer(client), kind="rat"),
        Who("an initial access token", _as(await app.initial_token()), kind="iat"),
    ]

    async def add(name: str, tenant: str, *scopes: str, good: bool = True, **more: Any) -> None:
        worth = frozenset(ALIASES.get(scope, scope) for scope in scopes) if good else None
        token = await issue(app, tenant, *scopes, **more)
        is_of_all, is_owner = tenant == ALL_TENANTS, "owner" in more
        made.append(Who(name, _as(token), worth, is_of_all=is_of_all, is_owner=is_owner))

    for role, scopes in ROLES.items():
        await add(
            f"role {role}", "default", *scopes, **({"owner": "ada"} if role == "owner" else {})
        )
    for scope in (*SCOPES, *ALIASES):
        await add(f"scope {scope}", "default", scope)
    await add("an authorization server", "default", *sorted(AUTHORIZATION_SERVER))
    await add("of all tenants", ALL_TENANTS, *SCOPES)
    await add("of another tenant", "acme", *SCOPES, good=False)
    await add("revoked", "default", *SCOPES, good=False, label="newest")
    await revoke_newest(app)
    await add("expired", "default", *SCOPES, good=False, lifetime=-1)
    issuer = provider.says["issuer"]
    jwts = {"JWT": {"scope": "clients:read clients:delete"}, "empty JWT": {"scope": ""}}
    for name, claims in jwts.items():
        worth = frozenset(claims["scope"].split())
        made.append(Who(name, _as(signed(KEY, iss=issuer, **claims)), worth))
    made.append(Who("expired JWT", _as(signed(KEY, iss=issuer, exp=int(time.time()) - 999))))
    return made


@pytest.fixture
def provider() -> Iterator[MetadataServer]:
    with metadata_server() as made:
        issuer = made.location.removesuffix("/metadata")
        keys = [public_jwk(KEY, kid="k1")]
        made.says = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks", "keys": keys}
        yield made


@pytest.fixture
async def ground(
    make_app: MakeApplication, provider: MetadataServer, tmp_path: Path
) -> AsyncIterator[Ground]:
    corp = {"issuer": provider.says["issuer"], "audience": AUDIENCE}
    app: Application = await make_app(
        admin={"providers": {"corp": corp}},
        asgardeo={"enabled": True},
        registration={"mode": "protected"},
    )
    admin = _as(await issue(app, ALL_TENANTS, *SCOPES))
    sent = {"metadata": WHAT, "owner": "bob"}
    answer = await app.http.post("/admin/v1/clients", json=sent, headers=admin)
    assert answer.status_code == 201, answer.text
    tenant = await app.http.post("/admin/v1/tenants", json={"name": "acme"}, headers=admin)
    assert tenant.status_code == 201, tenant.text
    whos = await everybody(app, provider, answer.json())
    with closing(sqlite3.connect(tmp_path / "0.db")) as looker:
        yield Ground(app, looker, whos, answer.json()["client_id"])


def test_each_protocol_route_of_administrators_says_its_scope_here() -> None:
    told = {str(route) for route in ROUTES if route.access not in {None, "public", "operations"}}
    assert SCOPES_OF.keys() == told - {"POST /token", "POST /revoke"}


@pytest.mark.finding("M1")
async def test_whoever_may_not_is_refused_with_one_status_and_nothing_is_written(
    ground: Ground,
) -> None:
    wrong = []
    pairs = [(route, who, expected(route, who)) for route in ROUTES for who in ground.whos]
    refused = [each for each in pairs if each[2]]
    for route, who, status in refused:
        before = ground.writes()
        answer = await ground.ask(route, who, ground.client_id, "acme")
        is_written = ground.writes() != before
        if answer.status_code != status or is_written:
            wrong.append(f"{route} by {who}: {answer.status_code}, not {status}; {is_written=}")
    assert not wrong, "\n".join(wrong)
    assert len(refused) > 2000


async def test_whoever_may_is_let_in(ground: Ground) -> None:
    """And told that there is nothing of the name, or what is wrong with what was sent."""
    wrong = []
    for route in ROUTES:
        is_for_all = route.access in {"public", "operations"}
        for who in ground.whos[:1] if is_for_all else ground.whos:
            # A client's token is good for that client, where nothing but reading is tried.
            is_own = who.kind == "rat" and "{client_id}" in route.path
            if expected(route, who) or (is_own and route.method != "GET"):
                continue
            client_id = ground.client_id if is_own else "nobody"
            answer = await ground.ask(route, who, client_id, "nowhere")
            if answer.status_code in {401, 403, 405} or answer.status_code >= 500:
                wrong.append(f"{route} by {who}: {answer.status_code}, and may")
    assert not wrong, "\n".join(wrong)
