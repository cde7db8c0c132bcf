"""What becomes of each member at Keycloak: a row each, with the targets it is written to.

Tried one by one against Keycloak 26.7.3. A row without targets is written elsewhere, as its words
say; what is not named here is kept in an attribute of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dcrserver.connectors.client import Carriage, Fate
from dcrserver.connectors.keycloak import values
from dcrserver.connectors.keycloak.keys import jwks_text
from dcrserver.connectors.keycloak.paths import attribute
from dcrserver.connectors.keycloak.values import Value, grant, grant_text, joined, switch, text
from dcrserver.metadata.catalogue import PARAMETERS, VERIFIED

_GRANT = "urn:ietf:params:oauth:grant-type:"
_CIBA_GRANT = "urn:openid:params:grant-type:ciba"
# Where what Keycloak has no place for is kept, a member each.
STORED = "dcrserver.member."


class Row(NamedTuple):
    """A member, what becomes of it, and the targets' values, each made of the whole metadata."""

    member: str
    carriage: Carriage
    targets: Mapping[str, Value]


def _row(member: str, targets: Mapping[str, Value], mapped: str = "") -> Row:
    """``mapped``: in what the target's meaning differs."""
    fate = Fate.MAPPED if mapped else Fate.CARRIED
    return Row(member, Carriage(fate, mapped or ", ".join(map(_shown, targets))), targets)


def _shown(path: str) -> str:
    return path.removeprefix("attributes/")


def _texts(*names: tuple[str, str]) -> list[Row]:
    """Members, and the attributes that are these under another name."""
    return [_row(member, {attribute(name): text(member)}) for member, name in names]


def _dropped(member: str, words: str) -> Row:
    return Row(member, Carriage(Fate.DROPPED, words), {})


_SCOPE = Row("scope", Carriage(
    Fate.CARRIED, "optional client scopes; openid is always there. A scope that the realm does not"
    " have is refused. None registered: those that the realm gives to new clients"
), {})  # fmt: skip

_PEOPLE = [
    _row("client_name", {"name": values.shown_name}),
    _row("application_display_name", {}, "name, in place of client_name"),
    _row("client_uri", {"baseUrl": text("client_uri")}),
    *_texts(("logo_uri", "logoUri"), ("policy_uri", "policyUri"), ("tos_uri", "tosUri")),
    _row("skip_consent", {"consentRequired": values.asks_consent},
         "consentRequired: people are asked unless it is true"),
]  # fmt: skip

_FLOWS = [
    _row("redirect_uris", {
        "redirectUris": values.redirect_uris, "webOrigins": values.web_origins,
    }, "redirectUris, without the ports of this machine's own addresses, where any port is taken"),
    _row("post_logout_redirect_uris", {
        attribute("post.logout.redirect.uris"): values.logout_uris,
    }, "post.logout.redirect.uris, ports as those of redirect_uris"),
    _row("grant_types", {
        "standardFlowEnabled": grant("authorization_code"),
        "implicitFlowEnabled": grant("implicit"),
        "directAccessGrantsEnabled": grant("password"),
        "serviceAccountsEnabled": grant("client_credentials"),
        attribute("use.refresh.tokens"): grant_text("refresh_token"),
        attribute("oauth2.device.authorization.grant.enabled"): grant_text(f"{_GRANT}device_code"),
        attribute("oidc.ciba.grant.enabled"): grant_text(_CIBA_GRANT),
        attribute("standard.token.exchange.enabled"): grant_text(f"{_GRANT}token-exchange"),
        attribute("oauth2.jwt.authorization.grant.enabled"): grant_text(f"{_GRANT}jwt-bearer"),
    }),
    _row("response_types", {}, "by grant_types: all of a flow, or none"),
    _SCOPE,
    _row("require_pkce", {attribute("pkce.code.challenge.method"): values.pkce},
         "pkce.code.challenge.method S256; of public clients always, unless it is false"),
    _row("refresh_token_lifetime", {
        attribute("client.session.max.lifespan"): text("refresh_token_lifetime"),
    }, "client.session.max.lifespan; no longer than the realm's sessions"),
    _row("authorization_code_access_token_lifetime", {
        attribute("access.token.lifespan"): values.access_token_lifetime,
    }, "access.token.lifespan; the shorter of both lifetimes counts for both"),
    _row("client_credentials_access_token_lifetime", {},
         "access.token.lifespan; the shorter of both lifetimes counts for both"),
]  # fmt: skip

_AUTHENTICATION = [
    _row("token_endpoint_auth_method", {
        "publicClient": lambda metadata: values.method(metadata) == "none",
        "clientAuthenticatorType": values.authenticator,
        attribute("client.secret.authentication.allowed.method"): values.secret_method,
        attribute("x509.allow.regex.pattern.comparison"): values.of_certificates("false"),
    }),
    *_texts(("token_endpoint_auth_signing_alg", "token.endpoint.auth.signing.alg")),
    _row("jwks", {
        attribute("use.jwks.string"): values.given("jwks"), attribute("jwks.string"): jwks_text,
    }, "jwks.string, each key with the use and alg that Keycloak looks for"),
    _row("jwks_uri", {
        attribute("use.jwks.url"): values.given("jwks_uri"),
        attribute("jwks.url"): text("jwks_uri"),
    }),
    _row("tls_client_auth_subject_dn", {
        attribute("x509.subjectdn"): text("tls_client_auth_subject_dn"),
    }),
    _row("public_client", {}, "by token_endpoint_auth_method"),
]  # fmt: skip

