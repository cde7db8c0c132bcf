"""What the pages name exists: settings, variables, commands, options, files, members, metrics.

A setting is explained in docs/configuration.md, a member in docs/metadata.md, a metric and a log
event in docs/telemetry.md, all of which are made from the source; a command by its ``--help``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import typer.main
from pydantic import BaseModel

from dcrserver.cli import application
from dcrserver.settings import Settings
from docs.pasting import ROOT, pages

SOURCE = ROOT / "src" / "dcrserver"
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_NAMED = re.compile(r"`([^`\n]+)`")
_VARIABLE = re.compile(r"DCR_[A-Z0-9_]+")
_SETTING = re.compile(r"[a-z_]+(?:\.[A-Za-z_]+)+")
_WORD = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
_FILE = re.compile(r"[\w./-]+\.(?:py|md|toml|yaml|yml|json|cfg|conf|service|mjs)")
# Words of others, each by whom it is known.
_OF_OTHERS = {
    "PostgreSQL": {"synchronous_commit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin",
                   "pg_basebackup", "archive_command", "json_to_recordset", "plan_cache_mode",
                   "full_page_writes", "max_wal_size", "min_wal_size", "checkpoint_timeout",
                   "remote_apply", "remote_write"},
    "Patroni": {"synchronous_mode", "synchronous_mode_strict"},
    "MariaDB": {"innodb_flush_log_at_trx_commit", "utf8mb4_bin", "wsrep_sync_wait", "read_only",
                "max_allowed_packet", "galera_recovery"},
    "MCP SDK": {"issuer_url", "validate_token_resource", "resource_server_url"},
    "Asgardeo": {"internal_application_mgt_view", "webfinger_endpoint"},
    "Spring": {"client_settings", "token_settings"},
    "Ory Hydra": {"enforced_for_public_clients", "hydra_client",
                  "oidc_discovery", "client_registration_url"},
    "clients": {"client_nam"},
}  # fmt: skip
_OTHERS_WORDS = frozenset().union(*_OF_OTHERS.values())
# The project's own variables that are no settings.
_VARIABLES = re.compile(r"DCR_(CONFIG|TEST_\w+)")


@cache
def _source() -> frozenset[str]:
    """Every word of the source, of migrations and of what the tests are made of."""
    folders = (SOURCE, ROOT / "migrations", ROOT / "benchmarks", ROOT / "docs")
    texts = [file.read_text("utf-8") for each in folders for file in each.rglob("*.py")]
    return frozenset(re.findall(r"\w+", "\n".join(texts)))


def _models(hint: Any) -> Iterator[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    elif get_origin(hint) is not dict:
        for each in get_args(hint):
            yield from _models(each)


def _is_setting(keys: list[str], hint: Any = Settings) -> bool:
    """Whether ``keys`` lead to a setting, or to a group of them."""
    if not keys:
        return True
    if get_origin(hint) is dict:  # by a name of the reader's own
        return _is_setting(keys[1:], get_args(hint)[1])
    for model in _models(hint):
        if model.__name__ == "AuthorizationServerSettings":  # any member of its metadata
            return len(keys) == 1
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if keys[0] in fields:
            return _is_setting(keys[1:], fields[keys[0]].annotation)
    return False


def _command_problem(text: str) -> str | None:
    """Walks the program's own tree of commands; words in capitals are the reader's."""
    command: Any = typer.main.get_command(application())
    for word in shlex.split(text.replace("...", ""))[1:]:
        inner = getattr(command, "commands", {})
        if inner and re.fullmatch(r"[a-z-]+", word):
            if word not in inner:
                return f"there is no command {word}"
            command = inner[word]
        elif word.startswith("--"):
            options = {each for parameter in command.params for each in parameter.opts}
            if word.partition("=")[0] not in options | {"--help"}:
                return f"{command.name} has no option {word}"
    return None


def _problem(name: str) -> str | None:
    """What is wrong with ``name``; None if nothing is, or it is of no kind that we know."""
    if name.startswith("dcrserver "):
        return _command_problem(name.partition(" | ")[0])
    setting = name.partition(" = ")[0]
    is_below_a_group = setting.partition(".")[0] in Settings.model_fields
    problem = None
    if _VARIABLE.fullmatch(name):
        keys = name.removeprefix("DCR_").lower().split("__")
        known = _VARIABLES.fullmatch(name) or _is_setting(keys)
        problem = None if known else "no such variable"
    elif _SETTING.fullmatch(setting) and is_below_a_group and not _FILE.fullmatch(name):
        problem = None if _is_setting(setting.split(".")) else "no such setting"
    elif _WORD.fullmatch(name):
        known = name in _source() or name in _OTHERS_WORDS or _is_column(name)
        problem = None if known else "nothing in the source is called so"
    return problem


def _is_column(name: str) -> bool:
    """A word that another page of ours defines in a table of its own."""
    return any(f"| `{name}` |" in text for text in _generated())


@cache
def _generated() -> tuple[str, ...]:
    names = ("configuration.md", "metadata.md", "telemetry.md")
    return tuple((ROOT / "docs" / name).read_text("utf-8") for name in names)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_exists(page: Path) -> None:
    text = _FENCED.sub("", page.read_text("utf-8"))
    names = dict.fromkeys(_NAMED.findall(text))
    problems = {name: problem for name in names if (problem := _problem(name))}
    assert problems == {}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page: Path) -> None:
    text = _FENCED.sub("", page.read_text("utf-8"))
    places = (ROOT, page.parent, SOURCE, SOURCE / "metadata", ROOT / "tests")
    named = [name for name in _NAMED.findall(text) if _FILE.fullmatch(name) and "/" in name]
    assert [
        name for name in named
        if not name.startswith("/") and not any((place / name).exists() for place in places)
    ] == []  # fmt: skip


_WRONG = (
    "DCR_SERVER__PROT", "server.prot", "tenants.acme.prot", "policy.algorithms.unsuported",
    "redirect_urls", "dcrserver client lost", "dcrserver token issue initial --use 1",
)  # fmt: skip
_RIGHT = (
    "DCR_SERVER__PORT", "server.port", "tenants.acme.mode", "policy.redirect.query = false",
    "policies.NAME.preset", "authorization_server.token_endpoint", "redirect_uris",
    "dcrserver client list", "dcrserver token issue initial --uses 1",
)  # fmt: skip


def test_the_walk_finds_what_is_wrong() -> None:
    assert [name for name in _WRONG if _problem(name) is None] == []
    assert [name for name in _RIGHT if _problem(name) is not None] == []
