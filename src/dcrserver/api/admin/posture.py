"""/admin/v1/posture: how open registration is."""

from __future__ import annotations

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, RuntimeOf
from dcrserver.edge.routers import Router
from dcrserver.posture import posture
from dcrserver.schemas.admin.posture import Posture

router = Router(AdminRoute, "/posture", "policies")


@router.get(
    "",
    scope="policies:read",
    summary="Show how open registration is",
    operation_id="show_posture",
    response_model=Posture,
)
async def show_posture(here: RuntimeOf, caller: CallerOf) -> Posture:
    """What could be tighter, of a tenant and, for administrators of all, of the server: the worst
    first, each with the setting that ends it.
    """
    of_server = caller.actor.tenant is None
    found = posture(here.settings, caller.tenant, here.limiter, of_server=of_server)
    return Posture.model_validate(found)
