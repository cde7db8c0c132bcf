"""Names that Asgardeo gives to members of a registration, each beside ours.

One row a name: what is sent by it is read as ours, and ours is told by it. Every other member has
the same name there and here, and passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from dcrserver.errors import InvalidClientMetadata, RegistrationError
from dcrserver.strict_json import JsonObject, JsonValue

_Conversion: TypeAlias = Callable[[JsonValue], JsonValue]

_TOKEN_TYPES: Mapping[str, str] = {"JWT": "jwt", "Default": "opaque"}
_THEIR_TOKEN_TYPES = {ours: theirs for theirs, ours in _TOKEN_TYPES.items()}
# What they demand beside private_key_jwt, and forbid beside other methods. Here an assertion is
# good once whatever is asked for, and the answer says so.
REUSE = "token_endpoint_allow_reuse_pvt_key_jwt"
# Members of the answer that an update may send back: the server alone sets them.
_ANSWERED = frozenset(
    {
        "registration_access_token",
        "registration_client_uri",
        "client_id_issued_at",
        "client_secret_expires_at",
    }
)
# What other paths offer to administrators and this interface does not know.
_NOT_HERE = frozenset({"policy", REUSE})


def _same(value: JsonValue) -> JsonValue:
    return value


def _lifetime(value: JsonValue) -> JsonValue:
    """0 is as long as is configured for all; false is no number."""
    return None if value == 0 and not isinstance(value, bool) else value


def _token_format(value: JsonValue) -> JsonValue:
    """
    Raises:
        InvalidClientMetadata: neither of the two words.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str) or value not in _TOKEN_TYPES:
        raise InvalidClientMetadata("ext_token_type must be JWT or Default")
    return _TOKEN_TYPES[value]


def _token_type(value: JsonValue) -> JsonValue:
    return _THEIR_TOKEN_TYPES.get(str(value), value)


class Member(NamedTuple):
    """``read`` makes ours of what was sent, ``tell`` theirs of ours; None: it is never told."""

    theirs: str
    ours: str
    read: _Conversion = _same
    tell: _Conversion | None = _same


MEMBERS: tuple[Member, ...] = (
    Member("ext_param_client_id", "client_id", tell=None),
    Member("ext_param_client_secret", "client_secret", tell=None),
    Member("ext_param_client_secret_expires_at", "client_secret_expires_at", tell=None),
    Member("ext_param_sp_template", "template", tell=None),
    Member("is_management_app", "management_application"),
    Member("ext_application_display_name", "application_display_name"),
    Member("ext_application_owner", "owner"),
    Member("ext_application_version", "application_version"),
    Member("ext_application_token_lifetime", "client_credentials_access_token_lifetime", _lifetime),
    Member("ext_user_token_lifetime", "authorization_code_access_token_lifetime", _lifetime),
    Member("ext_refresh_token_lifetime", "refresh_token_lifetime", _lifetime),
    Member("ext_id_token_lifetime", "id_token_lifetime", _lifetime),
    Member("ext_pkce_mandatory", "require_pkce"),
    Member("ext_pkce_support_plain", "allow_plain_pkce"),
    Member("ext_public_client", "public_client"),
    Member("ext_token_type", "access_token_format", _token_format, _token_type),
    Member("token_type_extension", "access_token_format", _token_format, tell=None),
    Member("ext_allowed_audience", "role_audience"),
    Member("url", "client_uri", tell=None),
)
_BY_THEIRS = {member.theirs: member for member in MEMBERS}
_TOLD = {member.ours: member for member in MEMBERS if member.tell is not None}


def read(sent: JsonObject) -> JsonObject:
    """What was ``sent`` for a new client, in our names.

    Raises:
        InvalidClientMetadata: a value has no meaning, or one member is sent by two names that do
            not say the same.
    """
    made: JsonObject = {}
    names: dict[str, str] = {}
    for name, value in sent.items():
        if name in _NOT_HERE:
            continue
        member = _BY_THEIRS.get(name)
        ours = member.ours if member else name
        meant = member.read(value) if member else value
        if ours in made and made[ours] != meant:
            raise InvalidClientMetadata(f"{name} and {names[ours]} must say the same")
        made[ours], names[ours] = meant, name
    return made


def read_update(client_id: str, sent: JsonObject) -> JsonObject:
    """What was ``sent`` to replace a registration: what an answer told may be sent back."""
    theirs = {name: value for name, value in sent.items() if name not in _ANSWERED}
    made = read({name: value for name, value in theirs.items() if name not in _OF_BIRTH})
    return {"client_id": client_id} | made


_OF_BIRTH = frozenset({member.theirs for member in MEMBERS[:3]})


def told(ours: JsonObject) -> JsonObject:
    """The client information response ``ours`` in their names."""
    made: JsonObject = {}
    for name, value in ours.items():
        member = _TOLD.get(name)
        if member is None or member.tell is None:
            made[name] = value
        else:
            made[member.theirs] = member.tell(value)
    method = ours.get("token_endpoint_auth_method")
    made["ext_public_client"] = method == "none"
    if method == "private_key_jwt":
        made[REUSE] = False
    return made


def in_their_names(error: RegistrationError, sent: JsonObject) -> RegistrationError:
    """``error`` about members by the names by which they were ``sent``."""
    used = {_BY_THEIRS[name].ours: name for name in sent if name in _BY_THEIRS}
    used = {ours: name for ours, name in used.items() if ours not in sent}
    if used:
        pattern = re.compile(rf"\b({'|'.join(map(re.escape, used))})\b")
        error.description = pattern.sub(lambda found: used[found[1]], error.description)
    return error
