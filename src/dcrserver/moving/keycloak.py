"""Keycloak: the clients of a realm, as the Admin REST API and both kinds of export write them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping

from dcrserver.moving.extensions import keep, keep_lifetime
from dcrserver.moving.keycloak_names import (
    ATTRIBUTES,
    BUILT_IN,
    DROPPED,
    FLOWS,
    GRANTS,
    INTERNAL_SCOPES,
    KNOWN,
    LISTS,
    METHODS,
    SWITCHES,
    TEXTS,
)
from dcrserver.moving.record import Moved, empty, seconds, text, texts
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads

_MASKED = re.compile(r"\*+")
_PAIRWISE = "oidc-sha256-pairwise-sub-mapper"
_AUDIENCE = "oidc-audience-mapper"
_PKCE = "pkce.code.challenge.method"
_NO_METADATA = frozenset({"client_id", "client_secrets", "suspended_at"})
_CODE_GRANTS = frozenset({"authorization_code", "implicit"})
_EITHER = "client_secret_basic; Keycloak took client_secret_post as well, which fails here"


def recognises(given: JsonObject) -> bool:
    return "clientId" in given


def move(given: JsonObject, _hashes: Mapping[str, JsonObject]) -> Moved:
    """A client of Keycloak's export as a registration, with what is lost on the way."""
    made = Moved(text(given["clientId"]))
    made.refused = next((reason for refused, reason in _REFUSED if refused(given)), None)
    if made.refused is None:
        made.registration = _registration(given, made)
        made.drop_all(dict(given), DROPPED)
    return made


def _is_wild(given: JsonObject) -> bool:
    return any(uri.endswith("*") for uri in texts(given.get("redirectUris")))


def _is_pattern(given: JsonObject) -> bool:
    """Whether its certificate is judged by a regular expression, as it is where nothing is set."""
    regular = _attributes(given).get("x509.allow.regex.pattern.comparison") != "false"
    return regular and _method(given) == "tls_client_auth"


def metadata(given: JsonObject) -> JsonObject:
    """The members of a client, with no secret, whatever an import would refuse it for."""
    made = Moved(text(given["clientId"]))
    registration = _registration(given | {"secret": "-"}, made)
    return {name: each for name, each in registration.items() if name not in _NO_METADATA}


# The first that holds is told.
_REFUSED: list[tuple[Callable[[JsonObject], bool], str]] = [
    (lambda given: str(given["clientId"]) in BUILT_IN, "a client of Keycloak's own"),
    (
        lambda given: given.get("protocol", "openid-connect") != "openid-connect",
        "a SAML client: not OAuth",
    ),
    (
        lambda given: bool(given.get("bearerOnly")),
        "a bearer-only client: a resource server that asks for no token",
    ),
    (_is_wild, "a wildcard in redirectUris: only whole URIs are matched (RFC 9700 2.1)"),
    (_is_pattern, "its x509.subjectdn is a regular expression, not a subject"),
]


def _registration(given: JsonObject, made: Moved) -> JsonObject:
    attributes = _attributes(given)
    kept: JsonObject = {"client_id": given["clientId"]}
    kept |= {ours: given[its] for its, ours in TEXTS.items() if not empty(given.get(its))}
    kept |= {ours: attributes[its] for its, ours in ATTRIBUTES.items() if attributes.get(its)}
    kept |= {ours: attributes[its] == "true" for its, ours in SWITCHES.items() if its in attributes}
    for its, ours in LISTS.items():
        if (listed := str(attributes.get(its, ""))) not in ("", "-", "+"):
            kept[ours] = list(listed.split("##"))
    if str(attributes.get("request.object.required", "")).startswith("request"):
        kept["require_signed_request_object"] = True
    _addresses(kept, given)
    kept["token_endpoint_auth_method"] = method = _method(given)
    grants = _grants(given)
    kept["grant_types"] = list(grants)
    kept["response_types"] = _response_types(grants)
    _names(kept, made)
    _scopes(kept, given, made)
    _keys(kept, attributes, made)
    _subjects(kept, given, made)
    _extensions(kept, given, made)
    if method.startswith("client_secret"):
        _secrets(kept, given, made)
    if given.get("enabled") is False:
        kept["suspended_at"] = int(time.time())
        made.map("enabled", "it is disabled: suspended here, until client resume")
    for name in sorted(attributes.keys() - KNOWN):
        made.drop(name, "an attribute of Keycloak's own")
    return kept


