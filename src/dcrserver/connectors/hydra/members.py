"""What Hydra has of a client: a row for each member that goes under a name of its own there.

All others are kept in its ``metadata``, which its login and consent application is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from dcrserver.connectors.client import Carriage, Fate
from dcrserver.metadata import PARAMETERS
from dcrserver.strict_json import JsonObject, JsonValue

_Turn: TypeAlias = Callable[[JsonValue], JsonValue]

# What Hydra's library keeps of a key; all else of it goes.
_OF_KEYS = frozenset(
    {"kty", "use", "kid", "alg", "crv", "x", "y", "n", "e", "x5c", "x5u", "x5t", "x5t#S256"}
)
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def _same(value: JsonValue) -> JsonValue:
    return value


class Row(NamedTuple):
    """A member, the names that it has at Hydra, and its value there and back."""

    member: str
    names: tuple[str, ...]
    carriage: Carriage
    there: _Turn = _same
    back: _Turn = _same


def public_keys(value: JsonValue) -> JsonValue:
    """A set of keys as Hydra gives it back; None without a key."""
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not keys:
        return None
    kept: list[JsonValue] = [
        {name: each[name] for name in each if name in _OF_KEYS}
        for each in keys
        if isinstance(each, dict)
    ]
    return {"keys": kept}


def signed(value: JsonValue) -> JsonValue:
    """Where no algorithm is named, Hydra says so."""
    return None if value == "none" else value


def lifespan(value: JsonValue) -> JsonValue:
    return f"{value}s"


def seconds(value: JsonValue) -> JsonValue:
    """``1h30m`` as a number; None where it is none."""
    if not isinstance(value, str) or not value or _PART.sub("", value):
        return None
    total = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(value))
    return round(total)


_SHOWN = "told to the login and consent application"
# Under the same name, and with the same value.
_CARRIED = {
    "redirect_uris": "compared byte by byte; the port of 127.0.0.1 and [::1] is free",
    "token_endpoint_auth_method": "client_secret_basic, client_secret_post, private_key_jwt, none",
    "token_endpoint_auth_signing_alg": "RS, PS, ES; where none is given, that of the keys",
    "grant_types": "those that Hydra has",
    "response_types": "",
    "client_name": _SHOWN,
    "client_uri": _SHOWN,
    "logo_uri": _SHOWN,
    "tos_uri": _SHOWN,
    "policy_uri": _SHOWN,
    "contacts": _SHOWN,
    "scope": "without *; none: what Hydra gives by default",
    "jwks_uri": "",
    "subject_type": "if Hydra is set to have it",
    "sector_identifier_uri": "read by Hydra at once",
    "request_object_signing_alg": "none, RS, PS, ES",
    "request_uris": "",
    "post_logout_redirect_uris": "each with scheme, host and port of a redirect URI",
    "frontchannel_logout_uri": "",
    "frontchannel_logout_session_required": "",
    "backchannel_logout_uri": "",
    "backchannel_logout_session_required": "",
    "audience": "what the client may ask for as audience",
    "skip_consent": "told to the consent application, which may heed it",
}
_OF_PEOPLE = ("authorization_code", "refresh_token", "device_authorization")
# Which of Hydra's lifespans each of our lifetimes is.
_LIFETIMES: Mapping[str, tuple[str, ...]] = {
    "client_credentials_access_token_lifetime": ("client_credentials_grant_access_token",),
    "authorization_code_access_token_lifetime": tuple(
        f"{grant}_grant_access_token" for grant in (*_OF_PEOPLE, "implicit")
    ),
    "id_token_lifetime": tuple(f"{grant}_grant_id_token" for grant in (*_OF_PEOPLE, "implicit")),
    "refresh_token_lifetime": tuple(f"{grant}_grant_refresh_token" for grant in _OF_PEOPLE),
}


def _lifetime(member: str, names: tuple[str, ...]) -> Row:
    names = tuple(f"{name}_lifespan" for name in names)
    return Row(member, names, Carriage(Fate.MAPPED, ", ".join(names)), lifespan, seconds)


ROWS: tuple[Row, ...] = (
    *(Row(name, (name,), Carriage(Fate.CARRIED, words)) for name, words in _CARRIED.items()),
    Row(
        "jwks", ("jwks",),
        Carriage(Fate.CARRIED, "RSA, EC, Ed25519; members of keys that Hydra knows"),
        public_keys, public_keys,
    ),
    Row(
        "userinfo_signed_response_alg", ("userinfo_signed_response_alg",),
        Carriage(Fate.CARRIED, "none or RS256"), back=signed,
    ),
    Row(
        "access_token_format", ("access_token_strategy",),
        Carriage(Fate.MAPPED, "access_token_strategy"),
    ),
    *(_lifetime(member, names) for member, names in _LIFETIMES.items()),
)  # fmt: skip
OF_MEMBER: Mapping[str, Row] = {row.member: row for row in ROWS}

# What a PUT clears where it is not named, and what nothing here sets.
THEIRS = ("allowed_cors_origins", "skip_logout_consent", "jwt_bearer_grant_access_token_lifespan")
# What Hydra fills in as it is configured, where a client has none.
FILLED_IN = ("scope", "subject_type")

# What Hydra would take, and never do: a client is told so before. None: nothing but the default.
_SIGNED_BY = frozenset({"RS256", "ES256", "ES384", "ES512", "EdDSA"})
UNKEPT: Mapping[str, frozenset[str] | None] = {
    "id_token_signed_response_alg": _SIGNED_BY,
    "id_token_encrypted_response_alg": None,
    "id_token_encrypted_response_enc": None,
    "userinfo_encrypted_response_alg": None,
    "userinfo_encrypted_response_enc": None,
    "request_object_encryption_alg": None,
    "request_object_encryption_enc": None,
    "authorization_signed_response_alg": None,
    "authorization_encrypted_response_alg": None,
    "authorization_encrypted_response_enc": None,
    "introspection_signed_response_alg": None,
    "introspection_encrypted_response_alg": None,
    "introspection_encrypted_response_enc": None,
    "require_signed_request_object": None,
    "require_pushed_authorization_requests": None,
    "dpop_bound_access_tokens": None,
    "tls_client_certificate_bound_access_tokens": None,
}
_KEPT_ASIDE = Carriage(Fate.STORED, "in metadata.members")
_REFUSED = Carriage(Fate.STORED, "in metadata.members; what Hydra would not do is refused")


def carriage() -> Mapping[str, Carriage]:
    """What becomes of each member of the catalogue."""
    others = {name: _REFUSED if name in UNKEPT else _KEPT_ASIDE for name in PARAMETERS}
    return others | {row.member: row.carriage for row in ROWS}


def aside(members: JsonObject) -> JsonObject:
    """Those of ``members`` that Hydra has no name for."""
    return {name: value for name, value in members.items() if name not in OF_MEMBER}
