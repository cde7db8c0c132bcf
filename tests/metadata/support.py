"""What the tests of the pure layer share: a server that supports everything, terms, verdicts."""

from __future__ import annotations

from typing import Any

from dcrserver.metadata import Issue, Policy, ServerCapabilities, Terms, algorithms, examine
from dcrserver.strict_json import JsonObject

CALLBACK = "https://client.example.org/callback"
MINIMAL: JsonObject = {"redirect_uris": [CALLBACK]}

_SIGNING = (*algorithms.SIGNATURE, *algorithms.MAC, "none")

# Each list that the catalogue asks for, as wide as the specifications allow.
EVERYTHING: dict[str, tuple[str, ...]] = {
    "token_endpoint_auth_methods_supported": (
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "none",
    ),
    "grant_types_supported": (
        "authorization_code",
        "implicit",
        "password",
        "client_credentials",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ),
    "response_types_supported": (
        "code",
        "token",
        "id_token",
        "id_token token",
        "code id_token",
        "code token",
        "code id_token token",
    ),
    "scopes_supported": ("openid", "profile", "email", "offline_access"),
    "subject_types_supported": ("public", "pairwise"),
    "id_token_signing_alg_values_supported": _SIGNING,
    "userinfo_signing_alg_values_supported": _SIGNING,
    "request_object_signing_alg_values_supported": _SIGNING,
    "token_endpoint_auth_signing_alg_values_supported": _SIGNING,
    "id_token_encryption_alg_values_supported": algorithms.ENCRYPTION,
    "userinfo_encryption_alg_values_supported": algorithms.ENCRYPTION,
    "request_object_encryption_alg_values_supported": algorithms.ENCRYPTION,
    "id_token_encryption_enc_values_supported": algorithms.CONTENT_ENCRYPTION,
    "userinfo_encryption_enc_values_supported": algorithms.CONTENT_ENCRYPTION,
    "request_object_encryption_enc_values_supported": algorithms.CONTENT_ENCRYPTION,
}


def terms(
    *,
    supported: dict[str, tuple[str, ...]] | None = None,
    readable_secrets: bool = True,
    allowed_hosts: frozenset[str] = frozenset(),
    **groups: Any,
) -> Terms:
    """Terms of a server that supports everything, less or other than that by ``supported``.

    ``groups`` are the groups of the policy, as in the configuration file.
    """
    return Terms(
        policy=Policy.model_validate(groups),
        server=ServerCapabilities(EVERYTHING | (supported or {})),
        allowed_hosts=allowed_hosts,
        readable_secrets=readable_secrets,
    )


TERMS = terms()


def issues_of(submission: JsonObject, judged_by: Terms = TERMS) -> list[Issue]:
    return examine(submission, judged_by)[1]


def texts_of(submission: JsonObject, judged_by: Terms = TERMS) -> list[str]:
    """What is wrong with ``submission``, as it is told."""
    return [issue.text for issue in issues_of(submission, judged_by)]


def base_of(member: str) -> str:
    """The catalogue's name of a member that may carry a language tag."""
    return member.partition("#")[0]
