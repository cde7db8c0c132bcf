"""What Keycloak would store and then choke on, or take for something else: told before."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from urllib.parse import urlsplit

from dcrserver.connectors.client import Objection, Verdict, WantedClient
from dcrserver.connectors.keycloak import keys, values
from dcrserver.connectors.keycloak.mapping import lost
from dcrserver.connectors.keycloak.rows import CARRIAGE, STORED
from dcrserver.connectors.keycloak.scopes import OFFLINE
from dcrserver.strict_json import JsonObject, JsonValue

_LONGEST = 255
_GRANT = "urn:ietf:params:oauth:grant-type:"
_GRANTS = frozenset({
    "authorization_code", "implicit", "refresh_token", "client_credentials", "password",
    "urn:openid:params:grant-type:ciba", f"{_GRANT}device_code", f"{_GRANT}token-exchange",
    f"{_GRANT}jwt-bearer",
})  # fmt: skip
_METHODS = ("none", "client_secret_basic", "client_secret_post", *values.AUTHENTICATORS)
_SIGNATURES = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
_MACS = ("HS256", "HS384", "HS512")
_KEY_ENCRYPTION = (
    "RSA-OAEP",
    "RSA-OAEP-256",
    "ECDH-ES",
    "ECDH-ES+A128KW",
    "ECDH-ES+A192KW",
    "ECDH-ES+A256KW",
)
# Any other value is stored, and the token endpoint answers 500 ever after; HS256 and the like are
# not signed by the client's secret.
_ALGORITHMS: Mapping[str, Collection[str]] = {
    "id_token_signed_response_alg": _SIGNATURES,
    "userinfo_signed_response_alg": _SIGNATURES,
    "authorization_signed_response_alg": _SIGNATURES,
    "token_endpoint_auth_signing_alg": (*_SIGNATURES, *_MACS),
    "request_object_signing_alg": (*_SIGNATURES, *_MACS, "none"),
    "backchannel_authentication_request_signing_alg": _SIGNATURES,
    "id_token_encrypted_response_alg": _KEY_ENCRYPTION,
    "userinfo_encrypted_response_alg": _KEY_ENCRYPTION,
    "authorization_encrypted_response_alg": _KEY_ENCRYPTION,
    "request_object_encryption_alg": _KEY_ENCRYPTION,
}
_SHORT = ("client_name", "application_display_name", "client_uri")
_LISTED = ("redirect_uris", "post_logout_redirect_uris", "request_uris", "default_acr_values")
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")
_UNFIT = re.compile(r"[\x00-\x20{}#]")
_PORT = re.compile(r":[0-9]*\Z")
_SCRIPTS = ("javascript:", "data:", "vbscript:", "file:")
_KEYS_CANNOT_SAY = "must say the use of each key (sig or enc), and the alg of those for encryption"


def judge(client: WantedClient) -> Verdict:
    """Objections, what is left out, and what Keycloak will not do."""
    found = [each for rule in _RULES for each in rule(client)]
    dropped = lost(client.metadata)
    warnings = (Objection(name, f"{name}: {CARRIAGE[name].words}") for name in dropped)
    return Verdict(tuple(found), _corrections(client.metadata), tuple(warnings))


def _corrections(metadata: JsonObject) -> dict[str, JsonValue]:
    """With that scope and without refresh tokens, UserInfo would answer 401."""
    scopes = str(metadata.get("scope") or "").split()
    refreshes = "refresh_token" in values.texts(metadata, "grant_types")
    if refreshes or OFFLINE not in scopes:
        return {}
    return {"scope": " ".join(each for each in scopes if each != OFFLINE) or None}


def _identifier(client: WantedClient) -> Iterator[Objection]:
    if len(client.client_id) > _LONGEST:
        yield _objection("client_id", f"must not be longer than {_LONGEST} characters")
    if _ESCAPED.search(client.client_id):
        yield _objection("client_id", "must not hold percent-encoded octets")


def _texts(client: WantedClient) -> Iterator[Objection]:
    for name, value in client.metadata.items():
        if isinstance(value, str) and name in _SHORT and len(value) > _LONGEST:
            yield _objection(name, f"must not be longer than {_LONGEST} characters")
        if isinstance(value, str) and name in _SHORT and "${" in value:
            yield _objection(name, "must not hold ${, which stands for other text")
        if len(f"{STORED}{name}") > _LONGEST:
            yield _objection(name, "has too long a name")
        if isinstance(value, str) and "\x00" in value:
            yield _objection(name, "must not hold a null character")


def _lists(client: WantedClient) -> Iterator[Objection]:
    for name in _LISTED:
        for each in values.texts(client.metadata, name):
            if name == "redirect_uris" and len(each) > _LONGEST:
                yield _objection(name, f"must not hold one of more than {_LONGEST} characters")
            elif name != "redirect_uris" and values.SEPARATOR in each:
                yield _objection(name, "must not hold ##")


def _redirects(client: WantedClient) -> Iterator[Objection]:
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        for each in values.texts(client.metadata, name):
            if "*" in each:
                yield _objection(name, "must not hold *, which would stand for anything")
            elif _UNFIT.search(each) or each.lower().startswith(_SCRIPTS) or ":" not in each:
                yield _objection(name, "must hold whole URIs without fragment, spaces and braces")


def _choices(client: WantedClient) -> Iterator[Objection]:
    metadata = client.metadata
    for name, known in _ALGORITHMS.items():
        if name in metadata and metadata[name] not in known:
            yield _objection(name, f"must be one of {', '.join(known)}")
    if unknown := set(values.texts(metadata, "grant_types")) - _GRANTS:
        yield _objection("grant_types", f"must not hold {min(unknown)}")
    if values.method(metadata) not in _METHODS:
        yield _objection("token_endpoint_auth_method", f"must be one of {', '.join(_METHODS)}")


def _certificates(client: WantedClient) -> Iterator[Objection]:
    if values.method(client.metadata) != "tls_client_auth":
        return
    if "tls_client_auth_subject_dn" not in client.metadata:
        yield _objection("tls_client_auth_subject_dn", "is needed for tls_client_auth")


def _keys(client: WantedClient) -> Iterator[Objection]:
    if keys.unclear(client.metadata):
        yield _objection("jwks", _KEYS_CANNOT_SAY)


def _requests(client: WantedClient) -> Iterator[Objection]:
    """Without an algorithm, a request object that nobody signed would do."""
    required = client.metadata.get("require_signed_request_object") is True
    if required and client.metadata.get("request_object_signing_alg") in {None, "none"}:
        yield _objection(
            "request_object_signing_alg", "is needed with require_signed_request_object"
        )


def _subjects(client: WantedClient) -> Iterator[Objection]:
    """Hosts as they are written: Keycloak takes those in other letters for others. With none, as of
    schemes of their own, it takes the client, and its token endpoint answers 500.
    """
    metadata = client.metadata
    if metadata.get("subject_type") != "pairwise" or "sector_identifier_uri" in metadata:
        return
    uris = values.texts(metadata, "redirect_uris")
    hosts = {_PORT.sub("", urlsplit(each).netloc) for each in uris}
    if len(hosts) != 1 or "" in hosts:
        yield _objection("sector_identifier_uri", "is needed unless one host has all redirect_uris")


def _ciba(client: WantedClient) -> Iterator[Objection]:
    mode = client.metadata.get("backchannel_token_delivery_mode")
    if mode == "push":
        yield _objection("backchannel_token_delivery_mode", "must be poll or ping")
    if mode == "ping" and "backchannel_client_notification_endpoint" not in client.metadata:
        yield _objection("backchannel_client_notification_endpoint", "is needed for ping")


def _objection(member: str, text: str) -> Objection:
    return Objection(member, f"{member} {text} (of the authorization server)")


_RULES: tuple[Callable[[WantedClient], Iterator[Objection]], ...] = (
    _identifier, _texts, _lists, _redirects, _choices, _certificates, _keys, _requests, _subjects,
    _ciba,
)  # fmt: skip
