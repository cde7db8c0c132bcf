"""The catalogue: one row for each client metadata parameter that can be registered.

The validator, discovery, OpenAPI, the documentation and the generated tests read the same rows.
The order of the rows is the order in which issues are told; the first decides the error code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcrserver.metadata.catalogue import (
    extensions,
    openid,
    optional,
    registration,
    security,
    sessions,
)
from dcrserver.metadata.model import Parameter
from dcrserver.metadata.roles import Role


@dataclass(frozen=True, slots=True)
class Family:
    """Rows that come together. ``optional``: ignored unless the policy names it (POL-56)."""

    title: str
    rows: tuple[Parameter, ...]
    optional: bool = False


_FAMILIES: Mapping[str, Family] = {
    "registration": Family("OAuth 2.0 Dynamic Client Registration", registration.ROWS),
    "openid": Family("OpenID Connect Registration", openid.ROWS),
    "mutual_tls": Family("Mutual TLS", security.MUTUAL_TLS),
    "requests": Family("Protected requests and tokens", security.REQUESTS),
    "introspection": Family("Signed introspection answers", security.INTROSPECTION),
    "logout": Family("Logout", sessions.LOGOUT),
    "ciba": Family("Client-Initiated Backchannel Authentication", sessions.CIBA),
    "jarm": Family("JWT Secured Authorization Response Mode", sessions.JARM),
    "extensions": Family("Extensions of this server", extensions.ROWS),
    "federation": Family("OpenID Federation", optional.FEDERATION, optional=True),
    "uma": Family("User-Managed Access", optional.UMA, optional=True),
    "nfv": Family("Network Functions Virtualisation", optional.NFV, optional=True),
    "vp": Family("OpenID for Verifiable Presentations", optional.VP, optional=True),
    "siop": Family("Self-Issued OpenID Provider", optional.SIOP, optional=True),
}
_CHOICES = optional.choices_for(row for family in _FAMILIES.values() for row in family.rows)

FAMILIES: Mapping[str, Family] = {
    **_FAMILIES,
    "rp_metadata_choices": Family("RP Metadata Choices", _CHOICES, optional=True),
}

PARAMETERS: Mapping[str, Parameter] = {
    row.name: row for family in FAMILIES.values() for row in family.rows
}

# Members that only the server sets (RFC 7591 3.2.1, RFC 7592 3), with their meaning.
SERVER_ASSIGNED: Mapping[str, str] = {
    "client_id": "Client identifier; random unless an administrator chooses it",
    "client_secret": "Client secret; shown once, kept as a digest; chosen by administrators alone",
    "client_id_issued_at": "When the client_id was issued, seconds since 1970",
    "client_secret_expires_at": "When the client_secret expires, seconds since 1970; 0 = never",
    "registration_access_token": "Bearer token for registration_client_uri",
    "registration_client_uri": "Where the registration can be read, updated and deleted",
}

# Members that a registration has once a trusted issuer's statement was verified, and that nothing
# else brings into it, with their meaning (RFC 7591 2.3, 3.2.1).
VERIFIED: Mapping[str, str] = {
    "software_statement": "Software statement: a JWT whose claims count before what is sent beside"
    " them; told as it was sent (policy.statements_mode)",
    "software_statement_issuer": "Who vouches for the software: the verified issuer of the"
    " statement; set by this server",
}

# Names in use that are known and ignored like any unknown member (RFC 7591 2), with the reason.
IGNORED: Mapping[str, str] = {
    "vp_formats": "drafts of OpenID for Verifiable Presentations; now vp_formats_supported",
    "tls_client_auth_dn": "UK Open Banking before 3.2; now tls_client_auth_subject_dn",
}


def members(*roles: Role) -> tuple[str, ...]:
    """The names of the members that have one of ``roles``, in the order of the catalogue."""
    return tuple(row.name for row in PARAMETERS.values() if row.role in roles)


def understood(optional_families: frozenset[str]) -> dict[str, Parameter]:
    """The rows in force: all but those of optional families that are not named."""
    return {
        row.name: row
        for name, family in FAMILIES.items()
        if not family.optional or name in optional_families
        for row in family.rows
    }
