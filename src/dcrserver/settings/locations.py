"""What the settings' own types tell: which values are files, and what a mistyped key may mean.

A file named in the configuration file is relative to that file's folder, wherever the command is
started; one named in the environment is relative to the working directory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import quote

from pydantic import BaseModel

# Keys of before the first release that others may have in their files still.
_RENAMED = {
    "alg": "algorithms",
    "ext": "extensions",
    "lang": "languages",
    "mgmt": "management",
    "rat_grace_seconds": "registration_access_token_grace_seconds",
    "rat_lifetime": "registration_access_token_lifetime",
    "rat_rotation": "registration_access_token_rotation",
}
# Options of a URL that name files, for the drivers of the server databases.
_FILE_OPTION = re.compile(
    r"([?&](?:ssl_ca|ssl_cert|ssl_key|sslrootcert|sslcert|sslkey|passfile)=)(?!/|%2F)([^&]+)",
    re.IGNORECASE,
)
_SQLITE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|file:|:memory:|\?|$)(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FileReference:
    """Marks a setting that may name a file, in a text of its own form."""

    relative_to: Callable[[Path, str], str]


def _database(folder: Path, url: str) -> str:
    if url.startswith("sqlite"):
        return _SQLITE_FILE.sub(lambda found: f"{found[1]}{folder / found[2]}", url)
    encoded = quote(str(folder))
    return _FILE_OPTION.sub(lambda found: f"{found[1]}{encoded}/{found[2]}", url)


def _document(folder: Path, location: str) -> str:
    return location if "://" in location else str(folder / location)


DATABASE_FILE = FileReference(_database)
DOCUMENT = FileReference(_document)


def relative_to(folder: Path, given: Any, hint: Any) -> Any:  # noqa: ANN401 - any part of a file
    """``given``, for a setting of the type ``hint``, with its files relative to ``folder``."""
    if isinstance(hint, type) and issubclass(hint, BaseModel) and isinstance(given, dict):
        hints = _fields(hint)
        return {name: relative_to(folder, value, hints.get(name)) for name, value in given.items()}
    if hint is Path and isinstance(given, str):
        return str(folder / given)
    made = given
    if get_origin(hint) is dict and isinstance(given, dict):
        return {name: relative_to(folder, each, get_args(hint)[1]) for name, each in given.items()}
    if get_origin(hint) is tuple and isinstance(given, list):
        return [relative_to(folder, each, get_args(hint)[0]) for each in given]
    for argument in get_args(hint):
        if isinstance(argument, FileReference) and isinstance(given, str):
            return argument.relative_to(folder, given)
        made = relative_to(folder, made, argument)
    return made


def siblings(keys: Sequence[str], hint: Any) -> list[str]:  # noqa: ANN401 - a type
    """The keys that there are beside one at ``keys``, below a setting of the type ``hint``."""
    if get_origin(hint) is tuple and keys:
        return siblings(keys[1:], get_args(hint)[0])
    for model in _models(hint):
        if not keys:
            return list(_fields(model))
        return siblings(keys[1:], _fields(model).get(keys[0]))
    if get_origin(hint) in {dict, tuple}:  # by a name, or by a number
        each = get_args(hint)[1 if get_origin(hint) is dict else 0]
        return siblings(keys[1:], each)
    return next((found for each in get_args(hint) if (found := siblings(keys, each))), [])


def nearest(name: str, known: Iterable[str]) -> str:
    """What may be meant by ``name``, to follow a refusal."""
    among = sorted(known)
    now = _RENAMED.get(name.lower())
    found = [now] if now in among else get_close_matches(name, among, 1)
    return f"; did you mean {found[0]}?" if found else ""


@cache  # a tenant's tables are as many as there are tenants
def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """Key -> type, with what it is annotated by."""
    hints = get_type_hints(model, include_extras=True)
    return {field.alias or name: hints[name] for name, field in model.model_fields.items()}


def _models(hint: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - a type
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    elif get_origin(hint) not in {dict, tuple}:
        for argument in get_args(hint):
            yield from _models(argument)
