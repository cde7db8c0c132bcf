"""What the claims of a verified software statement mean for a registration (RFC 7591 2.3, 3.1.1).

Pure: whether a statement is to be trusted was settled before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple

from dcrserver.errors import InvalidClientMetadata, InvalidRedirectUri
from dcrserver.metadata import kinds
from dcrserver.metadata.jwks import PRIVATE_MEMBERS
from dcrserver.metadata.model import Parameter, Terms, once
from dcrserver.metadata.validation import STATEMENT, recognized
from dcrserver.policies.switches.software_statements import SoftwareStatementPolicy
from dcrserver.strict_json import JsonObject, JsonValue

# Who vouches, as only a verified statement brings it into a registration.
STATEMENT_ISSUER = "software_statement_issuer"

# RFC 7519 4.1: they are about the statement, not about the client.
_ABOUT_THE_JWT = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
# Whoever reads the registration reads the statement; and of statements there is one.
_NOT_INSIDE = frozenset({STATEMENT, "client_secret", "registration_access_token"})
# Of a role, as directories write it.
_ACTIVE = "Active"
_PRIVATE_PEM = "PRIVATE KEY-----"


class Merged(NamedTuple):
    """A submission in which the claims have won, and the ``terms`` that judge it.

    ``overruled``: what of it was sent otherwise.
    """

    members: JsonObject
    terms: Terms
    overruled: tuple[str, ...] = ()


def objection(claims: JsonObject) -> str | None:
    """What no statement may hold, at any depth; None where it holds nothing of the kind.

    It completes "software_statement ...".
    """
    return next(_objections(claims), None)


def _objections(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        for name in sorted(_NOT_INSIDE & value.keys()):
            yield f"must not hold {name}"
        if "kty" in value and not value.keys().isdisjoint(PRIVATE_MEMBERS):
            yield "must not hold private key material"
        for each in value.values():
            yield from _objections(each)
    elif isinstance(value, list):
        for each in value:
            yield from _objections(each)
    elif isinstance(value, str) and _PRIVATE_PEM in value:
        yield "must not hold private key material"


def merged(
    body: JsonObject, claims: JsonObject, terms: Terms, may_set: frozenset[str] = frozenset()
) -> Merged:
    """``body`` with the members that ``claims`` say, whatever it says of them itself.

    A member in one language speaks for it in all: the body translates no name that it may not
    give. ``may_set``: members that the claims set although ``body`` must not.

    Raises:
        InvalidRedirectUri: the body names one that the statement does not, where it may choose.
        InvalidClientMetadata: the body contradicts the statement where it must not.
    """
    said = members_said(claims, terms)
    won = _won(said, with_members(terms, may_set.intersection(said)))
    opened = with_members(terms, may_set.intersection(won))
    rows = {row.name for row in won.values()}
    lost = {n for n, row in recognized(body, opened).items() if {row.name, row.chooses} & rows}
    kept = {name: value for name, value in body.items() if name not in lost}
    made = kept | {
        name if "#" in name else row.name: _value(said[name], row) for name, row in won.items()
    }
    if terms.policy.software_statements.redirect_subset:
        made |= _chosen(body, made)
    if terms.policy.software_statements.role_scopes:
        made |= _scope_of_roles(claims, made, terms.policy.software_statements)
    overruled = [name for name in body if name in lost and body[name] != made.get(name)]
    for name in overruled:
        if name in terms.policy.software_statements.must_match:
            raise InvalidClientMetadata(f"{name} is not what the software statement says")
    return Merged(made, opened, tuple(overruled))


def _won(said: JsonObject, terms: Terms) -> dict[str, Parameter]:
    """What of ``said`` says something: null lets nobody set the member otherwise."""
    found = recognized(said, terms)
    return {name: row for name, row in found.items() if not row.kind.leaves_out(said[name])}


def says_nothing(claim: JsonValue) -> bool:
    """Directories write so what they do not know."""
    return claim in (None, "", [], {})


def members_said(claims: JsonObject, terms: Terms) -> JsonObject:
    """The claims by the names of members; one that is named as the member itself counts first,
    where it says something.
    """
    said = {name: value for name, value in claims.items() if name not in _ABOUT_THE_JWT}
    for name, member in terms.policy.software_statements.claim_aliases.items():
        if says_nothing(said.get(member)) and name in claims:
            said[member] = claims[name]
    return said


def _value(value: JsonValue, row: Parameter) -> JsonValue:
    """Directories write versions as numbers (Open Finance Brasil: 1.10)."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number and row.kind is kinds.TEXT else value


def _chosen(body: JsonObject, made: JsonObject) -> JsonObject:
    """Of the redirect_uris of the statement those that the body names, or all."""
    wanted, allowed = body.get("redirect_uris"), made.get("redirect_uris")
    if not isinstance(wanted, list) or not wanted or not isinstance(allowed, list):
        return {}
    for position, uri in enumerate(wanted):
        if uri not in allowed:
            raise InvalidRedirectUri(
                f"redirect_uris element {position} is none that the software statement names"
            )
    return {"redirect_uris": wanted}


def _scope_of_roles(
    claims: JsonObject, made: JsonObject, policy: SoftwareStatementPolicy
) -> JsonObject:
    """The scopes of its roles, where the client asks for none.

    Raises:
        InvalidClientMetadata: it asks for one that none of its roles may have.
    """
    roles = _roles(claims, policy)
    allowed = {scope for role in roles for scope in policy.role_scopes.get(role, ())}
    wanted = made.get("scope")
    if not isinstance(wanted, str) or not wanted.strip():
        return {"scope": " ".join(sorted(allowed))} if allowed else {}
    for scope in wanted.split():
        if scope not in allowed:
            raise InvalidClientMetadata(
                f"scope {scope} is for none of the roles that the software statement names"
            )
    return {}


def _roles(claims: JsonObject, policy: SoftwareStatementPolicy) -> set[str]:
    said = next((claims[name] for name in policy.role_claims if name in claims), None)
    found: set[str] = set()
    for each in said if isinstance(said, list) else ():
        role = each.get("role") if isinstance(each, dict) else each
        status = each.get("status", _ACTIVE) if isinstance(each, dict) else _ACTIVE
        if isinstance(role, str) and status == _ACTIVE:
            found.add(role)
    return found


def with_members(terms: Terms, names: frozenset[str]) -> Terms:
    """``terms`` under which also ``names`` may be set."""
    return _opening(terms)(names) if names else terms


@once
def _opening(terms: Terms) -> Callable[[frozenset[str]], Terms]:
    """The same object for the same names, as what follows from terms is kept in them."""
    return lru_cache(maxsize=64)(partial(_opened, terms))


def _opened(terms: Terms, names: frozenset[str]) -> Terms:
    extensions = terms.policy.extensions
    opened = extensions.model_copy(update={"self_service": extensions.self_service | names})
    return replace(terms, policy=terms.policy.model_copy(update={"extensions": opened}))


@once
def without_requirement(terms: Terms) -> Terms:
    """``terms`` for whoever is excused from sending a statement."""
    return replace(terms, policy=terms.policy.model_copy(update={"statements_mode": "allowed"}))
