"""What the database answers, a function for each operation and a file for each noun."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from dcrserver.cli.administration.answers import (
    clients,
    events,
    exports,
    jobs,
    keys,
    policies,
    tenants,
    tokens,
)
from dcrserver.strict_json import JsonObject

Answer: TypeAlias = Callable[..., Awaitable[JsonObject]]

_ALL = (
    *clients.ANSWERS, *events.ANSWERS, *jobs.ANSWERS, *keys.ANSWERS, *policies.ANSWERS,
    *tenants.ANSWERS, *tokens.ANSWERS,
)  # fmt: skip
# By the operation's id, which its function is called after.
ANSWERS: Mapping[str, Answer] = MappingProxyType(
    {answer.__name__.removeprefix("_"): answer for answer in _ALL}
)
# The same for what is answered in lines.
LINES: Mapping[str, Callable[..., AsyncIterator[str]]] = MappingProxyType(
    {answer.__name__.removeprefix("_"): answer for answer in exports.ANSWERS}
)
