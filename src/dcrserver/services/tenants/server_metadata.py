"""Step: what is known of the authorization server behind, and what discovery says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dcrserver.metadata.capabilities import (
    OWN_DPOP_ALGORITHMS,
    OWN_GRANT,
    SPECIFIED_DEFAULTS,
    presumed,
    restrict,
)
from dcrserver.policies import Policy
from dcrserver.server_metadata import MEMBERS
from dcrserver.settings import AuthorizationServerSettings, ConfigurationError
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads_object

# Members of a foreign document that would contradict ours: its name, and its signed copy.
_NOT_TAKEN = ("issuer", "registration_endpoint", "signed_metadata")
_ASSERTION_ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    "private_key_jwt": ("RS256", "PS256", "ES256", "EdDSA"),
    "client_secret_jwt": ("HS256",),
}
_MAX_MEMBERS = 1000
_SIGN_IN = "authorization_endpoint"
_DOCUMENTS = "client_id_metadata_document_supported"
_ALIASES = "mtls_endpoint_aliases"
_ENDPOINTS = (
    "registration_endpoint",
    "token_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
)
# A server that names the profile serves the grant, also where its list is not up to date
# (draft-ietf-oauth-identity-assertion-authz-grant).
_GRANT_OF_PROFILE: Mapping[str, str] = {
    "urn:ietf:params:oauth:grant-profile:id-jag": "urn:ietf:params:oauth:grant-type:jwt-bearer",
}
# RFC 8414 2: must be there wherever assertions authenticate a client (R8414-2-04).
_ASSERTING_ENDPOINTS = (
    "token_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
)


class Location(NamedTuple):
    """Where a document is; that of a ``declared`` tenant may be anywhere, as the file says so."""

    url: str
    declared: bool = True


def is_remote(location: str) -> bool:
    """Whether the metadata document is at a URL; else it is a file."""
    return location.startswith(("https://", "http://"))


def read_file(location: str) -> JsonObject:
    """The metadata document of an existing server, from a file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    key = "authorization_server.metadata"
    try:
        return read_document(Path(location).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{key}: {location}: {error.strerror}") from None
    except BadJson as error:
        raise ConfigurationError(f"{key}: {location}: {error}") from None


def read_document(raw: bytes) -> JsonObject:
    """The metadata document of an authorization server, as it was fetched.

    Raises:
        BadJson: it is no JSON object.
    """
    return loads_object(raw, max_members=_MAX_MEMBERS)


def lost(before: JsonObject, found: JsonObject) -> list[str]:
    """What ``before`` says as it must be said and ``found`` does not, and another issuer."""
    names = MEMBERS.keys() - set(_NOT_TAKEN)
    missing = {name for name in names if _says(before, name) and not _says(found, name)}
    if before.get("issuer") != found.get("issuer"):
        missing.add("issuer")
    return sorted(missing)


def _says(document: JsonObject, name: str) -> bool:
    """An empty list says nothing (RFC 8414 3.2)."""
    try:
        return MEMBERS[name](document[name]) != []
    except (KeyError, ValueError):
        return False


def has_token_endpoint(settings: AuthorizationServerSettings, document: JsonObject | None) -> bool:
    """Whether tokens come from somewhere else, so that the built-in endpoint stays off."""
    return "token_endpoint" in (document or {}) or "token_endpoint" in settings.members


def sign_in(settings: AuthorizationServerSettings, document: JsonObject | None, issuer: str) -> str:
    """Where the server behind signs people in; empty where that is not known, or would be here."""
    found = (document or {}) | settings.members
    location = str(found.get(_SIGN_IN) or "")
    return "" if location == _front_door(issuer) else location


def _front_door(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/authorize"


def server_metadata(  # noqa: PLR0913 - what is known of a tenant, each by its name
    issuer: str,
    settings: AuthorizationServerSettings,
    document: JsonObject | None,
    policy: Policy,
    *,
    issues_tokens: bool,
    registers: bool,
    reads_certificates: bool,
    reads_documents: bool = False,
    mtls_root: str | None = None,
) -> JsonObject:
    """The members that discovery publishes and registration is bounded by.

    ``issues_tokens``: the built-in token service is on; ``reads_certificates``: it is told of the
    client certificate of a connection; ``reads_documents``: clients name themselves by URLs;
    ``mtls_root``: where it asks for one, without a final slash.
    ``issuer`` is always ours: a document must carry the identifier it was found by (R8414-3.3-01).
    """
    root = issuer.rstrip("/")
    members: dict[str, JsonValue] = (
        presumed(policy) if document is None else dict(SPECIFIED_DEFAULTS)
    )
    members |= _taken(document or {})
    members |= settings.members
    _add_grants_of_profiles(members)
    _add_sign_in(members, sign_in(settings, document, issuer), issuer, settings)
    if issues_tokens:
        _add_token_service(members, root, reads_certificates=reads_certificates)
    if reads_documents:
        _add_documents(members)
    members = restrict(members, policy)
    _complete_assertion_algorithms(members)
    made: JsonObject = {"issuer": issuer}
    if registers:
        made["registration_endpoint"] = f"{root}/register"
    made |= {name: value for name, value in members.items() if name not in _NOT_TAKEN}
    return made | _aliases(made, root, mtls_root)


def _taken(document: JsonObject) -> JsonObject:
    """What it says that is not ours to say; among its aliases, too (RFC 8705 5): by one of them
    clients with certificates would register there.
    """
    taken = {name: value for name, value in document.items() if name not in _NOT_TAKEN}
    aliases = taken.get(_ALIASES)
    if isinstance(aliases, dict):
        taken[_ALIASES] = {name: url for name, url in aliases.items() if name not in _NOT_TAKEN}
    return taken


def _aliases(members: JsonObject, root: str, mtls_root: str | None) -> JsonObject:
    """Where our endpoints ask for client certificates (RFC 8705 5), beside what the authorization
    server says of its own.
    """
    if mtls_root is None:
        return {}
    ours: JsonObject = {
        name: f"{mtls_root}{url.removeprefix(root)}"
        for name in _ENDPOINTS
        if isinstance(url := members.get(name), str) and url.startswith(f"{root}/")
    }
    theirs = members.get(_ALIASES)
    return {_ALIASES: (theirs if isinstance(theirs, dict) else {}) | ours}


def published(members: Mapping[str, JsonValue], issuer: str) -> Mapping[str, JsonValue]:
    """What discovery says: nothing that is empty (RFC 8414 3.2, OpenID Connect Discovery 4.2).

    Of the grants, those that the token endpoint beside them serves: clients of others register all
    the same, for the server that will be connected.
    """
    members = {name: value for name, value in members.items() if value not in (None, [], "", {})}
    grants = members.get("grant_types_supported")
    ours = members.get("token_endpoint") == f"{issuer.rstrip('/')}/token"
    if ours and isinstance(grants, list) and OWN_GRANT in grants:
        return {**members, "grant_types_supported": [OWN_GRANT]}
    return members


def _add_grants_of_profiles(members: dict[str, JsonValue]) -> None:
    profiles = members.get("authorization_grant_profiles_supported")
    grants = members.get("grant_types_supported")
    if isinstance(profiles, list) and isinstance(grants, list):
        named = [grant for profile, grant in _GRANT_OF_PROFILE.items() if profile in profiles]
        missing = [grant for grant in named if grant not in grants]
        members["grant_types_supported"] = [*grants, *missing]


def _add_sign_in(
    members: dict[str, JsonValue], there: str, issuer: str, settings: AuthorizationServerSettings
) -> None:
    """Where people are signed in: ``there``, unless they come by us, or there is nobody else."""
    if settings.front_door or not there:
        members[_SIGN_IN] = _front_door(issuer)
    if not there:  # it is ours that answers
        members["authorization_response_iss_parameter_supported"] = True


def _add_documents(members: dict[str, JsonValue]) -> None:
    """Clients look for both, and register in the old way where one is missing."""
    members[_DOCUMENTS] = True
    methods = members.get("token_endpoint_auth_methods_supported")
    if isinstance(methods, list) and "none" not in methods:
        members["token_endpoint_auth_methods_supported"] = [*methods, "none"]


def _add_token_service(
    members: dict[str, JsonValue], root: str, *, reads_certificates: bool
) -> None:
    """What the built-in endpoints do, whatever else is configured."""
    members["token_endpoint"] = f"{root}/token"
    members["jwks_uri"] = f"{root}/jwks"
    members["introspection_endpoint"] = f"{root}/introspect"
    members["revocation_endpoint"] = f"{root}/revoke"
    members.setdefault("dpop_signing_alg_values_supported", list[JsonValue](OWN_DPOP_ALGORITHMS))
    if reads_certificates:
        members.setdefault("tls_client_certificate_bound_access_tokens", True)
    methods = members.get("token_endpoint_auth_methods_supported")
    if isinstance(methods, list):
        members.setdefault("revocation_endpoint_auth_methods_supported", methods)
        confidential = [method for method in methods if method != "none"]
        members.setdefault("introspection_endpoint_auth_methods_supported", confidential)


def _complete_assertion_algorithms(members: dict[str, JsonValue]) -> None:
    for endpoint in _ASSERTING_ENDPOINTS:
        methods = members.get(f"{endpoint}_auth_methods_supported")
        name = f"{endpoint}_auth_signing_alg_values_supported"
        if not isinstance(methods, list) or members.get(name):
            continue
        needed = [
            algorithm
            for method, algorithms in _ASSERTION_ALGORITHMS.items()
            if method in methods
            for algorithm in algorithms
        ]
        if needed:
            members[name] = list[JsonValue](needed)
