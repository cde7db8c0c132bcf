"""The options that say whom a command asks: the database of a configuration, or a server."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

import typer

from dcrserver.cli.administration.options import option
from dcrserver.cli.shared import ConfigOption

if TYPE_CHECKING:
    from dcrserver.cli.administration.desks import Desk
    from dcrserver.strict_json import JsonObject, JsonValue

T = TypeVar("T")
LimitOption = Annotated[int, typer.Option(min=1, max=10000, help="how many at most")]

# A page of a server's list.
_PAGE = 500
_OPTIONS = (
    option("config", ConfigOption),
    option(
        "tenant",
        Annotated[
            str | None,
            typer.Option(help="name of the tenant; else default, or the one whose URL --server is"),
        ],
    ),
    option(
        "server",
        Annotated[
            str | None,
            typer.Option(
                help="URL of a server whose API is asked instead of the database;"
                " DCR_CLI__SERVER if not given"
            ),
        ],
    ),
    option(
        "token_file",
        Annotated[
            Path | None,
            typer.Option(
                help="with --server: file that holds an administrator's token;"
                " DCR_CLI__TOKEN_FILE if not given"
            ),
        ],
    ),
    option(
        "ca_file",
        Annotated[
            Path | None,
            typer.Option(
                help="with --server: PEM certificates of who may vouch for it, in place of the"
                " system's"
            ),
        ],
    ),
)


@dataclass(frozen=True, slots=True)
class Where:
    """Whom a command asks, and about which tenant."""

    config: Path | None
    tenant: str | None
    server: str | None
    token_file: Path | None
    ca_file: Path | None

    @classmethod
    def parameters(cls) -> tuple[inspect.Parameter, ...]:
        return _OPTIONS

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> Self:
        """Takes them out of what a command was given."""
        return cls(**{each.name: given.pop(each.name) for each in _OPTIONS})

    @property
    def in_words(self) -> str:
        """Of which tenant something is, where that was said."""
        return f" of tenant {self.tenant}" if self.tenant else ""

    @property
    def flags(self) -> dict[str, Any]:
        """What was given of [cli]."""
        given = {"server": self.server, "token_file": self.token_file, "ca_file": self.ca_file}
        return {name: value for name, value in given.items() if value is not None}

    def run(self, work: Callable[[Desk], Awaitable[T]], *, progress: bool = True) -> T:
        """What ``work`` returns, which may ask several times; see ``desks.run``."""
        from dcrserver.cli.administration import desks

        return desks.run(self, work, progress=progress)

    def ask(self, operation: str, body: JsonValue = None, **given: str | int | None) -> JsonObject:
        """The answer to one operation."""
        return self.run(lambda desk: desk.ask(operation, body, **given))

    def list(self, operation: str, limit: int, **given: str | int | None) -> list[JsonObject]:
        """The first ``limit`` items of a list, from as many pages as they are on."""

        async def work(desk: Desk) -> list[JsonObject]:
            return await listed(desk, operation, limit, **given)

        return self.run(work)


class WhereOfAll(Where):
    """The same for what is of no tenant."""

    @classmethod
    def parameters(cls) -> tuple[inspect.Parameter, ...]:
        return tuple(each for each in _OPTIONS if each.name != "tenant")

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> Self:
        """As that of ``Where``; no tenant is named."""
        given["tenant"] = None
        return super().taken_from(given)


async def listed(
    desk: Desk, operation: str, limit: int, **given: str | int | None
) -> list[JsonObject]:
    """The first ``limit`` items of a list, from as many pages as they are on."""
    items: list[Any] = []
    cursor: Any = None
    while len(items) < limit:
        size = min(limit - len(items), _PAGE)
        page: dict[str, Any] = await desk.ask(operation, None, limit=size, cursor=cursor, **given)
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    return items
