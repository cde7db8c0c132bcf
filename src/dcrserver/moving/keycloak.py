"""Keycloak: the clients of a realm, as the Admin REST API and both kinds of export write them."""

from __future__ import annotations

import re
from collections.abc import Callable

from dcrserver.moving.record import Moved, Told, empty
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads

_BUILT_IN = frozenset(
    {
        "account",
        "account-console",
        "admin-cli",
        "broker",
        "realm-management",
        "security-admin-console",
    }
)
_MASKED = re.compile(r"\*+")
_METHODS = {
    "client-jwt": "private_key_jwt",
    "client-secret-jwt": "client_secret_jwt",
    "client-x509": "tls_client_auth",
}
_TEXTS = {"name": "client_name", "baseUrl": "client_uri"}
_FLOWS = {
    "standardFlowEnabled": "authorization_code",
    "implicitFlowEnabled": "implicit",
    "directAccessGrantsEnabled": "password",
    "serviceAccountsEnabled": "client_credentials",
}
_GRANTS = {
    "oauth2.device.authorization.grant.enabled": "urn:ietf:params:oauth:grant-type:device_code",
    "oidc.ciba.grant.enabled": "urn:openid:params:grant-type:ciba",
    "standard.token.exchange.enabled": "urn:ietf:params:oauth:grant-type:token-exchange",
    "oauth2.jwt.authorization.grant.enabled": "urn:ietf:params:oauth:grant-type:jwt-bearer",
}
_ATTRIBUTES = {
    "logoUri": "logo_uri",
    "policyUri": "policy_uri",
    "tosUri": "tos_uri",
    "token.endpoint.auth.signing.alg": "token_endpoint_auth_signing_alg",
    "id.token.signed.response.alg": "id_token_signed_response_alg",
    "id.token.encrypted.response.alg": "id_token_encrypted_response_alg",
    "id.token.encrypted.response.enc": "id_token_encrypted_response_enc",
    "user.info.response.signature.alg": "userinfo_signed_response_alg",
    "user.info.encrypted.response.alg": "userinfo_encrypted_response_alg",
    "user.info.encrypted.response.enc": "userinfo_encrypted_response_enc",
    "request.object.signature.alg": "request_object_signing_alg",
    "authorization.signed.response.alg": "authorization_signed_response_alg",
    "x509.subjectdn": "tls_client_auth_subject_dn",
    "backchannel.logout.url": "backchannel_logout_uri",
    "frontchannel.logout.url": "frontchannel_logout_uri",
    "ciba.backchannel.token.delivery.mode": "backchannel_token_delivery_mode",
}
_SWITCHES = {
    "require.pushed.authorization.requests": "require_pushed_authorization_requests",
    "dpop.bound.access.tokens": "dpop_bound_access_tokens",
    "tls.client.certificate.bound.access.tokens": "tls_client_certificate_bound_access_tokens",
    "backchannel.logout.session.required": "backchannel_logout_session_required",
    "frontchannel.logout.session.required": "frontchannel_logout_session_required",
}
# Read where they are needed, or without a meaning outside of Keycloak.
_READ = frozenset(
    {
        "use.refresh.tokens",
        "use.jwks.string",
        "use.jwks.url",
        "jwks.string",
        "jwks.url",
        "post.logout.redirect.uris",
        "x509.allow.regex.pattern.comparison",
        "realm_client",
        "client.secret.creation.time",
    }
)
_KNOWN = _READ | _ATTRIBUTES.keys() | _SWITCHES.keys() | _GRANTS.keys()
_DROPPED = {
    "description": "it has no member to be kept in",
    "consentRequired": "consent is asked by the authorization server",
    "protocolMappers": "what is in a token belongs to the authorization server",
}


def recognises(given: JsonObject) -> bool:
    return "clientId" in given


def move(given: JsonObject) -> Moved:
    client_id = given["clientId"]
    made = Moved(client_id if isinstance(client_id, str) else None)
    made.refused = _refusal(given)
    if made.refused is None:
        made.registration = _registration(given, made)
        made.drop(dict(given), _DROPPED)
    return made


