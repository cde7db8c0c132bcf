"""The wire shapes as JSON Schema, made from the catalogue: what OpenAPI and its readers see."""

from __future__ import annotations

from dcrserver.schemas import registration, tokens
from dcrserver.schemas.parts import EXAMPLE_ID, REQUEST_EXAMPLE
from dcrserver.schemas.registration import RESPONSE_EXAMPLE
from dcrserver.strict_json import JsonObject

__all__ = ["EXAMPLE_ID", "REQUEST_EXAMPLE", "RESPONSE_EXAMPLE", "components"]


def components() -> JsonObject:
    """``components/schemas`` of the OpenAPI document."""
    return registration.components() | tokens.components()
