"""How open registration is, as administrators are told."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import ConfigDict, Field

from dcrserver.schemas.admin.parts import Told

SeverityWord: TypeAlias = Literal["info", "low", "medium", "high", "critical"]


class PostureFinding(Told):
    """Something that could be tighter, and how."""

    id: str
    severity: SeverityWord
    reason: str
    setting: str = Field(description="the key of the configuration that ends it")


class Posture(Told):
    """What is found of a tenant and, for administrators of all tenants, of the server."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "tenant": "default",
                "worst": "medium",
                "findings": [
                    {
                        "id": "names_unprotected",
                        "severity": "medium",
                        "reason": "whoever registers may use any name: no name is protected from"
                        " being borne by others",
                        "setting": "policy.protected_names",
                    }
                ],
            }
        }
    )

    tenant: str
    worst: SeverityWord | None = Field(description="the severity of the first; null: none is found")
    findings: list[PostureFinding] = Field(description="the worst first")
