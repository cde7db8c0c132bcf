"""Where programs written for Asgardeo ask, and the shapes in which it refuses."""

from __future__ import annotations

from starlette.requests import Request

from dcrserver.edge.dependencies import REQUEST_ID_KEY
from dcrserver.strict_json import JsonObject

# Both below the path of a tenant's issuer.
REGISTRATION = "/api/identity/oauth2/dcr/v1.1"
CONFIGURATION = "/api/server/v1/configs"
_FAULTS = 500


def refusal(request: Request, code: str, description: str, status: int) -> JsonObject | None:
    """The body of a refusal in its shape; None where another interface is asked."""
    path: str = request.scope["path"]
    trace: JsonObject = {"traceId": request.scope.get(REQUEST_ID_KEY, "")}
    if path.startswith(f"{REGISTRATION}/"):
        return {"error": code, "error_description": description} | trace
    if path.startswith(f"{CONFIGURATION}/"):
        message = "the request was refused" if status < _FAULTS else "the server failed"
        return {"code": code, "message": message, "description": description} | trace
    return None
