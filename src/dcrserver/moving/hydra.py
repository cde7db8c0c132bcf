"""Ory Hydra: what ``GET /admin/clients`` lists, RFC 7591 members beside its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from dcrserver.moving.extensions import keep, keep_lifetime
from dcrserver.moving.record import Moved, text, texts, without_empty
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads

# Written into every client beside these, by some version or other, and by nobody else.
_MARKS = frozenset({"skip_consent", "allowed_cors_origins", "access_token_strategy"})
_LIFESPAN = "a grant of its own has no lifetime here"
_DROPPED = {
    "allowed_cors_origins": "origins of scripts are a setting of the server, not of a client",
    "metadata": "free data has no member to be kept in",
    "skip_logout_consent": "consent is asked by the authorization server",
}
_LIFETIMES = {
    "client_credentials_grant_access_token_lifespan": "client_credentials_access_token_lifetime",
    "authorization_code_grant_access_token_lifespan": "authorization_code_access_token_lifetime",
    "authorization_code_grant_id_token_lifespan": "id_token_lifetime",
    "authorization_code_grant_refresh_token_lifespan": "refresh_token_lifetime",
}
_OTHER_LIFETIME = re.compile(r"\w+_(?:access|id|refresh)_token_lifespan")
_FORMATS = frozenset({"jwt", "opaque"})
_QUIET = ("updated_at", "registration_client_uri", "registration_access_token")
_CODE_GRANTS = frozenset({"authorization_code", "implicit"})
_WITHOUT_SECRET = frozenset({"none", "private_key_jwt"})
_FAR_SCOPES = "a wildcard, which gave every scope that fits; here scopes are compared as they are"


def recognises(given: JsonObject) -> bool:
    return "client_id" in given and "created_at" in given and not _MARKS.isdisjoint(given)


def move(given: JsonObject, hashes: Mapping[str, JsonObject]) -> Moved:
    """A client of Hydra's as a registration of ours; ``hashes``: rows of Hydra's table."""
    made = Moved(text(given.get("client_id")))
    kept = without_empty(given)
    for member in _QUIET:
        kept.pop(member, None)
    # Written by Hydra where nobody asked for it: the answer of UserInfo is not signed.
    if kept.get("userinfo_signed_response_alg") == "none":
        del kept["userinfo_signed_response_alg"]
    made.drop_all(kept, _DROPPED)
    _extensions(kept, made)
    if "owner" in kept:
        made.map("owner", "told by client show; it means nothing to the server")
    issued_at = _moment(kept.pop("created_at", None))
    if issued_at is not None:
        kept["client_id_issued_at"] = issued_at
        made.map("created_at", "client_id_issued_at")
    _grants(kept, made)
    _scopes(kept, made)
    if text(kept.get("token_endpoint_auth_method")) not in _WITHOUT_SECRET:
        _secrets(kept, made, hashes.get(made.client_id or ""))
    made.registration = kept
    return made


def _extensions(kept: JsonObject, made: Moved) -> None:
    """What Hydra's administrators decide about a client, and its owner here too."""
    if kept.pop("skip_consent", None) is True:
        keep(kept, made, "skip_consent", "skip_consent", value=True)
    if (strategy := kept.pop("access_token_strategy", None)) in _FORMATS:
        keep(kept, made, "access_token_strategy", "access_token_format", strategy)
    if texts(audience := kept.pop("audience", None)):
        keep(kept, made, "audience", "audience", audience)
    for its in [name for name in kept if _OTHER_LIFETIME.fullmatch(name)]:
        value = kept.pop(its)
        if its in _LIFETIMES:
            keep_lifetime(kept, made, its, (_LIFETIMES[its],), value)
        else:
            made.drop(its, _LIFESPAN)


def _grants(kept: JsonObject, made: Moved) -> None:
    """Empty reads as the code flow (RFC 7591 2); elsewhere response types follow the grants."""
    if "grant_types" not in kept:
        kept["grant_types"] = ["authorization_code"]
        made.map("grant_types", "none was set: authorization_code")
    if _CODE_GRANTS.isdisjoint(texts(kept["grant_types"])):
        if kept.pop("response_types", None):
            made.drop("response_types", "none of the grants has a redirect")
        kept["response_types"] = []


def _scopes(kept: JsonObject, made: Moved) -> None:
    names = str(kept.get("scope", "")).split()
    left = [name for name in names if "*" not in name]
    if len(left) < len(names):
        made.drop("scope", _FAR_SCOPES)
        kept["scope"] = " ".join(left)


def _secrets(kept: JsonObject, made: Moved, row: JsonObject | None) -> None:
    """The latest five secrets before the newest work on in Hydra until somebody ends them."""
    if text(kept.get("client_secret")) is not None:
        return  # as the answer that made it told
    hashed = text(row.get("client_secret")) if row is not None else None
    if row is None or hashed is None:
        made.refused = "its secret is not in Hydra's list: give the rows of its table by --hashes"
        return
    before = _listed(row.get("rotated_secrets"))
    kept["client_secrets"] = [{"hash": each} for each in (hashed, *before)]
    made.map("client_secret", "its hash, which the secret that the client has still opens")
    if before:
        made.map("rotated_secrets", "they work on beside the newest until they are ended")
    if row.get("registration_access_token_signature"):
        made.drop(
            "registration_access_token",
            "Hydra keeps no more than its signature: client new-token makes another",
        )


def _listed(value: JsonValue) -> list[str]:
    """A column of JSON is a text in some programs' output."""
    if isinstance(value, str):
        try:
            return texts(loads(value.encode()))
        except BadJson:
            return []
    return texts(value)


def _moment(value: JsonValue) -> int | None:
    try:
        moment = int(datetime.fromisoformat(str(value)).timestamp())
    except (ValueError, OverflowError):
        return None
    return moment if moment > 0 else None  # its zero is a day of the year 1
