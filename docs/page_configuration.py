"""The text of docs/configuration.md, made from the settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from dcrserver.settings import Settings

HEAD = """# Configuration

Made by `python docs/make.py` from the settings; `make check` fails when it is not fresh.

One TOML file (`--config FILE` or `DCR_CONFIG`), overridden by environment variables (`DCR_`, then
the key in capitals with `__` between levels, e.g. `DCR_SERVER__BASE_URL`; lists as JSON),
overridden by flags. An unknown or wrong key stops the start with the key's name;
`dcrserver config check` prints what is in force, secrets hidden, and below `effective` the server
metadata that results for each tenant.
"""


def text() -> str:
    return "\n".join([HEAD, *_sections(), *_tail()])


def _sections() -> Iterator[str]:
    loose = []
    for name, field in Settings.model_fields.items():
        model = _model(field)
        if model is None:
            loose.append((name, field))
        else:
            yield from _section(name, model)
    yield from _table("Other keys", "", loose)


def _section(path: str, model: type[BaseModel]) -> Iterator[str]:
    plain = [(field.alias or name, field) for name, field in model.model_fields.items()]
    rows = [(name, field) for name, field in plain if _model(field) is None]
    if rows:
        yield from _table(f"`[{path}]`", (model.__doc__ or "").split("\n")[0], rows)
    for name, field in plain:
        inner = _model(field)
        if inner is not None:
            yield from _section(f"{path}.{name}", inner)


def _table(title: str, text: str, rows: list[tuple[str, FieldInfo]]) -> Iterator[str]:
    yield f"\n## {title}\n"
    if text:
        yield f"{text}\n"
    yield "| key | default | meaning |\n|---|---|---|"
    for name, field in rows:
        yield f"| `{name}` | {_default(field)} | {field.description or ''}{_choices(field)} |"


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None:
        return "-"
    if isinstance(value, frozenset):
        value = sorted(value)
    return f"`{json.dumps(value, default=list)}`"


def _choices(field: FieldInfo) -> str:
    """The words that may be chosen, where the description does not say all of them."""
    words = [word for each in _literals(field.annotation) for word in get_args(each)]
    told = re.findall(r"[\w.-]+", field.description or "")
    if not words or set(map(str, words)) <= set(told):
        return ""
    return f" ({', '.join(f'`{word}`' for word in words)})"


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


def _tail() -> Iterator[str]:
    """Tenants are a table of tables; their rows come from their own model."""
    tenant = get_args(Settings.model_fields["tenants"].annotation)[1]
    yield from _section("tenants.NAME", tenant)
    yield (
        "\n## Members of the authorization server\n\n"
        "`[authorization_server]` takes any member of its metadata (RFC 8414 2, OpenID Connect"
        " Discovery 3) by name, e.g. `token_endpoint`, `scopes_supported`. Lists bound what clients"
        " may register, and are published as they are. A member that is not known is an extension,"
        " unless its name is nearly that of a known one, which stops the start.\n"
    )
