"""What the authorization server supports, by the names of its metadata (RFC 8414 2).

The same mapping bounds what may be registered and is published by discovery, so that what is
advertised is what is accepted (OIDD-7-01).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dcrserver.policies import Policy
from dcrserver.policies.presets import PRESETS
from dcrserver.strict_json import JsonValue

# What the defaults of RFC 8414 2 and OpenID Connect Discovery 3 say about a server that is silent.
# Made explicit, because some of them (the implicit grant, request_uri) surprise (OIDD-3-06).
SPECIFIED_DEFAULTS: Mapping[str, JsonValue] = {
    "grant_types_supported": ["authorization_code", "implicit"],
    "response_modes_supported": ["query", "fragment"],
    "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    "claims_parameter_supported": False,
    "request_parameter_supported": False,
    "request_uri_parameter_supported": True,
    "require_request_uri_registration": False,
}

# What the built-in token endpoint serves (RFC 6749 4.4), and reads in DPoP proofs (RFC 9449).
OWN_GRANT = "client_credentials"
OWN_DPOP_ALGORITHMS = ("ES256", "EdDSA", "Ed25519", "PS256", "RS256", "ES384", "ES512")

# A server of which nothing is known yet: the built-in token endpoint, and an authorization
# endpoint that waits for one (OpenID Connect Discovery 3 demands RS256 and a subject type).
UNCONFIGURED: Mapping[str, JsonValue] = {
    "scopes_supported": ["openid", "profile", "email", "offline_access"],
    "response_types_supported": ["code"],
    "response_modes_supported": ["query"],
    "grant_types_supported": [
        "authorization_code",
        OWN_GRANT,
        "refresh_token",
    ],
    "token_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "none",
        "private_key_jwt",
    ],
    "code_challenge_methods_supported": ["S256"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "claims_parameter_supported": False,
    "request_parameter_supported": False,
    "request_uri_parameter_supported": False,
    "require_request_uri_registration": False,
}

# Response types that return a token from the authorization endpoint need the implicit grant.
_Test: TypeAlias = Callable[[str], bool]
_IMPLICIT_WORDS = frozenset({"token", "id_token"})


@dataclass(frozen=True, slots=True)
class ServerCapabilities:
    """Lists by metadata name, and which names say yes; a list that is missing sets no bound."""

    lists: Mapping[str, tuple[str, ...]]
    offered: frozenset[str] = frozenset()

    def supported(self, name: str) -> tuple[str, ...] | None:
        """The values of ``name`` in the server's order of preference."""
        return self.lists.get(name)

    def offers_one_of(self, names: Iterable[str]) -> bool:
        """Whether the metadata says yes to one of ``names``: true, a URL, a list with elements."""
        return not self.offered.isdisjoint(names)


def presumed(policy: Policy) -> dict[str, JsonValue]:
    """What a server supports of which nothing is known, by the preset."""
    members = {**UNCONFIGURED, **PRESETS[policy.preset].server}
    return {name: value for name, value in members.items() if value is not None}


def restrict(members: Mapping[str, JsonValue], policy: Policy) -> dict[str, JsonValue]:
    """The server's metadata less what the policy and its preset switch off (POL-30, POL-35)."""
    off = {
        name
        for name, allowed in (
            ("implicit", policy.grants.implicit),
            ("password", policy.grants.password),
        )
        if not allowed
    }
    preset = PRESETS[policy.preset]
    bounds = {name: list[JsonValue](left) for name, left in preset.limits.items()}
    made = {**bounds, **members, **preset.forced}
    for name, left in (*preset.limits.items(), *preset.cuts.items()):
        _without(made, name, _outside(left))
    _without(made, "grant_types_supported", lambda grant: grant in off)
    if "implicit" in off:
        _without(
            made,
            "response_types_supported",
            lambda response_type: _needs_implicit(response_type, policy),
        )
    if not policy.id_token.allow_none:
        _without(made, "id_token_signing_alg_values_supported", lambda name: name == "none")
    return made


def _needs_implicit(response_type: str, policy: Policy) -> bool:
    words = response_type.split()
    hybrid = "code" in words and not policy.grants.hybrid_needs_implicit
    return bool(_IMPLICIT_WORDS.intersection(words)) and not hybrid


def capabilities_of(members: Mapping[str, JsonValue]) -> ServerCapabilities:
    """The lists of text in a server's metadata, and what it says yes to."""
    return ServerCapabilities(
        {
            name: tuple(item for item in value if isinstance(item, str))
            for name, value in members.items()
            if isinstance(value, list)
        },
        frozenset(name for name, value in members.items() if value),
    )


def _outside(left: Sequence[str]) -> _Test:
    return lambda value: value not in left


def _without(members: dict[str, JsonValue], name: str, unwanted: _Test) -> None:
    values = members.get(name)
    if isinstance(values, list):
        members[name] = [
            value for value in values if not (isinstance(value, str) and unwanted(value))
        ]
