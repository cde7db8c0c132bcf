"""Secrets as Keycloak is given them, and how the one before works on beside a new one."""

from __future__ import annotations

import time
from collections.abc import Mapping

from dcrserver.connectors.client import NewSecret
from dcrserver.connectors.keycloak.paths import attributes
from dcrserver.strict_json import JsonObject, JsonValue

EXPIRES_AT = "client.secret.expiration.time"
_ROTATED = "client.secret.rotated"
_ROTATED_AT = f"{_ROTATED}.creation.time"
_ROTATED_UNTIL = f"{_ROTATED}.expiration.time"
_NONE: JsonObject = {_ROTATED: "", _ROTATED_AT: "", _ROTATED_UNTIL: ""}


def first(secret: NewSecret) -> JsonObject:
    """Members and attributes of a client that is made."""
    return _given(secret)


def _given(secret: NewSecret) -> JsonObject:
    attributes_: JsonObject = {EXPIRES_AT: str(secret.expires_at)} if secret.expires_at else {}
    return {"secret": secret.value, "attributes": attributes_}


def next_one(secret: NewSecret, remote: Mapping[str, JsonValue]) -> JsonObject:
    """The same of one that is there. Without a rotation policy Keycloak drops these attributes, and
    the secret before ends; what was sent already, and the answer lost, stays as it is.
    """
    given = _given(secret)
    before = remote.get("secret")
    if before == secret.value:
        return given
    is_kept = isinstance(before, str) and before and secret.previous_until > time.time()
    rotated: JsonObject = {
        _ROTATED: before,
        _ROTATED_AT: str(int(time.time())),
        _ROTATED_UNTIL: str(secret.previous_until),
    }
    return given | {"attributes": attributes(given) | (rotated if is_kept else _NONE)}


def overlaps(remote: Mapping[str, JsonValue]) -> bool:
    """Whether the secret before is there beside the present one."""
    return bool(attributes(remote).get(_ROTATED))


def expiry(remote: Mapping[str, JsonValue]) -> int:
    """When Keycloak takes the secret no longer, seconds since 1970; 0: never."""
    found = str(attributes(remote).get(EXPIRES_AT) or "")
    return int(found) if found.isdecimal() else 0
