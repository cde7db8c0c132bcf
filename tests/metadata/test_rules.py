"""Each cross-field rule: what violates it, what satisfies it, and that it reads what it names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from dcrserver.errors import InvalidClientMetadata, InvalidRedirectUri, RegistrationError
from dcrserver.metadata import (
    PARAMETERS,
    RULES,
    ClientMetadata,
    Terms,
    algorithms,
    examine,
    needs_readable_secret,
    needs_secret,
    validate,
)
from dcrserver.metadata.model import Draft
from dcrserver.metadata.rules import GRANTS_OF_RESPONSE_TYPE, REDIRECT_GRANTS
from dcrserver.strict_json import JsonObject, JsonValue
from harness.cases import each
from harness.clients import new_key, public_jwk
from metadata.support import CALLBACK, EVERYTHING, MINIMAL, base_of, certified_key, terms

requirement = pytest.mark.requirement

# The public key of RFC 7515 A.3.
P256: JsonObject = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
SIGNING_SET: JsonObject = {"keys": [P256 | {"use": "sig"}]}
ENCRYPTION_SET: JsonObject = {"keys": [P256 | {"use": "enc"}]}
CERTIFIED_SET: JsonObject = {"keys": [certified_key()]}
JWKS_URI = "https://client.example.org/jwks.json"

ALL_GRANTS: JsonObject = {"grants": {"implicit": True, "password": True}}
NO_SECRETS: JsonObject = {"readable_secrets": False}
ALLOW_NONE: JsonObject = {"id_token": {"allow_none": True}}
ONE_SCRIPT: JsonObject = {"text": {"mixed_scripts": "reject"}}
ONE_DOMAIN: JsonObject = {"uris": {"foreign_domain": "reject"}}
SAME_HOST: JsonObject = {"uris": {"same_host": True}}
ALWAYS: JsonObject = {"redirect": {"always_required": True}}


CIBA = "urn:openid:params:grant-type:ciba"
TLS: JsonObject = {"token_endpoint_auth_method": "tls_client_auth"}
SELF_SIGNED: JsonObject = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
SUBJECTS: JsonObject = {
    "tls_client_auth_subject_dn": "CN=client,O=Example",
    "tls_client_auth_san_dns": "client.example.org",
    "tls_client_auth_san_uri": "urn:example:client",
    "tls_client_auth_san_ip": "2001:db8::7",
    "tls_client_auth_san_email": "client@example.org",
}
LOGOUT = "https://client.example.org/logout"
HTTP_LOGOUT: JsonObject = {"logout": {"http_for_confidential": True}}
SAME_ORIGIN: JsonObject = {"logout": {"frontchannel_same_origin": True}}
FAPI: JsonObject = {"fapi": {"sender_constraint": True}}
REQUEST_KEY: JsonObject = {"jwks": {"require_request_key": True}}
UNUSABLE_P384 = public_jwk(ec.generate_private_key(ec.SECP384R1()), "ES384")
UNUSABLE_RSA = public_jwk(new_key("RS256"), "RS256", alg="RS256")
USABLE_RSA = public_jwk(new_key("PS256"), "PS256")
FEW_ALGORITHMS: JsonObject = {
    "supported": {"token_endpoint_auth_signing_alg_values_supported": ["ES256", "PS256"]}
}
PUBLIC: JsonObject = {"token_endpoint_auth_method": "none"}


@dataclass(frozen=True)
class Case:
    """A submission, the choices of the operator, and what the rule says (nothing: satisfied)."""

    submission: JsonObject
    told: list[str] = field(default_factory=list)
    choices: JsonObject = field(default_factory=dict)
    error: type[RegistrationError] = InvalidClientMetadata

    @property
    def terms(self) -> Terms:
        return terms(**ALL_GRANTS | self.choices)  # type: ignore[arg-type]


def code(**members: Any) -> JsonObject:
    """A client of the authorization code grant."""
    return MINIMAL | members


def machine(**members: Any) -> JsonObject:
    """A client that redirects nowhere."""
    return {"grant_types": ["client_credentials"], **members}


def implicit(*response_types: str, **members: Any) -> JsonObject:
    return code(grant_types=["implicit"], response_types=[*response_types], **members)


def hybrid(*response_types: str, **members: Any) -> JsonObject:
    grants = ["authorization_code", "implicit"]
    return code(grant_types=grants, response_types=[*response_types], **members)


def grants(*grant_types: str, **members: Any) -> JsonObject:
    return code(grant_types=[*grant_types], **members)


REQUIRED = "redirect_uris is required for the grant type authorization_code"
PAIRWISE = (
    "sector_identifier_uri is required for subject_type pairwise"
    " with redirect_uris on several hosts"
)
NO_NONE = "id_token_signed_response_alg must not be none"
NEEDS_SECRET = "needs a client secret, which method none has not"
METHOD = "token_endpoint_auth_method"
UNAVAILABLE = "is not available: no secret encryption key is configured"
RESPONSES = (
    "id_token_encrypted_response",
    "userinfo_encrypted_response",
    "introspection_encrypted_response",
    "authorization_encrypted_response",
    "nfv_token_encrypted_response",
)
ENCRYPTED = (*RESPONSES, "request_object_encryption")
SIGNED = (
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "request_object_signing_alg",
    "introspection_signed_response_alg",
    "authorization_signed_response_alg",
    "nfv_token_signed_response_alg",
)
PAGES = ("client_uri", "logo_uri", "tos_uri", "policy_uri")

CASES: dict[str, list[Case]] = {
    "CF-06": [
        Case({}, [REQUIRED], error=InvalidRedirectUri),
        Case({"redirect_uris": []}, [REQUIRED], error=InvalidRedirectUri),
        Case({"redirect_uris": None}, [REQUIRED], error=InvalidRedirectUri),
        Case({"Redirect_URIs": [CALLBACK]}, [REQUIRED], error=InvalidRedirectUri),
        Case(
            {"grant_types": ["implicit"], "response_types": ["token"]},
            [REQUIRED.replace("authorization_code", "implicit")],
            error=InvalidRedirectUri,
        ),
        Case(
            {"grant_types": ["implicit", "authorization_code"], "response_types": ["code token"]},
            [f"{REQUIRED} and implicit"],
            error=InvalidRedirectUri,
        ),
        Case(machine(), ["redirect_uris is required"], ALWAYS, InvalidRedirectUri),
        Case({}, ["redirect_uris is required"], ALWAYS, InvalidRedirectUri),
        Case(code()),
        Case(code(), choices=ALWAYS),
        Case(machine()),
        Case({"grant_types": ["password", "refresh_token"]}),
        Case(machine(redirect_uris=[CALLBACK]), choices=ALWAYS),
    ],
    "CF-02..04": [
        Case(
            implicit(
                "token", redirect_uris=[CALLBACK, "http://127.0.0.1/"], application_type="web"
            ),
            ["redirect_uris element 1 must use https with the implicit grant"],
            error=InvalidRedirectUri,
        ),
        Case(
            hybrid("code token", redirect_uris=["https://localhost/", "a.b:/c", CALLBACK])
            | {"application_type": "web"},
            [
                "redirect_uris element 0 uses the host localhost, which the implicit grant forbids",
                "redirect_uris element 1 must use https with the implicit grant",
            ],
            error=InvalidRedirectUri,
        ),
        Case(
            code(redirect_uris=["a.b:/c"], application_type="web"),
            [
                (
                    "redirect_uris element 0 must use https; a private-use scheme is for"
                    " application_type native"
                )
            ],
            error=InvalidRedirectUri,
        ),
        Case(
            code(redirect_uris=["a.b:/c", "https://a.example/"], application_type="native"),
            [
                (
                    "redirect_uris element 1 must use a private-use scheme or http on the local"
                    " machine for native clients"
                )
            ],
            {"redirect": {"native_claimed_https": False}},
            InvalidRedirectUri,
        ),
        Case(implicit("token")),
        Case(code(redirect_uris=["http://127.0.0.1/", CALLBACK], application_type="web")),
        Case(implicit("token", redirect_uris=["a.b:/c", "http://[::1]/"])),
        Case(code(redirect_uris=["a.b:/c", CALLBACK], application_type="native")),
    ],
    "CF-10": [
        Case(
            grants("authorization_code", response_types=["code", "token", "code id_token"]),
            [
                "response_types 'token' needs the grant types implicit",
                "response_types 'code id_token' needs the grant types implicit",
            ],
        ),
        Case(
            machine(response_types=["code"], redirect_uris=[CALLBACK]),
            ["response_types 'code' needs the grant types authorization_code"],
        ),
        Case(
            machine(response_types=["token id_token code"], redirect_uris=[CALLBACK]),
            [
                (
                    "response_types 'code id_token token' needs the grant types"
                    " authorization_code and implicit"
                )
            ],
        ),
        Case(
            implicit("id_token", "code"),
            ["response_types 'code' needs the grant types authorization_code"],
        ),
        Case(code(response_types=["code"])),
        Case(implicit("token", "id_token", "id_token token")),
        Case(hybrid(*EVERYTHING["response_types_supported"])),
        Case(
            grants("authorization_code", response_types=["code id_token", "code token"]),
            choices={"grants": {"implicit": True, "hybrid_needs_implicit": False}},
        ),
        Case(
            grants("authorization_code", response_types=["code", "id_token"]),
            ["response_types 'id_token' needs the grant types implicit"],
            {"grants": {"implicit": True, "hybrid_needs_implicit": False}},
        ),
    ],
    "CF-11": [
        Case(
            hybrid("code"),
            ["grant_types 'implicit' needs a response type that uses it, such as code"],
        ),
        Case(
            hybrid("token"),
            ["grant_types 'authorization_code' needs a response type that uses it, such as code"],
        ),
        Case(
            grants("implicit"),
            ["grant_types 'implicit' needs a response type that uses it, such as code"],
        ),
        Case(hybrid("code", "token")),
        Case(hybrid("code id_token")),
        Case(grants("authorization_code", "client_credentials", "refresh_token")),
        Case(machine(response_types=[])),
    ],
    "CF-12": [
        Case(
            machine(token_endpoint_auth_method="none"),
            ["grant_types 'client_credentials' needs a token_endpoint_auth_method other than none"],
        ),
        Case(
            grants("authorization_code", "client_credentials", token_endpoint_auth_method="none"),
            ["grant_types 'client_credentials' needs a token_endpoint_auth_method other than none"],
        ),
        Case(
            grants(
                CIBA,
                response_types=[],
                backchannel_token_delivery_mode="poll",
                token_endpoint_auth_method="none",
            ),
            [f"grant_types '{CIBA}' needs a token_endpoint_auth_method other than none"],
        ),
        Case(machine()),
        Case(machine(token_endpoint_auth_method="client_secret_post")),
        Case(grants("authorization_code", token_endpoint_auth_method="none")),
    ],
    "CF-13": [
        Case(
            {"grant_types": ["refresh_token", "refresh_token"]},
            [
                "grant_types 'refresh_token' needs another grant type that yields refresh tokens",
            ],
        ),
        Case({"grant_types": ["password", "refresh_token"]}),
        Case(grants("refresh_token", "authorization_code")),
    ],
    "CF-40": [
        Case(
            code(jwks=SIGNING_SET, jwks_uri=JWKS_URI),
            ["jwks and jwks_uri must not both be given"],
        ),
        Case(code(jwks=SIGNING_SET)),
        Case(code(jwks_uri=JWKS_URI)),
        Case(code(jwks=SIGNING_SET, jwks_uri="")),
        Case(code(jwks=None, jwks_uri=JWKS_URI)),
    ],
    "CF-33": [
        Case(
            code(token_endpoint_auth_method="private_key_jwt"),
            ["jwks or jwks_uri is required for private_key_jwt"],
        ),
        Case(
            code(token_endpoint_auth_method="private_key_jwt", jwks={"keys": []}),
            ["jwks must hold a signing key for private_key_jwt"],
        ),
        Case(
            code(token_endpoint_auth_method="private_key_jwt", jwks=ENCRYPTION_SET),
            ["jwks must hold a signing key for private_key_jwt"],
        ),
        Case(
            code(
                token_endpoint_auth_method="private_key_jwt",
                token_endpoint_auth_signing_alg="RS256",
                jwks=SIGNING_SET,
            ),
            ["jwks must hold a signing key for RS256 for private_key_jwt"],
        ),
        *(
            Case(
                code(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key]}),
                ["jwks must hold a signing key for PS256 or ES256 for private_key_jwt"],
                FEW_ALGORITHMS,
            )
            for key in (UNUSABLE_P384, UNUSABLE_RSA)
        ),
        Case(
            code(
                token_endpoint_auth_method="private_key_jwt",
                jwks={"keys": [USABLE_RSA]},
            ),
            choices=FEW_ALGORITHMS,
        ),
        Case(code(token_endpoint_auth_method="private_key_jwt", jwks=SIGNING_SET)),
        Case(code(token_endpoint_auth_method="private_key_jwt", jwks_uri=JWKS_URI)),
        Case(
            code(
                token_endpoint_auth_method="private_key_jwt",
                token_endpoint_auth_signing_alg="ES256",
                jwks=SIGNING_SET,
            ),
        ),
        Case(
            code(token_endpoint_auth_method="private_key_jwt", jwks=ENCRYPTION_SET),
            choices={"jwks": {"require_usable_key": False}},
        ),
        Case(code(jwks={"keys": []})),
    ],
    "CF-34..35": [
        Case(
            code(
                token_endpoint_auth_method="private_key_jwt",
                token_endpoint_auth_signing_alg="HS256",
                jwks_uri=JWKS_URI,
            ),
            [
                (
                    "token_endpoint_auth_signing_alg must be one of "
                    f"{', '.join(algorithms.SIGNATURE)} with private_key_jwt"
                )
            ],
        ),
        Case(
            code(
                token_endpoint_auth_method="client_secret_jwt",
                token_endpoint_auth_signing_alg="RS256",
            ),
            [
                (
                    "token_endpoint_auth_signing_alg must be one of HS256, HS384, HS512"
                    " with client_secret_jwt"
                )
            ],
        ),
        Case(
            code(
                token_endpoint_auth_method="client_secret_jwt",
                token_endpoint_auth_signing_alg="HS512",
            ),
        ),
        Case(code(token_endpoint_auth_method="client_secret_jwt")),
        Case(
            code(
                token_endpoint_auth_method="private_key_jwt",
                token_endpoint_auth_signing_alg="PS256",
                jwks_uri=JWKS_URI,
            ),
        ),
        # With another method the algorithm means nothing.
        Case(code(token_endpoint_auth_signing_alg="RS256")),
        Case(code(token_endpoint_auth_method="none", token_endpoint_auth_signing_alg="HS256")),
    ],
    "CF-21": [
        Case(
            code(redirect_uris=[CALLBACK, "https://other.example/"], subject_type="pairwise"),
            [PAIRWISE],
        ),
        Case(
            code(redirect_uris=["https://a.example/", "https://b.a.example/"])
            | {"subject_type": "pairwise"},
            [PAIRWISE],
        ),
        Case(
            code(
                redirect_uris=[CALLBACK, "https://other.example/"],
                subject_type="pairwise",
                sector_identifier_uri="https://client.example.org/sector.json",
            ),
        ),
        Case(
            code(
                redirect_uris=["https://a.example/1", "https://A.example:8443/2"],
                subject_type="pairwise",
            ),
        ),
        Case(code(redirect_uris=[CALLBACK, "https://other.example/"], subject_type="public")),
        Case(code(redirect_uris=[CALLBACK, "https://other.example/"])),
        Case(machine(subject_type="pairwise")),
    ],
    "CF-50": [
        Case(code(id_token_signed_response_alg="none"), [NO_NONE]),
        Case(
            hybrid("code id_token", id_token_signed_response_alg="none"),
            [f"{NO_NONE} when a response type returns an ID Token"],
            ALLOW_NONE,
        ),
        Case(
            hybrid("code", "token", "token id_token", id_token_signed_response_alg="none"),
            [f"{NO_NONE} when a response type returns an ID Token"],
            ALLOW_NONE,
        ),
        Case(code(id_token_signed_response_alg="none"), choices=ALLOW_NONE),
        Case(hybrid("code token", id_token_signed_response_alg="none"), choices=ALLOW_NONE),
        Case(hybrid("code id_token", id_token_signed_response_alg="ES256")),
        # Unsigned UserInfo and request objects are another matter.
        Case(code(userinfo_signed_response_alg="none", request_object_signing_alg="none")),
    ],
    "CF-51": [
        *(
            Case(
                code(token_endpoint_auth_method="none", **{name: algorithm}),
                [f"{name} '{algorithm}' {NEEDS_SECRET}"],
            )
            for name in SIGNED
            for algorithm in algorithms.MAC
        ),
        Case(
            code(token_endpoint_auth_method="none", **dict.fromkeys(SIGNED, "HS256")),
            [f"{name} 'HS256' {NEEDS_SECRET}" for name in SIGNED],
        ),
        Case(code(**dict.fromkeys(SIGNED, "HS256"))),
        Case(
            code(
                token_endpoint_auth_method="none",
                jwks_uri=JWKS_URI,
                **dict.fromkeys(SIGNED, "RS256"),
            )
        ),
    ],
    "CF-52": [
        *(
            Case(code(**{f"{stem}_enc": "A128GCM"}), [f"{stem}_enc needs {stem}_alg beside it"])
            for stem in ENCRYPTED
        ),
        *(Case(code(**{f"{stem}_enc": "A128GCM", f"{stem}_alg": "dir"})) for stem in ENCRYPTED),
        *(Case(code(**{f"{stem}_alg": "dir"})) for stem in ENCRYPTED),
    ],
    "CF-53": [
        *(
            Case(
                code(**{f"{stem}_alg": algorithm}, **keys),
                [f"{stem}_alg '{algorithm}' needs an encryption key in jwks or jwks_uri"],
            )
            for stem in RESPONSES
            for algorithm, keys in (
                ("RSA-OAEP", {}),
                ("ECDH-ES", {"jwks": SIGNING_SET}),
                ("RSA-OAEP-256", {"jwks": ENCRYPTION_SET}),
            )
        ),
        *(Case(code(**{f"{stem}_alg": "ECDH-ES"}, jwks=ENCRYPTION_SET)) for stem in RESPONSES),
        *(Case(code(**{f"{stem}_alg": "RSA-OAEP"}, jwks_uri=JWKS_URI)) for stem in RESPONSES),
        *(Case(code(**{f"{stem}_alg": "A128KW"})) for stem in RESPONSES),
        # Request objects are encrypted to the server's key.
        Case(code(request_object_encryption_alg="RSA-OAEP")),
    ],
    "CF-54": [
        *(
            Case(
                code(token_endpoint_auth_method="none", **{f"{stem}_alg": algorithm}),
                [f"{stem}_alg '{algorithm}' {NEEDS_SECRET}"],
            )
            for stem in ENCRYPTED
            for algorithm in algorithms.SYMMETRIC_ENCRYPTION
        ),
        *(Case(code(**{f"{stem}_alg": "dir"})) for stem in ENCRYPTED),
        Case(
            code(token_endpoint_auth_method="none", request_object_encryption_alg="ECDH-ES"),
        ),
    ],
    "CF-63": [
        Case(
            code(request_uris=["https://a.example/r", "http://a.example/r"]),
            ["request_uris element 1 must use https, or request_object_signing_alg be set"],
        ),
        Case(
            code(request_uris=["http://a.example/r"], request_object_signing_alg="none"),
            ["request_uris element 0 must use https, or request_object_signing_alg be set"],
        ),
        Case(code(request_uris=["http://a.example/r"], request_object_signing_alg="HS256")),
        Case(code(request_uris=["https://a.example/r#hash"])),
    ],
    "CF-60-LOCAL": [
        Case(
            code(**{name: "http://127.0.0.1:8080/about"}),
            [f"{name} must be an https URL"],
        )
        for name in ["client_uri", "tos_uri", "policy_uri", "client_uri#fr"]
    ]
    + [
        Case(
            code(client_uri="http://localhost:3000/", redirect_uris=["http://localhost:3000/cb"]),
        ),
        Case(
            code(
                client_uri="http://localhost:3000/",
                redirect_uris=["http://localhost:3000/cb", "https://client.example.org/cb"],
            ),
            ["client_uri must be an https URL"],
        ),
        Case(
            code(client_uri="http://127.0.0.1/"),
            choices={"uris": {"require_https_display": False}},
        ),
        Case(code(client_uri="https://client.example.org/")),
    ],
    "CF-61": [
        *(
            Case(
                code(**{name: "https://other.example/"}),
                [f"{name} must be on the host of a redirect URI"],
                SAME_HOST,
            )
            for name in [*PAGES, "client_uri#fr", "logo_uri#ja-Jpan-JP"]
        ),
        Case(code(**dict.fromkeys(PAGES, "https://CLIENT.example.org:8443/x")), choices=SAME_HOST),
        Case(code(**dict.fromkeys(PAGES, "https://other.example/"))),
        Case(code(client_name="x", jwks_uri="https://other.example/"), choices=SAME_HOST),
        Case(machine(client_uri="https://other.example/"), choices=SAME_HOST),
    ],
    "CF-15": [
        Case(
            grants(CIBA, response_types=[]),
            [f"backchannel_token_delivery_mode is required for the grant type {CIBA}"],
        ),
        *(
            Case(
                code(
                    backchannel_token_delivery_mode=mode,
                    backchannel_client_notification_endpoint=JWKS_URI,
                ),
                [f"grant_types must hold {CIBA} for the delivery mode {mode}"],
            )
            for mode in ("poll", "ping")
        ),
        Case(grants(CIBA, response_types=[], backchannel_token_delivery_mode="poll")),
        Case(
            code(
                backchannel_token_delivery_mode="push",
                backchannel_client_notification_endpoint=JWKS_URI,
            )
        ),
    ],
    "CF-68": [
        *(
            Case(
                grants(CIBA, response_types=[], backchannel_token_delivery_mode=mode),
                [
                    (
                        "backchannel_client_notification_endpoint is required for the delivery mode"
                        f" {mode}"
                    )
                ],
            )
            for mode in ("ping", "push")
        ),
        Case(
            grants(
                CIBA,
                response_types=[],
                backchannel_token_delivery_mode="ping",
                backchannel_client_notification_endpoint=JWKS_URI,
            )
        ),
    ],
    "CF-69": [
        Case(
            code(
                backchannel_token_delivery_mode="push",
                backchannel_client_notification_endpoint=JWKS_URI,
            ),
            ["backchannel_token_delivery_mode must be poll or ping"],
            {"ciba": {"push": False}},
        ),
        Case(
            code(backchannel_user_code_parameter=True),
            ["backchannel_user_code_parameter must be false"],
            {"ciba": {"user_code": False}},
        ),
        Case(code(backchannel_user_code_parameter=True), choices={"ciba": {"push": False}}),
        Case(
            grants(CIBA, response_types=[], backchannel_token_delivery_mode="poll"),
            choices={"ciba": {"push": False, "user_code": False}},
        ),
    ],
    "CF-36": [
        Case(
            code(**TLS),
            [
                (
                    "tls_client_auth_subject_dn is required for tls_client_auth, or one of"
                    " tls_client_auth_san_dns, tls_client_auth_san_uri, tls_client_auth_san_ip,"
                    " tls_client_auth_san_email"
                )
            ],
        ),
        Case(
            code(**TLS),
            ["tls_client_auth_subject_dn is required for tls_client_auth"],
            {"mtls": {"subject_params": ["tls_client_auth_subject_dn"]}},
        ),
        Case(
            code(**TLS, tls_client_auth_san_dns="a.example"),
            ["tls_client_auth_san_dns is not accepted here; use tls_client_auth_subject_dn"],
            {"mtls": {"subject_params": ["tls_client_auth_subject_dn"]}},
        ),
        Case(
            code(**TLS, **SUBJECTS),
            ["tls_client_auth_san_dns and tls_client_auth_subject_dn must not both be given"],
        ),
        *(Case(code(**TLS, **{name: value})) for name, value in SUBJECTS.items()),
    ],
    "CF-38": [
        *(
            Case(
                code(**{name: value}),
                [f"{name} needs the token_endpoint_auth_method tls_client_auth"],
            )
            for name, value in SUBJECTS.items()
        ),
        *(
            Case(code(**{name: value}), choices={"mtls": {"stray_subject_params": "ignore"}})
            for name, value in SUBJECTS.items()
        ),
        Case(code()),
    ],
    "CF-37": [
        Case(code(**SELF_SIGNED), ["jwks or jwks_uri is required for self_signed_tls_client_auth"]),
        Case(
            code(**SELF_SIGNED, jwks=SIGNING_SET),
            ["jwks must hold a key with x5c for self_signed_tls_client_auth"],
        ),
        Case(code(**SELF_SIGNED, jwks_uri=JWKS_URI)),
        Case(code(**SELF_SIGNED, jwks=CERTIFIED_SET)),
        Case(code(jwks=SIGNING_SET)),
    ],
    "CF-58": [
        Case(
            code(),
            ["dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens must be true"],
            FAPI,
        ),
        Case(
            code(dpop_bound_access_tokens=False, tls_client_certificate_bound_access_tokens=False),
            ["dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens must be true"],
            FAPI,
        ),
        Case(code(dpop_bound_access_tokens=True), choices=FAPI),
        Case(code(tls_client_certificate_bound_access_tokens=True), choices=FAPI),
        Case(
            code(dpop_bound_access_tokens=True, tls_client_certificate_bound_access_tokens=True),
            choices=FAPI,
        ),
        Case(
            code(),
            choices={"fapi": {"sender_constraint": True, "force_sender_constraint": "force"}},
        ),
        Case(code()),
    ],
    "CF-55": [
        Case(
            code(require_signed_request_object=True, request_object_signing_alg="none"),
            [
                (
                    "request_object_signing_alg must not be none"
                    " where require_signed_request_object is true"
                )
            ],
        ),
        Case(code(require_signed_request_object=False, request_object_signing_alg="none")),
        Case(code(require_signed_request_object=True)),
        Case(
            code(
                require_signed_request_object=True,
                request_object_signing_alg="ES256",
                jwks=SIGNING_SET,
            )
        ),
    ],
    "CF-56": [
        *(
            Case(
                code(**{name: "ES256"}),
                [f"{name} 'ES256' needs a signing key in jwks or jwks_uri"],
                REQUEST_KEY,
            )
            for name in (
                "request_object_signing_alg",
                "backchannel_authentication_request_signing_alg",
            )
        ),
        Case(
            code(request_object_signing_alg="RS256", jwks=SIGNING_SET),
            ["request_object_signing_alg 'RS256' needs a signing key in jwks or jwks_uri"],
            REQUEST_KEY,
        ),
        Case(code(request_object_signing_alg="ES256", jwks=SIGNING_SET), choices=REQUEST_KEY),
        Case(code(request_object_signing_alg="ES256", jwks_uri=JWKS_URI), choices=REQUEST_KEY),
        Case(
            code(request_object_signing_alg="ES256", signed_jwks_uri=JWKS_URI), choices=REQUEST_KEY
        ),
        Case(code(request_object_signing_alg="HS256"), choices=REQUEST_KEY),
        Case(code(request_object_signing_alg="none"), choices=REQUEST_KEY),
        Case(code(request_object_signing_alg="ES256")),
    ],
    "CF-66": [
        *(
            Case(code(**{name: "http://a.example/x"}), [f"{name} must be an https URL"])
            for name in ("frontchannel_logout_uri", "backchannel_logout_uri")
        ),
        *(
            Case(
                code(**PUBLIC, **{name: "http://a.example/x"}),
                [f"{name} must be an https URL"],
                HTTP_LOGOUT,
            )
            for name in ("frontchannel_logout_uri", "backchannel_logout_uri")
        ),
        Case(
            code(post_logout_redirect_uris=[LOGOUT, "http://a.example/x"]),
            ["post_logout_redirect_uris element 1 must be an https URL"],
        ),
        Case(
            code(post_logout_redirect_uris=["http://127.0.0.1/", "com.example.app:/x"]),
            [
                "post_logout_redirect_uris element 0 must be an https URL",
                "post_logout_redirect_uris element 1 must be an https URL",
            ],
        ),
        Case(
            code(post_logout_redirect_uris=["com.example.app:/x"]),
            ["post_logout_redirect_uris element 0 must be an https URL"],
            HTTP_LOGOUT,
        ),
        Case(
            code(**PUBLIC, post_logout_redirect_uris=["http://a.example/x"]),
            ["post_logout_redirect_uris element 0 must be an https URL"],
            HTTP_LOGOUT,
        ),
        Case(
            code(application_type="native", post_logout_redirect_uris=["http://a.example/x"]),
            ["post_logout_redirect_uris element 0 must be an https URL"],
        ),
        Case(
            code(
                frontchannel_logout_uri="http://a.example/x",
                backchannel_logout_uri="http://a.example/x",
                post_logout_redirect_uris=["http://a.example/x"],
            ),
            choices=HTTP_LOGOUT,
        ),
        Case(
            code(
                application_type="native",
                post_logout_redirect_uris=["http://localhost:1/", "com.example.app:/x", LOGOUT],
            )
        ),
        Case(
            code(
                frontchannel_logout_uri=LOGOUT,
                backchannel_logout_uri=LOGOUT,
                post_logout_redirect_uris=[LOGOUT],
            )
        ),
    ],
    "CF-65": [
        *(
            Case(
                code(frontchannel_logout_uri=value),
                ["frontchannel_logout_uri must have the scheme, host and port of a redirect URI"],
                SAME_ORIGIN,
            )
            for value in ("https://other.example/", "https://client.example.org:8443/")
        ),
        Case(code(frontchannel_logout_uri="https://client.example.org:443/x"), choices=SAME_ORIGIN),
        Case(code(backchannel_logout_uri="https://other.example/"), choices=SAME_ORIGIN),
        Case(code(frontchannel_logout_uri="https://other.example/")),
    ],
    "CF-67": [
        *(
            Case(
                code(**{f"{channel}channel_logout_session_required": True}),
                [
                    (
                        f"{channel}channel_logout_session_required"
                        f" needs {channel}channel_logout_uri beside it"
                    )
                ],
            )
            for channel in ("front", "back")
        ),
        *(
            Case(
                code(
                    **{
                        f"{channel}channel_logout_session_required": True,
                        f"{channel}channel_logout_uri": LOGOUT,
                    }
                )
            )
            for channel in ("front", "back")
        ),
        Case(code(frontchannel_logout_session_required=False)),
    ],
    "OIDC-16.19-01": [
        Case(
            code(token_endpoint_auth_method="client_secret_jwt"),
            [f"token_endpoint_auth_method 'client_secret_jwt' {UNAVAILABLE}"],
            NO_SECRETS,
        ),
        *(
            Case(code(**{name: "HS256"}), [f"{name} 'HS256' {UNAVAILABLE}"], NO_SECRETS)
            for name in SIGNED
        ),
        *(
            Case(code(**{f"{stem}_alg": "dir"}), [f"{stem}_alg 'dir' {UNAVAILABLE}"], NO_SECRETS)
            for stem in ENCRYPTED
        ),
        Case(code(token_endpoint_auth_method="client_secret_jwt")),
        Case(code(), choices=NO_SECRETS),
        Case(code(request_object_encryption_alg="RSA-OAEP"), choices=NO_SECRETS),
    ],
    "EXT-02": [
        Case(
            code(published=True, token_endpoint_auth_method="client_secret_basic"),
            ["published must not be true beside client_secret_basic: a document holds no secret"],
        ),
        Case(code(published=False)),
        Case(code(published=True, **PUBLIC)),
    ],
    "EXT-01": [
        Case(
            code(public_client=True, token_endpoint_auth_method="client_secret_post"),
            [f"public_client must not be true beside {METHOD} client_secret_post"],
        ),
        Case(
            code(public_client=False, **PUBLIC),
            [f"public_client must not be false beside {METHOD} none"],
        ),
        Case(
            code(public_client=True),
            [f"public_client must not be true beside {METHOD} client_secret_basic"],
            {"supported": {"token_endpoint_auth_methods_supported": ["client_secret_basic"]}},
        ),
        Case(code(public_client=True)),
        Case(code(public_client=True, **PUBLIC)),
        Case(code(public_client=False)),
        Case(code(**PUBLIC)),
    ],
    "POL-57": [
        Case(
            code(client_name="Cl\u0430ude"),
            ["client_name mixes scripts in one word: Cyrillic and Latin"],
            ONE_SCRIPT,
        ),
        Case(
            code(**{"client_name": "x", "client_name#ru": "\u041aa"}),
            ["client_name#ru mixes scripts in one word: Cyrillic and Latin"],
            ONE_SCRIPT,
        ),
        Case(code(client_name="Cl\u0430ude")),
        Case(code(client_name="Яндекс Browser"), choices=ONE_SCRIPT),
        Case(code(software_id="Cl\u0430ude"), choices=ONE_SCRIPT),
    ],
    "POL-58": [
        Case(
            code(logo_uri="https://cdn.example.net/logo.png"),
            ["logo_uri is on another domain than every redirect URI"],
            ONE_DOMAIN,
        ),
        Case(
            code(**{"client_uri": "https://www.example.org/", "tos_uri#fr": "https://a.com/"}),
            ["tos_uri#fr is on another domain than every redirect URI"],
            ONE_DOMAIN,
        ),
        Case(
            code(redirect_uris=["https://a.github.io/cb"], policy_uri="https://b.github.io/"),
            ["policy_uri is on another domain than every redirect URI"],
            ONE_DOMAIN,
        ),
        Case(
            code(redirect_uris=["https://a.co.uk/cb"], client_uri="https://b.co.uk/"),
            ["client_uri is on another domain than every redirect URI"],
            ONE_DOMAIN,
        ),
        Case(code(logo_uri="https://cdn.example.net/logo.png")),
        Case(code(logo_uri="https://cdn.example.org/logo.png"), choices=ONE_DOMAIN),
        Case(
            code(
                redirect_uris=["http://127.0.0.1/cb"],
                application_type="native",
                client_uri="https://a.com/",
            ),
            choices=ONE_DOMAIN,
        ),
    ],
}
BY_ID = {rule.id: rule for rule in RULES}
VIOLATING = [
    (name, case) for name, cases in CASES.items() for number, case in enumerate(cases) if case.told
]
SATISFYING = [
    (name, case)
    for name, cases in CASES.items()
    for number, case in enumerate(cases)
    if not case.told
]


def test_every_rule_has_cases_of_both_sorts() -> None:
    assert list(BY_ID) == [rule.id for rule in RULES], "two rules of one id"
    assert set(CASES) == set(BY_ID)
    for cases in CASES.values():
        assert {bool(case.told) for case in cases} == {True, False}


@requirement("R7591-2-02", "R7591-2-14", "R7591-2-19", "R7591-2.1-01", "R7591-2.1-02")
@requirement("R7591-2.1-03", "R7591-5-02", "R7591-5-04", "R7591-5-07", "POL-22", "POL-35")
@requirement("OIDR-2-01", "OIDR-2-05", "OIDR-2-06", "OIDR-2-07", "OIDR-2-08", "OIDR-2-10")
@requirement("OIDR-2-16", "OIDR-2-21", "OIDR-2-22", "OIDR-2-27", "OIDR-2-32", "OIDR-9.1-01")
@requirement("OIDC-8.1-01", "POL-34", "CIBA-4-01", "CIBA-4-02", "CIBA-4-03", "LOGO-2-01")
@requirement("R8705-2.1.2-01", "R8705-2.2-01", "R9101-10.5-01", "POL-36", "POL-48")
@each("rule_id, case", VIOLATING)
def test_violations(rule_id: str, case: Case) -> None:
    rule = BY_ID[rule_id]
    draft, issues = examine(case.submission, case.terms)
    told = list(rule.issues(draft, case.terms))
    assert [issue.text for issue in told] == case.told
    assert all(issue in issues for issue in told)
    assert {issue.error for issue in told} == {case.error}
    assert {issue.specification for issue in told} == {rule.specification}
    assert {base_of(issue.member) for issue in told} <= rule.uses
    with pytest.raises(RegistrationError) as caught:
        validate(case.submission, case.terms)
    assert all(text in caught.value.description for text in case.told)


@requirement("R7591-2.1-02", "OIDR-2-05", "OIDR-2-21", "OIDR-2-28", "OIDR-2-32")
@each("rule_id, case", SATISFYING)
def test_satisfied(rule_id: str, case: Case) -> None:
    """By each rule, so that no case is refused for another reason than it claims."""
    _, issues = examine(case.submission, case.terms)
    assert issues == [], rule_id
    validate(case.submission, case.terms)


@each("rule_id, case", VIOLATING)
def test_a_rule_is_not_asked_about_members_that_failed_by_themselves(
    rule_id: str, case: Case
) -> None:
    rule = BY_ID[rule_id]
    for name in sorted(rule.uses):
        # No member of the catalogue takes a fraction.
        draft, issues = examine(case.submission | {name: 1.5}, case.terms)
        assert list(rule.issues(draft, case.terms)) == []
        assert name in {issue.member for issue in issues}


class Recording(dict[str, JsonValue]):
    """Members that remember by which names they were asked for."""

    asked: set[str]

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> JsonValue:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)


@pytest.fixture(scope="module")
def drafts() -> list[tuple[JsonObject, Terms]]:
    """What each case becomes, and the terms to judge it by."""
    judged = [(case.submission, case.terms) for cases in CASES.values() for case in cases]
    return [(examine(sent, by)[0].members, by) for sent, by in judged]


@each("rule_id", BY_ID)
def test_a_rule_names_the_members_it_reads(
    drafts: list[tuple[JsonObject, Terms]], rule_id: str
) -> None:
    rule = BY_ID[rule_id]
    assert rule.uses <= PARAMETERS.keys()
    for draft, terms_ in drafts:
        if rule.about and draft.keys().isdisjoint(rule.about):
            continue
        members = Recording(draft)
        members.asked = set()
        list(rule.check(Draft(members), terms_))
        assert {base_of(name) for name in members.asked} <= rule.uses


@requirement("OIDR-2-05")
def test_each_supported_response_type_has_its_grants() -> None:
    assert set(GRANTS_OF_RESPONSE_TYPE) == set(EVERYTHING["response_types_supported"])
    for response_type, needed in GRANTS_OF_RESPONSE_TYPE.items():
        words = set(response_type.split())
        assert ("authorization_code" in needed) == ("code" in words)
        assert ("implicit" in needed) == bool(words & {"token", "id_token"})
        assert needed <= REDIRECT_GRANTS


# ---- secrets -------------------------------------------------------------------------------

NO_READER: JsonObject = {"id_token_signed_response_alg": "RS256"}
READERS: list[JsonObject] = [
    *({name: "HS256"} for name in SIGNED),
    *({f"{stem}_alg": "dir"} for stem in ENCRYPTED),
    *({f"{stem}_alg": "A256GCMKW"} for stem in ENCRYPTED),
]


def registered(method: str, members: JsonObject) -> ClientMetadata:
    return ClientMetadata({"token_endpoint_auth_method": method} | members)


@requirement("R7591-2-04")
@each("method", ["client_secret_basic", "client_secret_post"])
def test_secrets_for_the_methods_that_send_them(method: str) -> None:
    assert needs_secret(registered(method, NO_READER))
    assert not needs_readable_secret(registered(method, NO_READER))


@requirement("R7591-2-04")
@each("method", ["none", "private_key_jwt", "tls_client_auth"])
def test_no_secrets_for_other_methods(method: str) -> None:
    assert not needs_secret(registered(method, NO_READER))
    assert not needs_readable_secret(registered(method, NO_READER))


def test_a_mac_of_the_secret_reads_it() -> None:
    assert needs_secret(registered("client_secret_jwt", NO_READER))
    assert needs_readable_secret(registered("client_secret_jwt", NO_READER))


@requirement("OIDR-2-26")
@each("members", READERS)
@each("method", ["client_secret_basic", "private_key_jwt"])
def test_symmetric_algorithms_ask_for_a_readable_secret(method: str, members: JsonObject) -> None:
    assert needs_secret(registered(method, members))
    assert needs_readable_secret(registered(method, members))


@requirement("R7591-5-04")
@each("members", READERS)
def test_public_clients_never_have_a_secret(members: JsonObject) -> None:
    assert not needs_secret(registered("none", members))
    assert not needs_readable_secret(registered("none", members))


def test_registered_metadata_by_name() -> None:
    made = ClientMetadata({"a": "x", "b": ["y", 1, "z"], "c": 1})
    assert (made.text("a"), made.text("b"), made.text("c"), made.text("d")) == ("x", "", "", "")
    assert (made.texts("b"), made.texts("a"), made.texts("d")) == (["y", "z"], [], [])
    assert made.auth_method == ""
    assert registered("none", {}).auth_method == "none"
