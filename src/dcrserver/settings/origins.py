"""What differs from the defaults, and where it came from: a line of the file, or a variable."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dcrserver.settings import Settings
from dcrserver.settings.lines import Key
from dcrserver.settings.sources import Sources


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that is not as it would be by default; values as they may be shown."""

    key: str
    value: Any
    default: Any
    origin: str


def shown(settings: Settings) -> dict[str, Any]:
    """All settings as JSON, secrets hidden; sets in one order, so that two can be compared."""
    document = settings.model_dump(mode="json", by_alias=True)
    return {
        name: _ordered(document[name], value)
        for name, value in settings.model_dump(by_alias=True).items()
    }


def _ordered(document: Any, value: object) -> Any:  # noqa: ANN401 - any part of a document
    if isinstance(value, Mapping):
        return {name: _ordered(document[name], inner) for name, inner in value.items()}
    return sorted(document) if isinstance(value, set | frozenset) else document


def changes(settings: Settings, file: Path | None) -> list[Change]:
    """All settings that differ from the defaults; ``file``: what they were read from."""
    defaults = Settings.model_construct()
    ours, by_default = shown(settings), shown(defaults)
    origin = _Origins(file).of
    return [
        Change(".".join(key), _at(ours, key), _at(by_default, key), origin(key))
        for key in _different((), settings, defaults)
    ]


def _different(key: Key, value: object, default: object) -> Iterator[Key]:
    if isinstance(value, BaseModel):
        known = default if type(default) is type(value) else type(value).model_construct()
        found = [
            each
            for name, inner in value
            for each in _different((*key, _alias(value, name)), inner, getattr(known, name, None))
        ]
        yield from found or ([key] if default is None else [])
    elif isinstance(value, Mapping) and key and isinstance(default, Mapping):
        for name, inner in value.items():
            yield from _different((*key, name), inner, default.get(name))
    elif value != default:
        yield key


def _alias(model: BaseModel, name: str) -> str:
    field = type(model).model_fields.get(name)
    return (field and field.alias) or name


def _at(document: object, key: Key) -> Any:  # noqa: ANN401 - any part of a document
    for part in key:
        if not isinstance(document, Mapping) or part not in document:
            return None
        document = document[part]
    return document


class _Origins:
    """Where keys were set, for a person to find it."""

    def __init__(self, file: Path | None) -> None:
        text = "" if file is None else file.read_text("utf-8")
        self._sources = Sources(file=file, written=tomllib.loads(text), text=text)

    def of(self, key: Key) -> str:
        if places := self._sources.places(key):
            return " and ".join(places)
        if key[0] in {"policy", "policies"}:
            return ".".join(key[: 1 if key[0] == "policy" else 2]) + ".preset"
        return "follows from other settings"
