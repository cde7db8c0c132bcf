"""The text of docs/configuration.md, made from the settings."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.settings.catalogue import Section, choices, default, named_sections, sections

HEAD = """# Configuration

Made by `python docs/make.py` from the settings; `make check` fails when it is not fresh.

One TOML file (`--config FILE` or `DCR_CONFIG`), overridden by environment variables (`DCR_`, then
the key in capitals with `__` between levels, e.g. `DCR_SERVER__BASE_URL`; lists as JSON),
overridden by flags. An unknown or wrong key stops the start with the key's name.

`dcrserver config init` prints a file to begin with: every setting below, its meaning and its
default, as comments. `dcrserver config check` shows what differs from the defaults and where it was
set, and tries the database and Redis (`--offline`: neither). With `--json` it prints all that is in
force, secrets hidden, and below `effective` the server metadata that results for each tenant.
"""


def text() -> str:
    return "\n".join([HEAD, *_sections(), *_tail()])


def _sections() -> Iterator[str]:
    loose, *tables = sections()
    for section in tables:
        yield from _table(f"`[{section.path}]`", section)
    yield from _table("Other keys", loose)


def _table(title: str, section: Section) -> Iterator[str]:
    yield f"\n## {title}\n"
    if section.text:
        yield f"{section.text}\n"
    yield "| key | default | meaning |\n|---|---|---|"
    for name, field in section.fields.items():
        words = choices(field)
        told = f" ({', '.join(f'`{word}`' for word in words)})" if words else ""
        value = default(field)
        shown = "-" if value is None else f"`{value}`"
        yield f"| `{name}` | {shown} | {field.description or ''}{told} |"


def _tail() -> Iterator[str]:
    """Tenants and providers are tables of tables; their rows come from their own models."""
    for section in named_sections():
        yield from _table(f"`[{section.path}]`", section)
    yield (
        "\n## Members of the authorization server\n\n"
        "`[authorization_server]` takes any member of its metadata (RFC 8414 2, OpenID Connect"
        " Discovery 3) by name, e.g. `token_endpoint`, `scopes_supported`. Lists bound what clients"
        " may register, and are published as they are. A member that is not known is an extension,"
        " unless its name is nearly that of a known one, which stops the start.\n"
    )
