"""Ory Hydra: what ``GET /admin/clients`` lists, RFC 7591 members beside its own."""

from __future__ import annotations

from datetime import datetime

from dcrserver.moving.record import Moved, Told, without_empty
from dcrserver.strict_json import JsonObject, JsonValue

# Written into every client, and by nobody else.
_MARKS = frozenset({"skip_consent", "created_at", "authorization_code_grant_access_token_lifespan"})
_LIFESPAN = "lifetimes of tokens belong to the authorization server"
_DROPPED = {
    "allowed_cors_origins": "origins of scripts are a setting of the server, not of a client",
    "audience": "a client names the resource when it asks for a token (RFC 8707)",
    "owner": "an owner here is the credential that registered the client",
    "metadata": "free data has no member to be kept in",
    "skip_consent": "consent is asked by the authorization server",
    "skip_logout_consent": "consent is asked by the authorization server",
    "access_token_strategy": "the form of a token belongs to the authorization server",
    "updated_at": "it is written at each change",
} | {
    f"{grant}_{token}_token_lifespan": _LIFESPAN
    for grant in (
        "authorization_code_grant",
        "client_credentials_grant",
        "implicit_grant",
        "jwt_bearer_grant",
        "refresh_token_grant",
        "device_authorization_grant",
    )
    for token in ("access", "id", "refresh")
}
_QUIET = ("updated_at", "registration_client_uri", "registration_access_token")
_CODE_GRANTS = frozenset({"authorization_code", "implicit"})


def recognises(given: JsonObject) -> bool:
    return "client_id" in given and given.keys() >= _MARKS


def move(given: JsonObject, hashes: JsonObject | None) -> Moved:
    """``hashes``: the client's row of Hydra's table, as far as there is one."""
    client_id = given.get("client_id")
    made = Moved(client_id if isinstance(client_id, str) else None)
    kept = without_empty(given)
    for member in _QUIET:
        kept.pop(member, None)
    # Written by Hydra where nobody asked for it: the answer of UserInfo is not signed.
    if kept.get("userinfo_signed_response_alg") == "none":
        del kept["userinfo_signed_response_alg"]
    made.drop(kept, _DROPPED)
    issued_at = _seconds(kept.pop("created_at", None))
    if issued_at is not None:
        kept["client_id_issued_at"] = issued_at
        made.mapped.append(Told("created_at", "client_id_issued_at"))
    _grants(kept, made)
    _secret(kept, made, hashes)
    made.registration = kept
    return made


def _grants(kept: JsonObject, made: Moved) -> None:
    """Empty reads as the code flow (RFC 7591 2); elsewhere response types follow the grants."""
    if "grant_types" not in kept:
        kept["grant_types"] = ["authorization_code"]
        made.mapped.append(Told("grant_types", "none was set: authorization_code"))
    grants = kept["grant_types"]
    if isinstance(grants, list) and not any(grant in _CODE_GRANTS for grant in grants):
        if kept.pop("response_types", None):
            made.dropped.append(Told("response_types", "none of the grants has a redirect"))
        kept["response_types"] = []


def _secret(kept: JsonObject, made: Moved, hashes: JsonObject | None) -> None:
    if hashes is None or kept.get("token_endpoint_auth_method") in ("none", "private_key_jwt"):
        return
    secret = hashes.get("client_secret")
    if isinstance(secret, str) and secret:
        kept["client_secret_hash"] = secret
        kept.pop("client_secret", None)
        made.mapped.append(Told("client_secret", "the hash of it, which the secret still opens"))
    if hashes.get("rotated_secrets"):
        made.dropped.append(Told("rotated_secrets", "only the newest secret comes along"))


def _seconds(value: JsonValue) -> int | None:
    try:
        seconds = int(datetime.fromisoformat(str(value)).timestamp())
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None  # its zero is a day of the year 1
