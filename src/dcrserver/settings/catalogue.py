"""What settings there are: each table with its keys, their defaults and what is said of them."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from dcrserver.policies import Policy
from dcrserver.settings import Settings

_WIDTH = 96
_HEAD = """
# The configuration of dcrserver: every setting with its default.
#
# To set one, take away the # before its key. A variable of the environment overrides this file:
# DCR_, then table and key in capitals with __ between them, such as DCR_SERVER__PORT. Files that
# are named here are relative to the folder of this file.
#
# dcrserver config check --config FILE   what differs from the defaults, and whether it works
# dcrserver serve --config FILE          serve
"""
_PLACEHOLDER = "NAME"
_NAMED = (
    ("[policy.statements]", "A rule of the policy; one table each, in their order."),
    ("[policy.protected_names]", "A name that is not for everybody; one table each."),
    ("policies.NAME", "A policy by name; every key of [policy] may follow."),
    ("tenants.NAME", "A further issuer, by name."),
    ("members.NAME", "A member of client metadata of your own, by its name."),
    ("[software_statements]", "An issuer whose software statements are trusted; one table each."),
    ("connectors.NAME", "An authorization server by name, which is told of the clients."),
    ("admin.providers.NAME", "A provider by name, whose access tokens name administrators."),
)


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the file; ``path`` is empty for the keys that are in none."""

    path: str
    text: str
    fields: Mapping[str, FieldInfo]


def sections() -> Iterator[Section]:
    """All tables, in the order of the settings; the keys that are in none come first."""
    fields = Settings.model_fields
    yield Section("", "", {name: each for name, each in fields.items() if _model(each) is None})
    for name, field in fields.items():
        if (model := _model(field)) is not None:
            yield from sections_of(name, model)


def sections_of(path: str, model: type[BaseModel]) -> Iterator[Section]:
    """The table at ``path`` and those below it."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    plain = {name: field for name, field in fields.items() if _model(field) is None}
    if plain:
        yield Section(path, (model.__doc__ or "").split("\n")[0], plain)
    for name, field in fields.items():
        if (inner := _model(field)) is not None:
            yield from sections_of(f"{path}.{name}", inner)


def named_sections() -> Iterator[Section]:
    """The tables of what there are many of, by a name that stands for any, and those below;
    but those of policies, whose keys are those of [policy].
    """
    for path, model in _named(Settings, ()):
        if model is not Policy:
            yield from sections_of(path, model)


def _named(model: type[BaseModel], key: tuple[str, ...]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        path = ".".join((*key, name))
        if (each := _each(field)) is not None:
            is_list = get_origin(field.annotation) is tuple
            yield f"[{path}]" if is_list else f"{path}.{_PLACEHOLDER}", each
        elif (inner := _model(field)) is not None:
            yield from _named(inner, (*key, name))


def default(field: FieldInfo) -> str | None:
    """The default as TOML and JSON write it; None where there is none."""
    if field.is_required():
        return None
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, frozenset):
        value = sorted(value)
    return None if value is None else json.dumps(value, default=list, ensure_ascii=False)


def _in_toml(field: FieldInfo) -> str:
    """The default as it stands in the file: a table of plain values in one line."""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, dict) and value:
        pairs = (f"{key} = {json.dumps(each, ensure_ascii=False)}" for key, each in value.items())
        return f"{{ {', '.join(pairs)} }}"
    return default(field) or ""


def choices(field: FieldInfo) -> list[str]:
    """The words that may be chosen, where the description does not say all of them."""
    words = [str(word) for each in _literals(field.annotation) for word in get_args(each)]
    told = re.findall(r"[\w.-]+", field.description or "")
    return [] if set(words) <= set(told) else words


def sample() -> str:
    """A configuration file with every setting in a comment: as it is, it changes nothing."""
    lines = _HEAD.strip().splitlines()
    for section in sections():
        lines += _table(section, commented=False)
    for path, text in _NAMED:
        found = [each for each in named_sections() if each.path == path]
        lines += _table(Section(path, text, found[0].fields if found else {}), commented=True)
    return "\n".join(lines) + "\n"


def _table(section: Section, *, commented: bool) -> Iterator[str]:
    yield ""
    yield from _comment(section.text)
    if section.path:
        yield f"{'#' if commented else ''}[{section.path}]"
    for name, field in section.fields.items():
        if _each(field) is not None:
            continue
        words = choices(field)
        value = default(field)
        yield from _comment(
            (field.description or "")
            + (f" (one of {', '.join(words)})" if words else "")
            + _without(field, value)
        )
        yield f"#{name} = {_in_toml(field)}".rstrip()


def _without(field: FieldInfo, value: str | None) -> str:
    if field.is_required():
        return "; required"
    return "; unset" if value is None else ""


def _comment(text: str) -> list[str]:
    made = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in made]


def _each(field: FieldInfo) -> type[BaseModel] | None:
    """Of a table of tables, each by a name, or of a list of them; a table of plain values is a
    setting.
    """
    if get_origin(field.annotation) not in {dict, tuple}:
        return None
    inner = get_args(field.annotation)[1 if get_origin(field.annotation) is dict else 0]
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def _literals(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - any type
    if get_origin(annotation) is Literal:
        yield annotation
    elif get_origin(annotation) is not dict:
        for each in get_args(annotation):
            yield from _literals(each)


def _model(field: FieldInfo) -> type[BaseModel] | None:
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None
