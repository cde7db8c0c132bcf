"""What we know of an authorization server's metadata, so that a mistake is no extension.

Any other member is legal and published as it is; but one that nearly has the name of a known one
is a slip of the pen, and would otherwise do nothing in silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from difflib import SequenceMatcher, get_close_matches
from typing import TypeAlias

from dcrserver.metadata import uris
from dcrserver.strict_json import JsonValue

# Two letters left out, or one replaced. Less would miss slips, more would hit extensions.
_SLIP = 2


def checked(name: str, value: JsonValue) -> JsonValue:
    """``value`` as the member ``name`` has it; environment variables bring all of them as text.

    Raises:
        ValueError: not what the member must be, or the name is nearly that of a known member.
    """
    kind = MEMBERS.get(name.partition("#")[0])
    if kind is not None:
        return kind(value)
    meant = _meant(name)
    if meant is not None:
        raise ValueError(f"no such member; did you mean {meant}?")
    return value


def _meant(name: str) -> str | None:
    for known in get_close_matches(name.lower(), [*MEMBERS, "metadata"], n=1):
        likeness = SequenceMatcher(None, name.lower(), known).ratio()
        if round((1 - likeness) * (len(name) + len(known))) <= _SLIP:
            return known
    return None


def _texts(value: JsonValue) -> JsonValue:
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError):
            value = json.loads(value)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("must be an array of strings")
    return value


def _flag(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower(), value)
    if not isinstance(value, bool):
        raise ValueError("must be a boolean: true or false")  # noqa: TRY004 - pydantic's protocol
    return value


def _url(value: JsonValue) -> JsonValue:
    try:
        uri = uris.parse(value) if isinstance(value, str) else None
    except uris.BadUri as error:
        raise ValueError(f"must be an http(s) URL: {error}") from None
    if uri is None or uri.scheme not in {"http", "https"} or uri.host is None:
        raise ValueError("must be an http(s) URL")
    return value


def _anything(value: JsonValue) -> JsonValue:
    return value


_Kind: TypeAlias = Callable[[JsonValue], JsonValue]

MEMBERS: Mapping[str, _Kind] = {
    # RFC 8414 2
    "issuer": _url,
    "authorization_endpoint": _url,
    "token_endpoint": _url,
    "jwks_uri": _url,
    "registration_endpoint": _url,
    "scopes_supported": _texts,
    "response_types_supported": _texts,
    "response_modes_supported": _texts,
    "grant_types_supported": _texts,
    "token_endpoint_auth_methods_supported": _texts,
    "token_endpoint_auth_signing_alg_values_supported": _texts,
    "service_documentation": _url,
    "ui_locales_supported": _texts,
    "op_policy_uri": _url,
    "op_tos_uri": _url,
    "revocation_endpoint": _url,
    "revocation_endpoint_auth_methods_supported": _texts,
    "revocation_endpoint_auth_signing_alg_values_supported": _texts,
    "introspection_endpoint": _url,
    "introspection_endpoint_auth_methods_supported": _texts,
    "introspection_endpoint_auth_signing_alg_values_supported": _texts,
    "code_challenge_methods_supported": _texts,
    "signed_metadata": _anything,
    # OpenID Connect Discovery 3
    "userinfo_endpoint": _url,
    "acr_values_supported": _texts,
    "subject_types_supported": _texts,
    "id_token_signing_alg_values_supported": _texts,
    "id_token_encryption_alg_values_supported": _texts,
    "id_token_encryption_enc_values_supported": _texts,
    "userinfo_signing_alg_values_supported": _texts,
    "userinfo_encryption_alg_values_supported": _texts,
    "userinfo_encryption_enc_values_supported": _texts,
    "request_object_signing_alg_values_supported": _texts,
    "request_object_encryption_alg_values_supported": _texts,
    "request_object_encryption_enc_values_supported": _texts,
    "display_values_supported": _texts,
    "claim_types_supported": _texts,
    "claims_supported": _texts,
    "claims_locales_supported": _texts,
    "claims_parameter_supported": _flag,
    "request_parameter_supported": _flag,
    "request_uri_parameter_supported": _flag,
    "require_request_uri_registration": _flag,
    # Initiating User Registration
    "prompt_values_supported": _texts,
    # Session management and logout
    "check_session_iframe": _url,
    "end_session_endpoint": _url,
    "frontchannel_logout_supported": _flag,
    "frontchannel_logout_session_supported": _flag,
    "backchannel_logout_supported": _flag,
    "backchannel_logout_session_supported": _flag,
    # Device grant (RFC 8628 4), mutual TLS (RFC 8705 3.3, 5)
    "device_authorization_endpoint": _url,
    "tls_client_certificate_bound_access_tokens": _flag,
    "mtls_endpoint_aliases": _anything,
    # PAR (RFC 9126 5), JAR (RFC 9101 10.5), RAR (RFC 9396 10), issuer (RFC 9207 3), DPoP (RFC 9449)
    "pushed_authorization_request_endpoint": _url,
    "require_pushed_authorization_requests": _flag,
    "require_signed_request_object": _flag,
    "authorization_details_types_supported": _texts,
    "authorization_response_iss_parameter_supported": _flag,
    "dpop_signing_alg_values_supported": _texts,
    # JARM 4, protected introspection (RFC 9701 7), protected resources (RFC 9728 4)
    "authorization_signing_alg_values_supported": _texts,
    "authorization_encryption_alg_values_supported": _texts,
    "authorization_encryption_enc_values_supported": _texts,
    "introspection_signing_alg_values_supported": _texts,
    "introspection_encryption_alg_values_supported": _texts,
    "introspection_encryption_enc_values_supported": _texts,
    "protected_resources": _texts,
    # CIBA 4
    "backchannel_authentication_endpoint": _url,
    "backchannel_token_delivery_modes_supported": _texts,
    "backchannel_authentication_request_signing_alg_values_supported": _texts,
    "backchannel_user_code_parameter_supported": _flag,
    # Federation 5.1.3 and the members of 5.2 that any entity may have
    "client_registration_types_supported": _texts,
    "federation_registration_endpoint": _url,
    "request_authentication_methods_supported": _anything,
    "request_authentication_signing_alg_values_supported": _texts,
    "jwks": _anything,
    "signed_jwks_uri": _url,
    "organization_name": _anything,
    "organization_uri": _url,
    "display_name": _anything,
    "description": _anything,
    "keywords": _texts,
    "contacts": _texts,
    "logo_uri": _url,
    "policy_uri": _url,
    "information_uri": _url,
    # Client ID metadata documents, grant management, attestation-based client authentication,
    # first-party applications, identity chaining
    "client_id_metadata_document_supported": _flag,
    "grant_management_endpoint": _url,
    "grant_management_actions_supported": _texts,
    "grant_management_action_required": _flag,
    "challenge_endpoint": _url,
    "client_attestation_signing_alg_values_supported": _texts,
    "client_attestation_pop_signing_alg_values_supported": _texts,
    "authorization_challenge_endpoint": _url,
    "identity_chaining_requested_token_types_supported": _texts,
    "authorization_grant_profiles_supported": _texts,
    # Verifiable presentations and credentials, SIOP, NFV
    "vp_formats_supported": _anything,
    "pre-authorized_grant_anonymous_access_supported": _flag,
    "subject_syntax_types_supported": _texts,
    "id_token_types_supported": _texts,
    "nfv_token_signing_alg_values_supported": _texts,
    "nfv_token_encryption_alg_values_supported": _texts,
    "nfv_token_encryption_enc_values_supported": _texts,
    # Identity assurance
    "verified_claims_supported": _flag,
    "trust_frameworks_supported": _texts,
    "evidence_supported": _texts,
    "documents_supported": _texts,
    "documents_methods_supported": _texts,
    "documents_check_methods_supported": _texts,
    "electronic_records_supported": _texts,
    "claims_in_verified_claims_supported": _texts,
    "attachments_supported": _texts,
    "digest_algorithms_supported": _texts,
    # UMA 2.0
    "uma_profiles_supported": _texts,
    "claims_interaction_endpoint": _url,
    "permission_endpoint": _url,
    "resource_registration_endpoint": _url,
    # Of no specification, but not a slip for acr_values_supported
    "amr_values_supported": _texts,
}
