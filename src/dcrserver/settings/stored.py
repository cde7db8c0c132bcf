"""Tenants and policies as JSON with the keys of the configuration file, written at run time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from dcrserver.errors import InvalidInput
from dcrserver.policies import Policy
from dcrserver.settings.groups.members import MemberSettings
from dcrserver.settings.groups.tenants import TenantName, TenantSettings
from dcrserver.settings.problems import Problem, problems_of
from dcrserver.settings.statements import problems_in
from dcrserver.settings.trusted_hosts import too_wide
from dcrserver.settings.values import OF_JSON
from dcrserver.strict_json import JsonObject

_Model = TypeVar("_Model", bound=BaseModel)

_POLICY_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
_WEB = re.compile(r"https?://[^/?#@]+(?:[/?#]|$)")
_NAMES: TypeAdapter[str] = TypeAdapter(TenantName)


class BadDocument(InvalidInput):
    """What was written cannot be used; ``problems`` says all that is wrong with it, and where."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        told = "; ".join(f"{each.pointer}: {each.text}".removeprefix(": ") for each in problems)
        super().__init__(told, pointer=f"#{problems[0].pointer}")
        self.problems = tuple(problems)


def tenant_name(name: str) -> str:
    """The ``name``, as tenants of the configuration may be called.

    Raises:
        BadDocument: no tenant can have this name.
    """
    try:
        return _NAMES.validate_python(name)
    except ValidationError as error:
        (problem,) = problems_of(error, str)
        raise BadDocument([Problem(("name",), problem.text)]) from None


def policy_name(name: str) -> str:
    """The ``name``, which stands in paths.

    Raises:
        BadDocument: no policy can have this name.
    """
    if not _POLICY_NAME.fullmatch(name):
        text = "a policy's name has 1 to 64 letters, digits, dots, dashes, underscores"
        raise BadDocument([Problem(("name",), text)])
    return name


def tenant_settings(document: JsonObject) -> TenantSettings:
    """What [tenants.NAME] holds.

    Raises:
        BadDocument: it could not stand there, or names a file of ours.
    """
    made = _checked(TenantSettings, document)
    server = made.authorization_server
    url = server.metadata if server is not None else None
    if url is not None and not _WEB.match(url):
        text = (
            "must be an https URL without user names: a file is for the configuration file to name"
        )
        raise BadDocument([Problem(("authorization_server", "metadata"), text)])
    for index, issuer in enumerate(made.software_statements or ()):
        if issuer.jwks_uri is None:
            text = "needs a jwks_uri: files are for the configuration file to name"
            raise BadDocument([Problem(("software_statements", str(index)), text)])
    return made


def policy(document: JsonObject, declared: Mapping[str, MemberSettings]) -> Policy:
    """What [policies.NAME] holds; ``declared``: members of the operator's own, by name.

    Raises:
        BadDocument: it could not stand there.
    """
    made = _checked(Policy, document)
    if problems := list(problems_in(made, declared)):
        raise BadDocument(problems)
    return made


def written_policy(document: JsonObject, declared: Mapping[str, MemberSettings]) -> Policy:
    """As ``policy``, of one that does not count yet.

    Raises:
        BadDocument: it could not stand there, or trusts hosts that are anybody's.
    """
    made = policy(document, declared)
    if problems := list(too_wide(made)):
        raise BadDocument(problems)
    return made


def _checked(model: type[_Model], document: JsonObject) -> _Model:
    try:
        return model.model_validate(document, context=OF_JSON)
    except ValidationError as error:
        raise BadDocument(problems_of(error, model)) from None
