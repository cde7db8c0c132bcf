"""What the commands share: options, examples, durations, telling and failing.

Nothing here, nor at the top of a module of commands, loads more than Typer: so help, completion
and what needs no database answer at once. The rest is in ``work``, which a command imports as it
runs.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NoReturn

import typer

if TYPE_CHECKING:
    from dcrserver.strict_json import JsonObject

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file; DCR_CONFIG if not given")
]
TenantOption = Annotated[str, typer.Option("--tenant", help="name of the tenant")]
ClientArgument = Annotated[str, typer.Argument(help="its client_id")]

# Of JSON that is for the API, which has bounds of its own.
_DEPTH, _MEMBERS = 64, 10_000
# At most a few centuries, which every database can count.
_DURATION = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def commands(help_: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(
        no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=help_
    )


def examples(*lines: str) -> str:
    """The end of a command's help; a test runs each line."""
    # The backspace: Typer leaves the lines as they are.
    return "\b\nExamples:\n" + "\n".join(f"  dcrserver {line}" for line in lines)


def print_message(message: str) -> None:
    """Prints a message for people, on stderr; what a script reads goes to stdout."""
    print(f"dcrserver: {message}", file=sys.stderr)


def fail(message: str) -> NoReturn:
    """Ends the command with exit code 1, and ``message`` on stderr."""
    print_message(message)
    sys.exit(1)


def seconds(text: str, option: str) -> int:
    """A duration like 30d, in seconds; 0 for ever."""
    if text == "0":
        return 0
    found = _DURATION.fullmatch(text)
    if found is None:
        raise typer.BadParameter("must be a number with s, m, h or d, or 0", param_hint=option)
    return int(found.group(1)) * _UNIT_SECONDS[found.group(2)]


def counted(number: int, noun: str) -> str:
    """As in 1 client, 2 clients."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """``file``, to be read more than once; - is stdin. What comes through a pipe is kept in memory,
    and never in another file: there may be secrets among it.
    """
    with nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb") as given:
        yield given if given.seekable() else io.BytesIO(given.read())


def read_object(file: Path) -> JsonObject:
    """The JSON object in ``file``; - is stdin."""
    from dcrserver.strict_json import BadJson, loads_object

    try:
        return loads_object(read(file), max_depth=_DEPTH, max_members=_MEMBERS)
    except BadJson as error:
        fail(f"{file}: {str(error).replace('the body', 'it')}")


def read(file: Path) -> bytes:
    """The content of ``file``; - is stdin."""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror}")
