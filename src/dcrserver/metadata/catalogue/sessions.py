"""What OpenID Connect adds around the login: logout, CIBA, JARM."""

from __future__ import annotations

from dcrserver.metadata import kinds
from dcrserver.metadata.catalogue.shared import ASYMMETRIC, CONTENT, ENCRYPTION, SIGNED
from dcrserver.metadata.model import Parameter
from dcrserver.metadata.roles import Role

_FRONT = "OpenID Connect Front-Channel Logout 2"
_BACK = "OpenID Connect Back-Channel Logout 2.2"
_CIBA = "OpenID Connect CIBA 4"
_JARM = "JARM 3"

LOGOUT: tuple[Parameter, ...] = (
    Parameter(
        "frontchannel_logout_uri", kinds.LOGOUT_URI, _FRONT,
        "Page that logs the person out of the client, shown in a frame",
        role=Role.LOGOUT,
        features=("frontchannel_logout_supported",), example="https://client.example.org/logout",
    ),
    Parameter(
        "frontchannel_logout_session_required", kinds.BOOLEAN, _FRONT,
        "Whether frontchannel_logout_uri is called with iss and sid", default=False,
        features=("frontchannel_logout_session_supported",), example=False,
    ),
    Parameter(
        "backchannel_logout_uri", kinds.LOGOUT_URI, _BACK,
        "Where the server posts logout tokens",
        role=Role.LOGOUT, features=("backchannel_logout_supported",),
        fetched=True, example="https://client.example.org/logout-token",
    ),
    Parameter(
        "backchannel_logout_session_required", kinds.BOOLEAN, _BACK,
        "Whether logout tokens carry sid", default=False,
        features=("backchannel_logout_session_supported",), example=False,
    ),
    Parameter(
        "post_logout_redirect_uris", kinds.LOGOUT_REDIRECT_URIS,
        "OpenID Connect RP-Initiated Logout 3.1",
        "Where a person may be sent after logout, compared by exact string",
        features=("end_session_endpoint",), example=["https://client.example.org/bye"],
    ),
)  # fmt: skip

CIBA: tuple[Parameter, ...] = (
    Parameter(
        "backchannel_token_delivery_mode",
        kinds.choice("poll", "ping", "push", rule="CIBA-4-01"), _CIBA,
        "How the client learns of the person's decision",
        bounded_by="backchannel_token_delivery_modes_supported",
        features=("backchannel_token_delivery_modes_supported",), example="poll",
    ),
    Parameter(
        "backchannel_client_notification_endpoint", kinds.FETCHED_URI, _CIBA,
        "Where ping and push go", features=("backchannel_token_delivery_modes_supported",),
        fetched=True, example="https://client.example.org/ciba",
    ),
    Parameter(
        "backchannel_authentication_request_signing_alg", ASYMMETRIC, _CIBA,
        "How backchannel authentication requests are signed",
        role=Role.REQUEST_SIGNATURE,
        bounded_by="backchannel_authentication_request_signing_alg_values_supported",
        features=("backchannel_authentication_request_signing_alg_values_supported",),
    ),
    Parameter(
        "backchannel_user_code_parameter", kinds.BOOLEAN, _CIBA,
        "Whether the client sends user_code", default=False,
        features=("backchannel_user_code_parameter_supported",), example=False,
    ),
)  # fmt: skip

JARM: tuple[Parameter, ...] = (
    Parameter(
        "authorization_signed_response_alg", SIGNED, _JARM,
        "How authorization responses are signed",
        role=Role.RESPONSE_SIGNATURE, default="RS256",
        bounded_by="authorization_signing_alg_values_supported",
        features=("authorization_signing_alg_values_supported",), example="RS256",
    ),
    Parameter(
        "authorization_encrypted_response_alg", ENCRYPTION, _JARM,
        "How authorization responses are encrypted",
        role=Role.RESPONSE_ENCRYPTION, bounded_by="authorization_encryption_alg_values_supported",
        features=("authorization_encryption_alg_values_supported",),
    ),
    Parameter(
        "authorization_encrypted_response_enc", CONTENT, _JARM,
        "Content encryption of authorization responses",
        role=Role.CONTENT_ENCRYPTION, bounded_by="authorization_encryption_enc_values_supported",
        features=("authorization_encryption_alg_values_supported",),
    ),
)  # fmt: skip
