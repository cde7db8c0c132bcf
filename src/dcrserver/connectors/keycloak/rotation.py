"""Secrets as Keycloak is given them, and how the one before works on beside a new one."""

from __future__ import annotations

import time
from collections.abc import Mapping

from dcrserver.connectors.client import NewSecret
from dcrserver.connectors.failures import TargetRefused
from dcrserver.connectors.keycloak.paths import attributes
from dcrserver.strict_json import JsonObject, JsonValue

_EXPIRES_AT = "client.secret.expiration.time"
_LONGEST = 255
_NEVER = 4102444800  # the year 2100
_ROTATED = "client.secret.rotated"
_ROTATED_AT = f"{_ROTATED}.creation.time"
_ROTATED_UNTIL = f"{_ROTATED}.expiration.time"
_NONE: JsonObject = {_ROTATED: "", _ROTATED_AT: "", _ROTATED_UNTIL: ""}


def first(secret: NewSecret) -> JsonObject:
    """Members and attributes of a client that is made. Its end is named, as the policy's own would
    come without anybody here knowing.

    Raises:
        TargetRefused: Keycloak would answer 500 to it.
    """
    if len(secret.value) > _LONGEST:
        told = f"client_secret must not be longer than {_LONGEST} characters"
        raise TargetRefused("a secret is too long for Keycloak", told)
    ends_at = str(secret.expires_at or _NEVER)
    return {"secret": secret.value, "attributes": {_EXPIRES_AT: ends_at}}


def next_one(secret: NewSecret, remote: Mapping[str, JsonValue]) -> JsonObject:
    """The same of one that is there. Without a rotation policy Keycloak drops these attributes, and
    the secret before ends; what was sent already, and the answer lost, stays as it is.
    """
    given = first(secret)
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


def is_under_a_policy(remote: Mapping[str, JsonValue]) -> bool:
    """Whether secrets of the realm rotate: of a client that was changed the end would be gone."""
    return bool(attributes(remote).get(_EXPIRES_AT))
