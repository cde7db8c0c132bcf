"""Stores whose rows wrap a client's metadata: node-oidc-provider's adapters, Authlib's mixin.

node-oidc-provider hands its adapter an ``id`` and the metadata as ``payload``, which the published
adapters keep beside it in an object or as JSON text. Authlib keeps what is no column of its own in
``client_metadata``, a text.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.moving.record import Moved, seconds, text, without_empty
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads

_PAYLOADS = ("payload", "data")
_METADATA = ("client_metadata", "_client_metadata")
_COLUMNS = ("client_id", "client_secret", "client_id_issued_at", "client_secret_expires_at")
_CONFIDENTIAL_BY_DEFAULT = "client_secret_basic"


def recognises(given: JsonObject) -> bool:
    return _inside(given, _PAYLOADS) is not None or (
        "client_id" in given and _inside(given, _METADATA) is not None
    )


def move(given: JsonObject, _hashes: Mapping[str, JsonObject]) -> Moved:
    """A client of node-oidc-provider's or Authlib's store as a registration."""
    payload = _inside(given, _PAYLOADS)
    return _from_authlib(given) if payload is None else _from_adapter(given, payload)


def _from_adapter(given: JsonObject, payload: JsonObject) -> Moved:
    made = Moved(text(payload.get("client_id")), without_empty(payload))
    if made.client_id is None:
        kind = payload.get("kind") or given.get("type") or given.get("kind") or "row"
        made.refused = f"no client of node-oidc-provider but a {kind}"
    return made


def _from_authlib(given: JsonObject) -> Moved:
    made = Moved(text(given.get("client_id")))
    kept = without_empty(_inside(given, _METADATA) or {})
    kept |= without_empty({name: given.get(name) for name in _COLUMNS})
    if seconds(kept.get("client_id_issued_at")) is None:
        kept.pop("client_id_issued_at", None)  # 0 by default
    if kept.setdefault("token_endpoint_auth_method", _CONFIDENTIAL_BY_DEFAULT) == "none":
        kept.pop("client_secret", None)
    owner = given.get("user_id")
    if owner is not None:
        kept["owner"] = str(owner)
        made.map("user_id", "owner")
    made.registration = kept
    return made


def _inside(given: JsonObject, names: tuple[str, ...]) -> JsonObject | None:
    """The object in one of the members ``names``, written as such or as a text."""
    for name in names:
        value: JsonValue = given.get(name)
        if isinstance(value, str) and value.startswith("{"):
            try:
                value = loads(value.encode())
            except BadJson:
                continue
        if isinstance(value, dict):
            return value
    return None