def _refusal(given: JsonObject) -> str | None:
    return next((reason for refused, reason in _REFUSED if refused(given)), None)


def _is_wild(given: JsonObject) -> bool:
    return any(str(uri).endswith("*") for uri in _list(given.get("redirectUris")))


def _is_pattern(given: JsonObject) -> bool:
    """Whether its certificate is judged by a regular expression, as it is where nothing is set."""
    regular = _attributes(given).get("x509.allow.regex.pattern.comparison") != "false"
    return regular and _method(given) == "tls_client_auth"


# The first that holds is told.
_REFUSED: list[tuple[Callable[[JsonObject], bool], str]] = [
    (lambda given: str(given["clientId"]) in _BUILT_IN, "a client of Keycloak's own"),
    (
        lambda given: given.get("protocol", "openid-connect") != "openid-connect",
        "a SAML client: not OAuth",
    ),
    (
        lambda given: bool(given.get("bearerOnly")),
        "a bearer-only client: a resource server that asks for no token",
    ),
    (_is_wild, "a wildcard in redirectUris: only whole URIs are matched (RFC 9700 2.1)"),
    (lambda given: given.get("enabled") is False, "it is disabled, and would come to life here"),
    (_is_pattern, "its x509.subjectdn is a regular expression, not a subject"),
]


def _registration(given: JsonObject, made: Moved) -> JsonObject:
    attributes = _attributes(given)
    kept: JsonObject = {"client_id": given["clientId"]}
    kept |= {ours: given[its] for its, ours in _TEXTS.items() if not empty(given.get(its))}
    kept |= {ours: attributes[its] for its, ours in _ATTRIBUTES.items() if attributes.get(its)}
    kept |= {
        ours: attributes[its] == "true" for its, ours in _SWITCHES.items() if its in attributes
    }
    kept["redirect_uris"] = list(_list(given.get("redirectUris")))
    kept["token_endpoint_auth_method"] = method = _method(given)
    grants: list[JsonValue] = [grant for its, grant in _FLOWS.items() if given.get(its)]
    grants += [grant for its, grant in _GRANTS.items() if attributes.get(its) == "true"]
    if "authorization_code" in grants and attributes.get("use.refresh.tokens") != "false":
        grants.append("refresh_token")
    kept["grant_types"] = grants
    kept["response_types"] = _response_types(grants)
    leaving = attributes.get("post.logout.redirect.uris")
    if isinstance(leaving, str) and leaving not in ("", "-", "+"):
        kept["post_logout_redirect_uris"] = list(leaving.split("##"))
    _keys(kept, attributes)
    if method.startswith("client_secret"):
        _secret(kept, given.get("secret"), made)
    for name in sorted(attributes.keys() - _KNOWN):
        made.dropped.append(Told(name, "an attribute of Keycloak's own"))
    return kept


def _method(given: JsonObject) -> str:
    if given.get("publicClient"):
        return "none"
    return _METHODS.get(str(given.get("clientAuthenticatorType")), "client_secret_basic")


def _response_types(grants: list[JsonValue]) -> list[JsonValue]:
    code, implicit = "authorization_code" in grants, "implicit" in grants
    made: list[JsonValue] = ["code"] if code else []
    if implicit:
        made += ["id_token", "id_token token"]
    if code and implicit:
        made += ["code id_token"]
    return made


def _keys(kept: JsonObject, attributes: JsonObject) -> None:
    if attributes.get("use.jwks.url") == "true":
        kept["jwks_uri"] = attributes.get("jwks.url")
    elif attributes.get("use.jwks.string") == "true":
        text = str(attributes.get("jwks.string"))
        try:
            kept["jwks"] = loads(text.encode())
        except BadJson:
            kept["jwks"] = text  # refused with the reason that any registration gets


def _secret(kept: JsonObject, secret: JsonValue, made: Moved) -> None:
    if isinstance(secret, str) and _MASKED.fullmatch(secret):
        made.refused = "its secret is masked: export by the command, or list clients by the API"
    elif not empty(secret):
        kept["client_secret"] = secret
        made.mapped.append(Told("secret", "client_secret"))


def _attributes(given: JsonObject) -> JsonObject:
    attributes = given.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