def _method(given: JsonObject) -> str:
    if given.get("publicClient"):
        return "none"
    allowed = text(_attributes(given).get("client.secret.authentication.allowed.method"))
    chosen = METHODS.get(str(given.get("clientAuthenticatorType")))
    return chosen or allowed or "client_secret_basic"


def _addresses(kept: JsonObject, given: JsonObject) -> None:
    """Relative ones belong to the root URL of the client."""
    root = str(given.get("rootUrl") or "").rstrip("/")
    uris = texts(given.get("redirectUris"))
    kept["redirect_uris"] = [root + uri if uri.startswith("/") else uri for uri in uris]
    if _attributes(given).get("post.logout.redirect.uris") == "+":
        kept["post_logout_redirect_uris"] = kept["redirect_uris"]
    page = str(kept.get("client_uri", ""))
    if page.startswith("/"):
        kept["client_uri"] = root + page


def _grants(given: JsonObject) -> list[str]:
    attributes = _attributes(given)
    grants = [grant for its, grant in FLOWS.items() if given.get(its)]
    grants += [grant for its, grant in GRANTS.items() if attributes.get(its) == "true"]
    if "authorization_code" in grants and attributes.get("use.refresh.tokens") != "false":
        grants.append("refresh_token")
    return grants


def _response_types(grants: list[str]) -> list[JsonValue]:
    code, implicit = "authorization_code" in grants, "implicit" in grants
    made: list[JsonValue] = ["code"] if code else []
    if implicit:
        made += ["id_token", "id_token token"]
    if code and implicit:
        made += ["code id_token"]
    return made


def _names(kept: JsonObject, made: Moved) -> None:
    """``${key}`` stands for a message of Keycloak's."""
    for name in TEXTS.values():
        if str(kept.get(name, "")).startswith("${"):
            del kept[name]
            made.drop(name, "it stands for a message of Keycloak's own")


def _scopes(kept: JsonObject, given: JsonObject, made: Moved) -> None:
    """What can be asked for: openid is no client scope in Keycloak, and always works there."""
    lists = (given.get("defaultClientScopes"), given.get("optionalClientScopes"))
    named = [scope for each in lists for scope in texts(each) if scope not in INTERNAL_SCOPES]
    if not named:
        return
    person = not _CODE_GRANTS.isdisjoint(texts(kept["grant_types"]))
    kept["scope"] = " ".join([*(["openid"] if person else []), *named])
    made.map("defaultClientScopes", "scope, with the optional ones")


def _keys(kept: JsonObject, attributes: JsonObject, made: Moved) -> None:
    if attributes.get("use.jwks.url") == "true":
        kept["jwks_uri"] = attributes.get("jwks.url")
    elif attributes.get("use.jwks.string") == "true":
        written = str(attributes.get("jwks.string"))
        try:
            kept["jwks"] = loads(written.encode())
        except BadJson:
            kept["jwks"] = written  # refused with the reason that any registration gets
    else:
        for name in [name for name in kept if "_encrypted_response_" in name]:
            del kept[name]
            made.drop(name, "there is no key to encrypt with, and Keycloak failed there too")


