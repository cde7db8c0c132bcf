"""Presets: named starting points of the policy, each with what it presumes of the server.

A preset is data. ``[policy] preset = "mcp"`` starts from it; each key can still be set beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dcrserver.policies.statements.grammar import Statement
from dcrserver.strict_json import JsonValue

PresetName: TypeAlias = Literal[
    "default", "oidc", "mcp", "fapi1-advanced", "fapi2", "open-banking-uk", "open-finance-brasil"
]


@dataclass(frozen=True, slots=True)
class Preset:
    """One profile of the specifications.

    - ``policy``: values of settings, by group and key.
    - ``server``: what to presume of an authorization server whose metadata do not say; None: any
      value.
    - ``limits``: the values that the profile allows; used as the list if the server names none.
    - ``cuts``: as ``limits``, but never adds a list, because the presence of these lists says that
      the feature exists.
    - ``forced``: members that are set on any server.
    - ``statements``: they come before those of the operator.
    - ``with_issuers``, ``with_certificates``: values of settings, as ``policy``, that hold once an
      issuer of software statements is trusted, or the server is told of client certificates.
      Without, nobody could register.
    """

    description: str
    policy: Mapping[str, object] = field(default_factory=dict)
    server: Mapping[str, JsonValue] = field(default_factory=dict)
    limits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cuts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forced: Mapping[str, JsonValue] = field(default_factory=dict)
    statements: tuple[Statement, ...] = ()
    with_issuers: Mapping[str, object] = field(default_factory=dict)
    with_certificates: Mapping[str, object] = field(default_factory=dict)


def _lists(algorithms: tuple[str, ...], *stems: str) -> dict[str, tuple[str, ...]]:
    return {f"{stem}_signing_alg_values_supported": algorithms for stem in stems}


def _limits(*algorithms: str) -> dict[str, tuple[str, ...]]:
    return _lists(algorithms, "token_endpoint_auth", "id_token", "userinfo", "request_object")


def _cuts(*algorithms: str) -> dict[str, tuple[str, ...]]:
    return _lists(
        algorithms, "authorization", "introspection", "backchannel_authentication_request"
    )


_STRICT_REDIRECTS = {"web_loopback_http": False, "undotted_schemes": []}
_FAPI2_ALGORITHMS = ("PS256", "ES256", "EdDSA", "Ed25519")
# FAPI 1.0 Advanced 8.6.
_FAPI1_ALGORITHMS = ("PS256", "ES256")
_FAPI_METHODS = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")

_STATEMENTS = {"statements_mode": "required"}
_CERTIFICATES = {"mtls": {"registration_certificate": True}}

# What statements of the directories call members of clients.
_OPEN_BANKING_CLAIMS = {
    "software_redirect_uris": "redirect_uris",
    "software_client_name": "client_name",
    "software_client_uri": "client_uri",
    "software_logo_uri": "logo_uri",
    "software_policy_uri": "policy_uri",
    "software_tos_uri": "tos_uri",
}

# Open Finance Brasil Dynamic Client Registration 7.2: what each regulatory role may ask for.
_BRASIL_SCOPES = {
    "DADOS": [
        "openid", "consents", "resources", "accounts", "credit-cards-accounts", "customers",
        "invoice-financings", "financings", "loans", "unarranged-accounts-overdraft",
    ],
    "PAGTO": ["openid", "consents", "resources", "payments"],
    "CONTA": ["openid"],
    "CCORR": ["openid"],
}  # fmt: skip

_ONE_OF_A_SOFTWARE = Statement.model_validate(
    {
        "name": "one client of a software",
        "when": {"origin": "software_statement"},
        "then": {"limit": {"by": "software_id", "clients": 1}},
    }
)

PRESETS: Mapping[str, Preset] = {
    "default": Preset("Tolerant of clients in use, strict where safety is at stake"),
    "oidc": Preset(
        "OpenID Connect Registration 1.0 to the letter",
        policy={
            "redirect": {
                **_STRICT_REDIRECTS,
                "always_required": True,
                "native_claimed_https": False,
            },
            "registration": {"infer_application_type": False},
            # Registration 1.0 4.4: reading does not change the token.
            "management": {"registration_access_token_rotation": "on_update"},
        },
        server={
            "scopes_supported": [
                "openid", "profile", "email", "address", "phone", "offline_access",
            ],
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"],
            "userinfo_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"],
        },
    ),
    "mcp": Preset(
        "Model Context Protocol: public clients with PKCE on the local machine or https"
        " (revisions 2025-06-18, 2025-11-25, 2026-07-28)",
        # An omitted application_type is inferred (revision 2026-07-28 makes clients send it), and
        # localhost by name is what such clients use.
        policy={
            "redirect": {
                "localhost_name": True, "web_loopback_http": True, "undotted_schemes": "any",
            },
            "registration": {"correct_application_type": True},
            "grants": {"stray_response_types": "ignore"},
            "scope": {"default": "supported"},
        },
        server={
            "scopes_supported": None,  # they belong to the protected resources
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic", "client_secret_post", "none", "private_key_jwt",
            ],
        },
        # A client stops where it does not find this (revision 2025-11-25).
        forced={"code_challenge_methods_supported": ["S256"]},
    ),
    "fapi1-advanced": Preset(
        "FAPI 1.0 Advanced: confidential clients, tokens bound to certificates, signed requests",
        policy={
            "redirect": {**_STRICT_REDIRECTS, "https_only": True, "always_required": True},
            # code id_token beside the authorization code alone (5.2.2).
            "grants": {"unsupported": "reject", "hybrid_needs_implicit": False},
            "fapi": {"sender_constraint": True},
            "ciba": {"push": False},
            "jwks": {"require_request_key": True},
        },
        server={
            "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            "response_types_supported": ["code id_token", "code"],
            "token_endpoint_auth_methods_supported": list(_FAPI_METHODS),
            "token_endpoint_auth_signing_alg_values_supported": list(_FAPI1_ALGORITHMS),
            "id_token_signing_alg_values_supported": list(_FAPI1_ALGORITHMS),
            "request_object_signing_alg_values_supported": list(_FAPI1_ALGORITHMS),
            "request_parameter_supported": True,
            "tls_client_certificate_bound_access_tokens": True,
        },
        limits={
            **_limits(*_FAPI1_ALGORITHMS),
            "token_endpoint_auth_methods_supported": _FAPI_METHODS,
            "response_types_supported": ("code id_token", "code"),
        },
        # Tokens are bound to certificates (5.2.2), so that nobody asks for DPoP.
        cuts={**_cuts(*_FAPI1_ALGORITHMS), "dpop_signing_alg_values_supported": ()},
    ),
    "fapi2": Preset(
        "FAPI 2.0 Security Profile: confidential clients, bound tokens, pushed requests",
        policy={
            "redirect": _STRICT_REDIRECTS,
            "grants": {"unsupported": "reject"},
            "fapi": {"sender_constraint": True},
            "ciba": {"push": False},
            "jwks": {"require_request_key": True},
        },
        server={
            "token_endpoint_auth_methods_supported": list(_FAPI_METHODS),
            "token_endpoint_auth_signing_alg_values_supported": ["PS256", "ES256", "EdDSA"],
            "id_token_signing_alg_values_supported": ["PS256", "ES256", "EdDSA"],
            "dpop_signing_alg_values_supported": ["PS256", "ES256", "EdDSA"],
            "tls_client_certificate_bound_access_tokens": True,
        },
        limits={
            **_limits(*_FAPI2_ALGORITHMS),
            "token_endpoint_auth_methods_supported": _FAPI_METHODS,
            "response_types_supported": ("code",),
        },
        cuts=_cuts(*_FAPI2_ALGORITHMS),
        forced={"require_pushed_authorization_requests": True},
    ),
    "open-banking-uk": Preset(
        "UK Open Banking Dynamic Client Registration 3.3",
        policy={
            "redirect": {**_STRICT_REDIRECTS, "https_only": True, "always_required": True},
            "registration": {
                "application_type_aliases": {"mobile": "native"},
                "member_aliases": {
                    "tls_client_auth_dn": "tls_client_auth_subject_dn",
                    "backchannel_user_code_parameter_supported": "backchannel_user_code_parameter",
                },
                "required": [
                    "token_endpoint_auth_method", "grant_types", "scope", "application_type",
                    "id_token_signed_response_alg", "request_object_signing_alg",
                ],
            },
            "grants": {"unsupported": "reject", "hybrid_needs_implicit": False},
            "mtls": {"subject_params": ["tls_client_auth_subject_dn"]},
            "ciba": {"push": False, "user_code": False},
            "jwks": {"require_request_key": True},
            "software_statements": {
                "algorithms": ["PS256", "ES256"],
                "required_claims": [
                    "iat", "jti", "software_id", "software_client_id", "software_client_name",
                    "software_redirect_uris", "software_roles", "software_jwks_endpoint",
                    "org_id", "org_status", "organisation_competent_authority_claims",
                ],
                "claim_aliases": {
                    **_OPEN_BANKING_CLAIMS,
                    "software_jwks_endpoint": "jwks_uri",
                },
                "redirect_subset": True,
                "must_match": ["software_id"],
                "signed_requests": "allowed",
            },
        },
        server={
            "scopes_supported": ["openid", "accounts", "payments", "fundsconfirmations"],
            "grant_types_supported": [
                "authorization_code", "client_credentials", "refresh_token",
                "urn:openid:params:grant-type:ciba",
            ],
            "response_types_supported": ["code id_token", "code"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "tls_client_auth"],
            "token_endpoint_auth_signing_alg_values_supported": ["PS256", "ES256"],
            "id_token_signing_alg_values_supported": ["PS256", "ES256"],
            "request_object_signing_alg_values_supported": ["PS256", "ES256"],
            "request_parameter_supported": True,
            "tls_client_certificate_bound_access_tokens": True,
            "backchannel_token_delivery_modes_supported": ["poll", "ping"],
            "backchannel_authentication_request_signing_alg_values_supported": ["PS256", "ES256"],
        },
        limits={
            **_limits("PS256", "ES256"),
            "token_endpoint_auth_methods_supported": ("private_key_jwt", "tls_client_auth"),
            "response_types_supported": ("code id_token", "code"),
        },
        cuts=_cuts("PS256", "ES256"),
        with_issuers=_STATEMENTS,
        with_certificates=_CERTIFICATES,
    ),
    "open-finance-brasil": Preset(
        "Open Finance Brasil Dynamic Client Registration",
        policy={
            "redirect": {**_STRICT_REDIRECTS, "https_only": True, "always_required": True},
            # Its own example names implicit beside hybrid response types.
            "grants": {"unsupported": "trim", "hybrid_needs_implicit": False},
            "jwks": {"by_value": False, "require_request_key": True},
            "mtls": {
                "subject_params": ["tls_client_auth_subject_dn"],
                # 8.1: of the software and of the organisation that the directory vouches for.
                "certificate_subject": {
                    "UID": "{software_id}", "organizationIdentifier": "OFBBR-{org_id}",
                },
            },
            "ciba": {"push": False},
            "management": {"registration_access_token_rotation": "never"},
            "software_statements": {
                "algorithms": ["PS256"],
                "required_claims": ["iat", "software_id", "software_redirect_uris"],
                "maximum_age": 300,
                "claim_aliases": {**_OPEN_BANKING_CLAIMS, "software_jwks_uri": "jwks_uri"},
                "redirect_subset": True,
                "must_match": ["jwks_uri"],
                "role_claims": ["software_statement_roles", "software_roles"],
                "role_scopes": _BRASIL_SCOPES,
            },
        },
        # 8.4: software registers once with each authorization server.
        statements=(_ONE_OF_A_SOFTWARE,),
        server={
            "scopes_supported": [
                "openid", "consents", "resources", "accounts", "credit-cards-accounts",
                "customers", "payments",
            ],
            "response_types_supported": ["code id_token", "code"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "tls_client_auth"],
            "token_endpoint_auth_signing_alg_values_supported": ["PS256"],
            "id_token_signing_alg_values_supported": ["PS256"],
            "id_token_encryption_alg_values_supported": ["RSA-OAEP"],
            "id_token_encryption_enc_values_supported": ["A256GCM"],
            "request_object_signing_alg_values_supported": ["PS256"],
            "request_parameter_supported": True,
            "require_pushed_authorization_requests": True,
            "tls_client_certificate_bound_access_tokens": True,
        },
        limits={
            **_limits("PS256"),
            "token_endpoint_auth_methods_supported": ("private_key_jwt", "tls_client_auth"),
            "response_types_supported": ("code id_token", "code"),
        },
        cuts=_cuts("PS256"),
        with_issuers=_STATEMENTS,
        with_certificates=_CERTIFICATES,
    ),
}  # fmt: skip
