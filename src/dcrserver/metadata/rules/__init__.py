"""Cross-field rules: one function each, with its place in the specifications.

``RULES`` is the order in which they are asked and told.
"""

from __future__ import annotations

from dcrserver.metadata.model import Rule
from dcrserver.metadata.rules.authentication import (
    assertion_algorithm_fits_the_method,
    jwks_and_jwks_uri_are_exclusive,
    private_key_jwt_needs_a_key,
    self_signed_certificates_come_in_the_jwks,
    subjects_are_for_tls_client_auth,
    tls_client_auth_needs_one_subject,
    tokens_are_bound,
)
from dcrserver.metadata.rules.protection import (
    content_encryption_needs_key_management,
    encrypted_responses_need_a_client_key,
    mac_algorithms_need_a_secret,
    needs_readable_secret,
    needs_secret,
    readable_secrets_need_a_configured_key,
    required_signatures_are_not_none,
    signed_requests_need_a_client_key,
    symmetric_encryption_needs_a_secret,
    unsigned_id_tokens_stay_off_the_front_channel,
)
from dcrserver.metadata.rules.redirection import (
    GRANTS_OF_RESPONSE_TYPE,
    REDIRECT_GRANTS,
    displayed_pages_share_the_redirect_host,
    pairwise_needs_one_sector,
    plain_request_uris_need_signed_objects,
    redirect_grants_have_a_response_type,
    redirect_grants_need_redirect_uris,
    redirect_uris_fit_the_application_type,
    refresh_tokens_come_from_another_grant,
    response_types_have_their_grants,
    some_grants_are_for_confidential_clients,
)
from dcrserver.metadata.rules.sessions import (
    ciba_keeps_to_the_profile,
    delivery_mode_and_ciba_grant_come_together,
    frontchannel_logout_has_a_known_origin,
    logout_uris_are_protected,
    notifications_need_an_endpoint,
    required_sessions_have_a_logout_uri,
)

RULES: tuple[Rule, ...] = (
    redirect_grants_need_redirect_uris,
    redirect_uris_fit_the_application_type,
    response_types_have_their_grants,
    redirect_grants_have_a_response_type,
    some_grants_are_for_confidential_clients,
    refresh_tokens_come_from_another_grant,
    delivery_mode_and_ciba_grant_come_together,
    notifications_need_an_endpoint,
    ciba_keeps_to_the_profile,
    jwks_and_jwks_uri_are_exclusive,
    private_key_jwt_needs_a_key,
    assertion_algorithm_fits_the_method,
    tls_client_auth_needs_one_subject,
    subjects_are_for_tls_client_auth,
    self_signed_certificates_come_in_the_jwks,
    tokens_are_bound,
    pairwise_needs_one_sector,
    unsigned_id_tokens_stay_off_the_front_channel,
    mac_algorithms_need_a_secret,
    content_encryption_needs_key_management,
    encrypted_responses_need_a_client_key,
    symmetric_encryption_needs_a_secret,
    required_signatures_are_not_none,
    signed_requests_need_a_client_key,
    plain_request_uris_need_signed_objects,
    displayed_pages_share_the_redirect_host,
    logout_uris_are_protected,
    frontchannel_logout_has_a_known_origin,
    required_sessions_have_a_logout_uri,
    readable_secrets_need_a_configured_key,
)

__all__ = [
    "GRANTS_OF_RESPONSE_TYPE",
    "REDIRECT_GRANTS",
    "RULES",
    "needs_readable_secret",
    "needs_secret",
]
