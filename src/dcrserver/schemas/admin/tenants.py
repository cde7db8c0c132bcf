"""Tenants as the administrators' API takes and shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, WithJsonSchema

from dcrserver.schemas.admin.parts import Moment, Told
from dcrserver.strict_json import JsonObject

_SETTINGS: dict[str, Any] = {
    "path": {
        "type": ["string", "null"],
        "description": "path below the base URL; /t/NAME if unset",
    },
    "base_url": {"type": ["string", "null"], "description": "the whole issuer, in place of path"},
    "webfinger": {
        "type": ["array", "null"],
        "items": {"type": "string"},
        "description": "what WebFinger answers for: a domain, or one exact resource",
    },
    "authorization_server": {
        "type": ["object", "null"],
        "description": "the one of this issuer: `metadata`, the URL of its metadata document, and"
        " any member of such a document (RFC 8414 2)",
    },
    "mode": {"type": ["string", "null"], "enum": ["open", "protected", "closed", None]},
    "policy": {"type": ["string", "null"], "description": "the name of a policy"},
    "asgardeo": {
        "type": ["object", "boolean", "null"],
        "description": "a table as [asgardeo], or true or false; as that one if unset",
    },
    "rate_limits": {
        "type": ["object", "null"],
        "additionalProperties": {"type": "string"},
        "description": "a table as [rate_limits]: limits that are others for this issuer",
    },
}
# Of any members: what is wrong with one is told with the nearest that there is.
NewTenant: TypeAlias = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "title": "NewTenant",
            "required": ["name"],
            "properties": {"name": {"type": "string", "maxLength": 64}, **_SETTINGS},
            "additionalProperties": False,
        }
    ),
]
TenantPatch: TypeAlias = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "title": "TenantPatch",
            "properties": _SETTINGS,
            "additionalProperties": False,
        }
    ),
]


def _shown(name: str) -> WithJsonSchema:
    """As it is stored, whatever that is: what cannot be served is shown, to be mended."""
    return WithJsonSchema(_SETTINGS[name])


class Tenant(Told):
    """A tenant: an issuer with its own metadata, terms and clients."""

    name: str
    declared: bool = Field(description="by the configuration file: it is changed there only")
    status: Literal["active", "suspended", "deleting"]
    issuer: str | None = Field(description="null while it is not served")
    mode: Annotated[Any, _shown("mode")] = None
    policy: Annotated[Any, _shown("policy")] = None
    asgardeo: Annotated[Any, _shown("asgardeo")] = None
    rate_limits: Annotated[Any, _shown("rate_limits")] = None
    path: Annotated[Any, _shown("path")] = None
    base_url: Annotated[Any, _shown("base_url")] = None
    webfinger: Annotated[Any, _shown("webfinger")] = None
    authorization_server: Annotated[Any, _shown("authorization_server")] = None
    broken: str | None = Field(description="why it is not served as it is stored; null if it is")
    progress: dict[str, int] = Field(
        description="of its deletion: by table, how many rows are gone"
    )
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, view: object, settings: JsonObject) -> Self:
        """``view`` with its settings beside the rest: so a merge patch names them."""
        facts = {name: getattr(view, name) for name in cls.model_fields if hasattr(view, name)}
        return cls.model_validate(settings | facts)
