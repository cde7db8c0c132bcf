"""What a stranger can register, as the statements of a policy let them: asked of the statements
themselves, with registrations that an attacker would try.

A statement about the time of day, about how many clients there are, or about another member that
its sender makes up, stops nobody who knows it: it ends no finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from dcrserver.metadata import VERIFIED
from dcrserver.metadata.rules.protection import SECRET_METHODS
from dcrserver.names import ClientOrigin
from dcrserver.policies.statements.circumstances import OF_DNS, Circumstances, Members
from dcrserver.policies.statements.claims import PREFIX
from dcrserver.policies.statements.conditions import named_by
from dcrserver.policies.statements.grammar import Statement
from dcrserver.policies.statements.lifetimes import GIVEN
from dcrserver.strict_json import JsonValue
from dcrserver.tenants import Tenant

METHODS = "token_endpoint_auth_methods_supported"
_METHOD = "token_endpoint_auth_method"
# What nobody chooses for themselves.
_WHO = frozenset({"origin", "actor", "actor.scopes", "tenant", *VERIFIED})
_FROM = frozenset({"address", *OF_DNS})
_NOBODY_S: Members = {}
# All clients of strangers, or of a tenant.
_OF_ALL = frozenset({"origin", "tenant"})


def supports(tenant: Tenant, name: str, value: str) -> bool:
    """Whether the authorization server has ``value``; also where it does not say."""
    values = tenant.terms.server.supported(name)
    return values is None or value in values


def come(tenant: Tenant, *, held: bool = True, anywhere: bool = False) -> bool:
    """Whether strangers register, for whose software nobody has to vouch.

    ``held``: also those who wait for somebody to approve them. ``anywhere``: from any address.
    """
    if tenant.mode != "open" or tenant.terms.policy.statements_mode == "required":
        return False
    known = _WHO | _FROM if anywhere else _WHO
    return not any(
        (each.then.reject or (each.then.hold and not held))
        and _concerns_all(tenant, each, known, _NOBODY_S)
        for each in tenant.terms.policy.statements
    )


def can_have(tenant: Tenant, member: str, value: JsonValue) -> bool:
    """Whether strangers who come can register ``member`` as ``value``, and wait for nobody."""
    return come(tenant, held=False) and any(
        not any(_denies(tenant, each, members, member) for each in tenant.terms.policy.statements)
        for members in ({member: value, _METHOD: method} for method in _methods(tenant))
    )


def keep_for_ever(tenant: Tenant, given: str) -> bool:
    """Whether what strangers are ``given``, as in ``expire``, has no end for one of them."""
    group, key = GIVEN[given]
    if not come(tenant) or getattr(getattr(tenant.terms.policy, group), key):
        return False
    methods = [each for each in _methods(tenant) if given != "secret" or each in SECRET_METHODS]
    ending = [
        each
        for each in tenant.terms.policy.statements
        if each.then.expire is not None and getattr(each.then.expire, given)
    ]
    known = _WHO | {_METHOD}
    return any(
        not any(_concerns_all(tenant, each, known, {_METHOD: method}) for each in ending)
        for method in methods
    )


def are_limited(tenant: Tenant) -> bool:
    """Whether a statement says how many clients of strangers there may be."""
    return any(
        each.then.limit is not None
        and each.then.limit.by in _OF_ALL
        and _concerns_all(tenant, each, _WHO, _NOBODY_S)
        for each in tenant.terms.policy.statements
    )


def _methods(tenant: Tenant) -> Iterator[str]:
    every = chain(sorted(SECRET_METHODS), ("none", "private_key_jwt"))
    return (each for each in every if supports(tenant, METHODS, each))


def _denies(tenant: Tenant, statement: Statement, members: Members, member: str) -> bool:
    then = statement.then
    known = _WHO | {_METHOD, member}
    if not _concerns_all(tenant, statement, known, members):
        return False
    if then.restrict is not None:
        return any(
            named_by(key) == member and not all(map(is_allowed, _elements(members[member])))
            for key, is_allowed in then.allows.items()
        )
    forced = then.forced.get(member, members[member])
    return bool(
        then.reject or then.hold or forced != members[member] or member in (then.remove or ())
    )


def _elements(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]


def _concerns_all(
    tenant: Tenant, statement: Statement, known: frozenset[str], members: Members
) -> bool:
    """Whether it is about each stranger who sends ``members``, whatever they make up beside what
    is ``known``. The claims of a software statement are not theirs to make up: they have none.
    """
    asked = {named_by(key) if key not in known else key for key in statement.when}
    if not all(key in known or key.startswith(PREFIX) for key in asked):
        return False
    stranger = Circumstances(
        origins=frozenset({ClientOrigin.OPEN.word}),
        actors=frozenset({"anonymous"}),
        tenant=tenant.name,
    )
    return statement.concerns(stranger, members)
