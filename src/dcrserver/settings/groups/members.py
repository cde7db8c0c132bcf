"""[members.NAME]: members of client metadata that the operator declares."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from dcrserver.metadata.model import Kind, Parameter, Who
from dcrserver.settings.values import Group

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Of the administrators' own: services.registration.facts.
_FACTS = frozenset(
    {"owner", "tags", "expires_at", "policy", "policy_version", "template", "policy_override"}
)
# What clients are told of themselves beside their metadata.
_TOLD = frozenset(
    {"client_expires_at", "client_status", "client_status_expires_at", "client_status_reason"}
)


def _taken() -> set[str]:
    from dcrserver.metadata.catalogue import IGNORED, PARAMETERS, SERVER_ASSIGNED, VERIFIED

    return {*PARAMETERS, *SERVER_ASSIGNED, *IGNORED, *VERIFIED, *_FACTS, *_TOLD}


def _kind(schema: dict[str, Any]) -> Kind:
    from dcrserver.metadata.kinds.declared import declared

    return declared(schema)


def _member_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a member's name has 1 to 64 small letters, digits and underscores")
    if name in _taken():
        raise ValueError("is a member that this server knows already")
    return name


MemberName = Annotated[str, AfterValidator(_member_name)]


class MemberSettings(Group):
    """A member of client metadata beside those that are known."""

    value_schema: dict[str, Any] = Field(
        default={"type": "string"},
        alias="schema",
        description="what a value may be, as JSON Schema: type (one), enum, minimum, maximum,"
        " minLength, maxLength, pattern, items, minItems, maxItems, uniqueItems, properties,"
        " required; nothing else is understood",
    )
    description: str = Field(
        default="", max_length=200, pattern=r"^[^\x00-\x1f]*$", description="what it is, for people"
    )
    set_by: Literal["administrator", "everybody"] = Field(
        default="administrator",
        description="who may set it; from others it is ignored, as unknown members are",
    )
    read_by: Literal["everybody", "administrator"] = Field(
        default="everybody",
        description="who is told of it: everybody, the client too; or administrators and"
        " authorization servers, by an admin token",
    )

    @field_validator("value_schema")
    @classmethod
    def _understood(cls, value: dict[str, Any]) -> dict[str, Any]:
        _kind(value)
        return value

    def row(self, name: str) -> Parameter:
        """As a row of the catalogue."""
        return Parameter(
            name,
            _kind(self.value_schema),
            f"members.{name}",
            self.description,
            set_by=Who(self.set_by),
            read_by=Who(self.read_by),
        )