def _subjects(kept: JsonObject, given: JsonObject, made: Moved) -> None:
    mappers = given.get("protocolMappers")
    for mapper in mappers if isinstance(mappers, list) else []:
        if not isinstance(mapper, dict) or mapper.get("protocolMapper") != _PAIRWISE:
            continue
        settings = mapper.get("config")
        sector = text(settings.get("sectorIdentifierUri")) if isinstance(settings, dict) else None
        kept["subject_type"] = "pairwise"
        if sector is not None and sector.lower().startswith("https:"):
            kept["sector_identifier_uri"] = sector
        made.map("protocolMappers", "subject_type; the salt of the pairwise subjects stays behind")


def _extensions(kept: JsonObject, given: JsonObject, made: Moved) -> None:
    """What Keycloak's administrators decide about a client."""
    attributes, grants = _attributes(given), texts(kept["grant_types"])
    has_person = not _CODE_GRANTS.isdisjoint(grants)
    if has_person and "consentRequired" in given:
        asks = given["consentRequired"] is True
        keep(kept, made, "consentRequired", "skip_consent", value=not asks)
    if lifetime := attributes.get("access.token.lifespan"):
        of_grants = {
            "client_credentials_access_token_lifetime": "client_credentials" in grants,
            "authorization_code_access_token_lifetime": has_person,
        }
        ours = tuple(name for name, is_meant in of_grants.items() if is_meant)
        keep_lifetime(kept, made, "access.token.lifespan", ours, lifetime)
    if method := text(attributes.get(_PKCE)):
        keep(kept, made, _PKCE, "require_pkce", value=True)
        keep(kept, made, _PKCE, "allow_plain_pkce", value=method == "plain")
    if audiences := [*dict.fromkeys(_audiences(given))]:
        keep(kept, made, "protocolMappers", "audience", [*audiences])


def _audiences(given: JsonObject) -> Iterator[str]:
    """What mappers put into aud of access tokens."""
    mappers = given.get("protocolMappers")
    for mapper in mappers if isinstance(mappers, list) else []:
        if not isinstance(mapper, dict) or mapper.get("protocolMapper") != _AUDIENCE:
            continue
        settings = mapper.get("config")
        if isinstance(settings, dict) and settings.get("access.token.claim") != "false":
            found = map(settings.get, ("included.custom.audience", "included.client.audience"))
            yield from filter(None, map(text, found))


def _secrets(kept: JsonObject, given: JsonObject, made: Moved) -> None:
    secret, attributes = text(given.get("secret")), _attributes(given)
    if secret is None:
        made.refused = "it has no secret, and its method needs one"
    elif _MASKED.fullmatch(secret):
        made.refused = (
            "its secret is masked: list clients by the Admin API, or export the realm by"
            " Keycloak's command"
        )
    elif secret.startswith("${vault."):
        made.refused = "its secret is in a vault of Keycloak's"
    else:
        expires_at = seconds(attributes.get("client.secret.expiration.time"))
        newest: JsonValue = {"secret": secret, "expires_at": expires_at or 0}
        kept["client_secrets"] = [newest, *_rotated(attributes, made)]
        made.map("secret", "client_secret")
    if made.refused is None and given.get("clientAuthenticatorType") == "client-secret":
        allowed = "client.secret.authentication.allowed.method"
        if not attributes.get(allowed):
            made.map("clientAuthenticatorType", _EITHER)


def _rotated(attributes: JsonObject, made: Moved) -> list[JsonValue]:
    """The secret before, while it still works."""
    before = text(attributes.get("client.secret.rotated"))
    ends_at = seconds(attributes.get("client.secret.rotated.expiration.time"))
    if before is None or _MASKED.fullmatch(before):
        return []
    if ends_at is None:
        made.drop("client.secret.rotated", "it has no end, and Keycloak takes it no longer")
        return []
    made.map("client.secret.rotated", "the secret before works on for as long as it would have")
    return [{"secret": before, "expires_at": ends_at}]


def _attributes(given: JsonObject) -> JsonObject:
    attributes = given.get("attributes")
    return attributes if isinstance(attributes, dict) else {}
