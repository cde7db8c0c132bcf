"""What Keycloak calls the members of a client, and what they are called in a registration."""

from __future__ import annotations

BUILT_IN = frozenset(
    {
        "account",
        "account-console",
        "admin-cli",
        "broker",
        "realm-management",
        "security-admin-console",
    }
)
METHODS = {
    "client-jwt": "private_key_jwt",
    "client-secret-jwt": "client_secret_jwt",
    "client-x509": "tls_client_auth",
}
TEXTS = {"name": "client_name", "baseUrl": "client_uri"}
FLOWS = {
    "standardFlowEnabled": "authorization_code",
    "implicitFlowEnabled": "implicit",
    "directAccessGrantsEnabled": "password",
    "serviceAccountsEnabled": "client_credentials",
}
GRANTS = {
    "oauth2.device.authorization.grant.enabled": "urn:ietf:params:oauth:grant-type:device_code",
    "oidc.ciba.grant.enabled": "urn:openid:params:grant-type:ciba",
    "standard.token.exchange.enabled": "urn:ietf:params:oauth:grant-type:token-exchange",
    "oauth2.jwt.authorization.grant.enabled": "urn:ietf:params:oauth:grant-type:jwt-bearer",
}
ATTRIBUTES = {
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
    "request.object.encryption.alg": "request_object_encryption_alg",
    "request.object.encryption.enc": "request_object_encryption_enc",
    "authorization.signed.response.alg": "authorization_signed_response_alg",
    "authorization.encrypted.response.alg": "authorization_encrypted_response_alg",
    "authorization.encrypted.response.enc": "authorization_encrypted_response_enc",
    "x509.subjectdn": "tls_client_auth_subject_dn",
    "backchannel.logout.url": "backchannel_logout_uri",
    "frontchannel.logout.url": "frontchannel_logout_uri",
    "ciba.backchannel.token.delivery.mode": "backchannel_token_delivery_mode",
    "ciba.backchannel.client.notification.endpoint": "backchannel_client_notification_endpoint",
    "ciba.backchannel.auth.request.signing.alg": ("backchannel_authentication_request_signing_alg"),
}
SWITCHES = {
    "require.pushed.authorization.requests": "require_pushed_authorization_requests",
    "dpop.bound.access.tokens": "dpop_bound_access_tokens",
    "tls.client.certificate.bound.access.tokens": "tls_client_certificate_bound_access_tokens",
    "backchannel.logout.session.required": "backchannel_logout_session_required",
    "frontchannel.logout.session.required": "frontchannel_logout_session_required",
}
# Their values are joined by ##; "+" stands for the redirect URIs, "-" for none.
LISTS = {
    "post.logout.redirect.uris": "post_logout_redirect_uris",
    "request.uris": "request_uris",
    "default.acr.values": "default_acr_values",
}
# Read where they are needed, or without a meaning outside of Keycloak.
_READ = frozenset(
    {
        "access.token.lifespan",
        "pkce.code.challenge.method",
        "use.refresh.tokens",
        "use.jwks.string",
        "use.jwks.url",
        "jwks.string",
        "jwks.url",
        "request.object.required",
        "x509.allow.regex.pattern.comparison",
        "realm_client",
        "client.secret.authentication.allowed.method",
        "client.secret.creation.time",
        "client.secret.expiration.time",
        "client.secret.rotated",
        "client.secret.rotated.creation.time",
        "client.secret.rotated.expiration.time",
    }
)
KNOWN = _READ | ATTRIBUTES.keys() | SWITCHES.keys() | GRANTS.keys() | LISTS.keys()
# Client scopes that carry what is in each token, and that no client asks for.
INTERNAL_SCOPES = frozenset({"acr", "basic", "roles", "service_account", "web-origins"})
DROPPED = {
    "description": "it has no member to be kept in",
    "protocolMappers": "what else is in a token belongs to the authorization server",
    "authorizationSettings": "permissions belong to the authorization server",
    "authenticationFlowBindingOverrides": "signing in belongs to the authorization server",
}
