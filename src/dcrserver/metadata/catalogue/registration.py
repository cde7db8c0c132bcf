"""RFC 7591 2."""

from __future__ import annotations

from dcrserver.errors import InvalidRedirectUri
from dcrserver.metadata import kinds
from dcrserver.metadata.model import Parameter
from dcrserver.metadata.roles import Role

_SECTION = "RFC 7591 2"

ROWS: tuple[Parameter, ...] = (
    Parameter(
        "redirect_uris", kinds.REDIRECT_URIS, _SECTION,
        "Redirection URIs, compared by exact string at the authorization endpoint",
        error=InvalidRedirectUri, example=["https://client.example.org/callback"],
        facet="redirect_hosts",
    ),
    Parameter(
        "token_endpoint_auth_method", kinds.NAME, _SECTION,
        "How the client authenticates at the token endpoint",
        default="client_secret_basic", bounded_by="token_endpoint_auth_methods_supported",
        example="client_secret_basic", facet="auth_method",
    ),
    Parameter(
        "grant_types", kinds.NAMES, _SECTION, "Grant types the client will use",
        default=["authorization_code"], bounded_by="grant_types_supported",
        example=["authorization_code", "refresh_token"], facet="grant_types",
    ),
    Parameter(
        "response_types", kinds.RESPONSE_TYPES, _SECTION, "Response types the client will use",
        bounded_by="response_types_supported", example=["code"],
    ),
    Parameter(
        "client_name", kinds.TEXT, _SECTION, "Name to show to people",
        role=Role.NAME, localizable=True, example="Example client", facet="name_key",
    ),
    Parameter(
        "client_uri", kinds.PAGE_URI, _SECTION, "Web page about the client",
        role=Role.PAGE, localizable=True, example="https://client.example.org/",
    ),
    Parameter(
        "logo_uri", kinds.DISPLAY_URI, _SECTION, "Logo of the client; never fetched by this server",
        role=Role.IMAGE,
        localizable=True, fetched=True, example="https://client.example.org/logo.png",
    ),
    Parameter(
        "scope", kinds.SCOPE, _SECTION, "Scopes the client may ask for, separated by spaces",
        bounded_by="scopes_supported", example="openid profile",
    ),
    Parameter(
        "contacts", kinds.TEXTS, _SECTION, "Ways to reach the people behind the client",
        example=["admin@client.example.org"],
    ),
    Parameter(
        "tos_uri", kinds.PAGE_URI, _SECTION, "Terms of service",
        role=Role.PAGE, localizable=True, example="https://client.example.org/terms",
    ),
    Parameter(
        "policy_uri", kinds.PAGE_URI, _SECTION, "Privacy policy",
        role=Role.PAGE, localizable=True, example="https://client.example.org/privacy",
    ),
    Parameter(
        "jwks_uri", kinds.FETCHED_URI, _SECTION, "Where the client's public keys are",
        fetched=True, example="https://client.example.org/jwks.json",
    ),
    Parameter("jwks", kinds.JWKS, _SECTION, "The client's public keys by value"),
    Parameter(
        "software_id", kinds.TEXT, _SECTION, "Identifies the software over all its instances",
        example="4NRB1-0XZABZI9E6-5SM3R", facet="software_id",
    ),
    Parameter(
        "software_version", kinds.TEXT, _SECTION, "Version of the software", example="2.1",
        facet="software_version",
    ),
)  # fmt: skip
