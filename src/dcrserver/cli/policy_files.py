"""Policies in files: what is wrong with them, and what they would make of a registration."""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from dcrserver.cli.shared import fail, read
from dcrserver.names import DEFAULT_TENANT

if TYPE_CHECKING:
    from dcrserver.metadata import Policy
    from dcrserver.services.policies.trial import Trial
    from dcrserver.settings import Settings
    from dcrserver.settings.stored import BadDocument
    from dcrserver.strict_json import JsonObject
    from dcrserver.tenants import Tenant

OriginOption = Annotated[str, typer.Option(help="how it comes, as statements name it")]
AddressOption = Annotated[str | None, typer.Option(help="where it comes from: an IP address")]
_SUFFIXES = frozenset({".toml", ".json"})
# Of a configuration file.
_POLICY = "policy"


def is_file(name: str) -> bool:
    """Whether what stands for the name of a policy is a file that holds one."""
    return Path(name).suffix in _SUFFIXES and Path(name).is_file()


def document(file: Path) -> JsonObject:
    """The object in ``file``."""
    return _parsed(file, read(file))


def checked(file: Path, settings: Settings) -> Policy:
    """The policy in ``file``, or in [policy] of a configuration file; it fails where it is none."""
    from dcrserver.settings.stored import BadDocument, written_policy

    text = read(file)
    found = _parsed(file, text)
    place = (_POLICY,) if isinstance(found.get(_POLICY), dict) else ()
    written: Any = found[_POLICY] if place else found
    try:
        return written_policy(written, settings.members)
    except BadDocument as error:
        _refuse(file, text, place, error)


def tried(file: Path, trial: JsonObject, config: Path | None, tenant: str | None) -> JsonObject:
    """What the policy in ``file`` would make of a registration, with the rest of ``config``."""
    from dcrserver.cli.loading import known_tenant, load
    from dcrserver.services.policies.trial import terms_of, tried_here

    settings = load(config)
    policy, where = checked(file, settings), known_tenant(settings, tenant or DEFAULT_TENANT)
    given = _trial(trial)
    return tried_here(where, terms_of(where, policy), given, _names(settings, policy, given))


def explained(
    settings: Settings, tenant: Tenant, submission: JsonObject, origin: str, address: str | None
) -> JsonObject:
    """What registering ``submission`` would do."""
    from dcrserver.metadata import explain
    from dcrserver.policies.statements.conditions import Circumstances

    policy, is_plain = tenant.terms.policy, origin == "open" and address is None
    if is_plain and not tenant.reads_statements(policy):
        # The rest takes longer to load than all that this command does.
        return explain(submission, tenant.terms, here=Circumstances(tenant=tenant.name))
    from dcrserver.services.policies.trial import explained_here

    given = _trial({"request": submission, "origin": origin, "address": address})
    return explained_here(tenant, given, _names(settings, policy, given))


def _trial(written: JsonObject) -> Trial:
    """
    Raises:
        Refused: there is no such origin.
    """
    from dcrserver.cli.administration.answers.here import validated
    from dcrserver.schemas.admin.policies import PolicyTrial
    from dcrserver.services.policies.trial import Trial

    asked = validated(PolicyTrial, written)
    return Trial(asked.request, asked.origin, asked.address)


def _names(settings: Settings, policy: Policy, given: Trial) -> frozenset[str]:
    """The names of the address, where the policy asks for them."""
    if not policy.asks_names:
        return frozenset()
    from dcrserver.fetch.address_names import AddressNames
    from dcrserver.fetch.resolver import NameResolver

    resolver = NameResolver(settings.outbound)
    return asyncio.run(AddressNames(resolver, settings.outbound).of(given.address))


def _parsed(file: Path, text: bytes) -> dict[str, Any]:
    try:
        made = tomllib.loads(text.decode()) if file.suffix == ".toml" else json.loads(text)
    except ValueError as error:
        fail(f"{file}: {error}")
    if not isinstance(made, dict):
        fail(f"{file}: must be an object")
    return made


def _refuse(file: Path, text: bytes, place: tuple[str, ...], error: BadDocument) -> NoReturn:
    told = (
        f"{_place(file, (*place, *each.key), text)}: {each.pointer or '/'}: {each.text}"
        for each in error.problems
    )
    fail("\n".join(told))


def _place(file: Path, key: tuple[str, ...], text: bytes) -> str:
    """The file, and of TOML the line where ``key`` is."""
    from dcrserver.settings.lines import line_of

    return f"{file}, line {line_of(key, text.decode())}" if file.suffix == ".toml" else str(file)
