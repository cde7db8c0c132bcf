"""/admin/v1/server and /admin/v1/configuration: how the server is, and what is in force."""

from __future__ import annotations

import asyncio

from dcrserver import __version__
from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, RuntimeOf
from dcrserver.edge.routers import Router
from dcrserver.errors import Forbidden, Unavailable
from dcrserver.schemas.admin.server import Change, Configuration, Server
from dcrserver.settings.origins import changes, shown

router = Router(AdminRoute, "", "server")


@router.get(
    "/server",
    scope="server:read",
    summary="Show the server",
    operation_id="show_server",
    response_model=Server,
)
async def show_server(here: RuntimeOf, caller: CallerOf) -> Server:
    """The process that answers: whether it is well, how old what it knows is, and its jobs."""
    found = await here.server_state.state(caller.actor)
    told = {
        "version": __version__,
        "ready": found.reason is None and not here.draining,
        "draining": here.draining,
        "workers": here.settings.server.workers,
    }
    names = Server.model_fields.keys() - told.keys()
    return Server.model_validate(told | {name: getattr(found, name) for name in names})


@router.get(
    "/configuration",
    scope="configuration:read",
    summary="Show the configuration",
    operation_id="show_configuration",
    response_model=Configuration,
)
async def show_configuration(here: RuntimeOf, caller: CallerOf) -> Configuration:
    """Every setting, and where those came from that differ from the defaults; secrets are hidden.

    It is of the server, and for administrators of all tenants.
    """
    if caller.actor.tenant is not None:
        raise Forbidden("only administrators of all tenants see the configuration")
    settings = here.settings
    try:
        # In a thread: with thousands of tenants it takes a while.
        found = await asyncio.to_thread(changes, settings, settings.read_from)
    except (OSError, ValueError) as error:  # it was read once, at the start
        detail = f"{settings.read_from}: {error}"
        raise Unavailable("the configuration file cannot be read any more", detail=detail) from None
    return Configuration(
        settings=shown(settings), changes=[Change.model_validate(each) for each in found]
    )
