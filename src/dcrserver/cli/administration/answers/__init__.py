"""What the database answers, a function for each operation and a file for each noun."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TypeAlias

from dcrserver.cli.administration.operations import ROUTES
from dcrserver.strict_json import JsonObject

Answer: TypeAlias = Callable[..., Awaitable[JsonObject]]

# How a path begins -> the file of what is below it; a command loads what it asks for.
_FILES: Mapping[str, str] = MappingProxyType(
    {
        "admin-tokens": "tokens",
        "clients": "clients",
        "connectors": "connectors",
        "deleted-clients": "clients",
        "events": "events",
        "initial-access-tokens": "tokens",
        "jobs": "jobs",
        "keys": "keys",
        "policies": "policies",
        "posture": "posture",
        "statistics": "jobs",
        "tenants": "tenants",
    }
)


def answer_to(operation: str) -> Answer | None:
    """What answers ``operation``, which it is called after; None: no database knows it."""
    file = _FILES.get(ROUTES[operation].path.split("/")[1])
    if file is None:
        return None
    answers: tuple[Answer, ...] = import_module(f"{__name__}.{file}").ANSWERS
    return next((each for each in answers if each.__name__ == f"_{operation}"), None)
