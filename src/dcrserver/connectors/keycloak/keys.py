"""JWK Sets as Keycloak finds keys in them: each says its use, those for encryption their alg."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.metadata.jwks import keys_for
from dcrserver.strict_json import JsonObject, JsonValue, dumps

# By which a client says that its keys are for encryption, too.
_ENCRYPTED = (
    "id_token_encrypted_response_alg",
    "userinfo_encrypted_response_alg",
    "authorization_encrypted_response_alg",
)


def jwks_text(metadata: JsonObject) -> str:
    """The set as it is sent; empty without one."""
    if "jwks" not in metadata:
        return ""
    sent: list[JsonValue] = [with_use(key, metadata) or key for key in _keys(metadata)]
    return dumps({"keys": sent})


def unclear(metadata: JsonObject) -> bool:
    """Whether it holds a key of which nobody can tell what it is for."""
    return any(with_use(key, metadata) is None for key in _keys(metadata))


def with_use(key: JsonObject, metadata: JsonObject) -> JsonObject | None:
    """``key`` with the use, and for encryption the alg, that it has; None where that is unclear.

    What is registered stays as it was sent: this is what Keycloak is told.
    """
    algorithms = {str(metadata[name]) for name in _ENCRYPTED if name in metadata}
    fits_signing = bool(keys_for({"keys": [key]}, "sig"))
    fitting = {each for each in algorithms if keys_for({"keys": [key]}, "enc", each)}
    if key.get("use") == "sig" or (fits_signing and (not fitting or _says_it_signs(key))):
        return key | {"use": "sig"}
    if len(fitting) == 1 and (not fits_signing or key.get("use") == "enc"):
        return key | {"use": "enc", "alg": fitting.pop()}
    # For others, or for what is not registered: nothing is ever looked for in it.
    is_used = fits_signing or bool(fitting)
    return None if is_used else key


def _says_it_signs(key: JsonObject) -> bool:
    operations = key.get("key_ops")
    says = isinstance(operations, list) and "verify" in operations
    return says or bool("alg" in key and keys_for({"keys": [key]}, "sig", str(key["alg"])))


def _keys(metadata: JsonObject) -> Iterator[JsonObject]:
    jwks = metadata.get("jwks")
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    for key in keys if isinstance(keys, list) else []:
        if isinstance(key, dict):
            yield key