_TOKENS = [
    *_texts(
        ("id_token_signed_response_alg", "id.token.signed.response.alg"),
        ("id_token_encrypted_response_alg", "id.token.encrypted.response.alg"),
        ("id_token_encrypted_response_enc", "id.token.encrypted.response.enc"),
        ("userinfo_signed_response_alg", "user.info.response.signature.alg"),
        ("userinfo_encrypted_response_alg", "user.info.encrypted.response.alg"),
        ("userinfo_encrypted_response_enc", "user.info.encrypted.response.enc"),
        ("authorization_signed_response_alg", "authorization.signed.response.alg"),
        ("authorization_encrypted_response_alg", "authorization.encrypted.response.alg"),
        ("authorization_encrypted_response_enc", "authorization.encrypted.response.enc"),
        ("request_object_signing_alg", "request.object.signature.alg"),
        ("request_object_encryption_alg", "request.object.encryption.alg"),
        ("request_object_encryption_enc", "request.object.encryption.enc"),
    ),
    _row("subject_type", {}, "a mapper of pairwise subjects; one salt for all clients of ours"),
    _row("sector_identifier_uri", {}, "in the mapper of pairwise subjects"),
    _row("audience", {}, "mappers that put each into aud"),
    _row("require_auth_time", {}, "auth_time is in each ID Token"),
    _row("default_acr_values", {
        attribute("default.acr.values"): joined("default_acr_values"),
    }, "default.acr.values; refused unless the realm knows each"),
    _dropped("default_max_age", "Keycloak asks nobody to sign in again for it"),
    _dropped("id_token_lifetime", "ID Tokens live as long as access tokens"),
    _dropped("access_token_format", "access tokens are JWTs"),
    _dropped("role_audience", "roles belong to the realm"),
    _dropped("allow_plain_pkce", "the method plain is never demanded"),
]  # fmt: skip

_REQUESTS = [
    _row("require_signed_request_object", {
        attribute("request.object.required"): values.request_object_required,
    }),
    _row("request_uris", {attribute("request.uris"): joined("request_uris")}),
    _row("require_pushed_authorization_requests", {
        attribute("require.pushed.authorization.requests"):
            switch("require_pushed_authorization_requests"),
    }),
    _row("dpop_bound_access_tokens", {
        attribute("dpop.bound.access.tokens"): switch("dpop_bound_access_tokens"),
    }),
    _row("tls_client_certificate_bound_access_tokens", {
        attribute("tls.client.certificate.bound.access.tokens"):
            switch("tls_client_certificate_bound_access_tokens"),
    }),
    *(
        _dropped(f"tls_client_auth_san_{each}", "certificates are told by their subject alone")
        for each in ("dns", "uri", "ip", "email")
    ),
    *(
        _dropped(f"introspection_{each}", "introspection answers are JSON")
        for each in ("signed_response_alg", "encrypted_response_alg", "encrypted_response_enc")
    ),
    _dropped("authorization_details_types", "there are no rich authorization requests"),
]  # fmt: skip

_SESSIONS = [
    _row("backchannel_logout_uri", {
        attribute("backchannel.logout.url"): text("backchannel_logout_uri"),
    }),
    _row("backchannel_logout_session_required", {
        attribute("backchannel.logout.session.required"):
            switch("backchannel_logout_session_required"),
    }),
    _row("frontchannel_logout_uri", {
        "frontchannelLogout": values.uses_front_channel,
        attribute("frontchannel.logout.url"): text("frontchannel_logout_uri"),
    }, "frontchannel.logout.url; beside backchannel_logout_uri it is not used"),
    _row("frontchannel_logout_session_required", {
        attribute("frontchannel.logout.session.required"):
            switch("frontchannel_logout_session_required"),
    }),
    *_texts(
        ("backchannel_token_delivery_mode", "ciba.backchannel.token.delivery.mode"),
        ("backchannel_client_notification_endpoint",
         "ciba.backchannel.client.notification.endpoint"),
        ("backchannel_authentication_request_signing_alg",
         "ciba.backchannel.auth.request.signing.alg"),
    ),
    _dropped("backchannel_user_code_parameter", "nobody is asked for a user code"),
]  # fmt: skip

_KNOWN = [*_PEOPLE, *_FLOWS, *_AUTHENTICATION, *_TOKENS, *_REQUESTS, *_SESSIONS]
_NAMES = {row.member for row in _KNOWN}
_KEPT = Carriage(Fate.STORED, "in an attribute of ours")

ROWS: tuple[Row, ...] = (
    *_KNOWN,
    *(
        Row(name, _KEPT, {attribute(f"{STORED}{name}"): values.stored(name)})
        for name in (*PARAMETERS, *VERIFIED)
        if name not in _NAMES
    ),
)
CARRIAGE: Mapping[str, Carriage] = {row.member: row.carriage for row in ROWS}
