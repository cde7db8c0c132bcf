"""The wire shapes as JSON Schema, made from the catalogue: what OpenAPI and its readers see."""

from __future__ import annotations

from dcrserver.schemas import (
    asgardeo,
    authentication,
    clients,
    explanation,
    problems,
    secrets,
    server,
    tokens,
)
from dcrserver.strict_json import JsonObject

_AREAS = (clients, explanation, server, tokens, secrets, authentication, problems, asgardeo)


def components() -> JsonObject:
    """``components/schemas`` of the OpenAPI document: each shape by its name."""
    return {name: shape for area in _AREAS for name, shape in area.SHAPES.items()}
