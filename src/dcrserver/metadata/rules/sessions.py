"""Logout and backchannel authentication."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.metadata import uris
from dcrserver.metadata.catalogue import members
from dcrserver.metadata.model import Draft, Finding, Rule, Terms
from dcrserver.metadata.redirect_uris import is_private_use
from dcrserver.metadata.roles import Role
from dcrserver.metadata.rules.definition import rule
from dcrserver.metadata.rules.redirection import CIBA_GRANT

_LOGOUT_URIS = members(Role.LOGOUT)


def logout_uris_are_protected(draft: Draft, terms: Terms) -> Iterator[Finding]:
    plain = terms.policy.logout.http_for_confidential and not draft.is_public
    for name in _LOGOUT_URIS:
        if draft.has(name) and uris.parse(draft.text(name)).scheme != "https" and not plain:
            yield name, "must be an https URL"
    native = draft.text("application_type") == "native"
    for position, value in enumerate(draft.texts("post_logout_redirect_uris")):
        uri = uris.parse(value)
        if uri.scheme == "https" or (native and (uri.is_loopback or is_private_use(value))):
            continue
        if uri.scheme != "http" or not plain:
            yield "post_logout_redirect_uris", f"element {position} must be an https URL"


def frontchannel_logout_has_a_known_origin(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if not terms.policy.logout.frontchannel_same_origin:
        return
    origins = {_origin(value) for value in draft.texts("redirect_uris")}
    if _origin(draft.text("frontchannel_logout_uri")) not in origins:
        reason = "must have the scheme, host and port of a redirect URI"
        yield "frontchannel_logout_uri", reason


def _origin(value: str) -> tuple[str, str]:
    uri = uris.parse(value)
    return uri.scheme, uri.authority


def required_sessions_have_a_logout_uri(draft: Draft, _: Terms) -> Iterator[Finding]:
    for uri in _LOGOUT_URIS:
        name = f"{uri.removesuffix('uri')}session_required"
        if draft.members.get(name) is True and not draft.has(uri):
            yield name, f"needs {uri} beside it"


def delivery_mode_and_ciba_grant_come_together(draft: Draft, _: Terms) -> Iterator[Finding]:
    mode = draft.text("backchannel_token_delivery_mode")
    if CIBA_GRANT in draft.texts("grant_types"):
        if not mode:
            yield "backchannel_token_delivery_mode", f"is required for the grant type {CIBA_GRANT}"
    elif mode in {"poll", "ping"}:
        yield "grant_types", f"must hold {CIBA_GRANT} for the delivery mode {mode}"


def notifications_need_an_endpoint(draft: Draft, _: Terms) -> Iterator[Finding]:
    mode = draft.text("backchannel_token_delivery_mode")
    if mode in {"ping", "push"} and not draft.has("backchannel_client_notification_endpoint"):
        reason = f"is required for the delivery mode {mode}"
        yield "backchannel_client_notification_endpoint", reason


def ciba_keeps_to_the_profile(draft: Draft, terms: Terms) -> Iterator[Finding]:
    policy = terms.policy.ciba
    if not policy.push and draft.text("backchannel_token_delivery_mode") == "push":
        yield "backchannel_token_delivery_mode", "must be poll or ping"
    if not policy.user_code and draft.members.get("backchannel_user_code_parameter") is True:
        yield "backchannel_user_code_parameter", "must be false"


RULES: tuple[Rule, ...] = (
    rule(
        logout_uris_are_protected,
        "CF-66",
        "OpenID Connect Front-Channel Logout 2, Back-Channel Logout 2.2, RP-Initiated Logout 3.1",
        "logout URIs use https; http where the policy allows it and the client is confidential;"
        " after logout, native clients may use what they may redirect to",
        uses=["token_endpoint_auth_method", "application_type"],
        about=[*_LOGOUT_URIS, "post_logout_redirect_uris"],
    ),
    rule(
        frontchannel_logout_has_a_known_origin,
        "CF-65",
        "OpenID Connect Front-Channel Logout 2",
        "frontchannel_logout_uri has the origin of a redirect URI, where the policy says so",
        uses=["redirect_uris"],
        about=["frontchannel_logout_uri"],
    ),
    rule(
        required_sessions_have_a_logout_uri,
        "CF-67",
        "OpenID Connect Front-Channel Logout 2, Back-Channel Logout 2.2",
        "a logout session is required only where there is a logout URI",
        uses=[*_LOGOUT_URIS],
        about=[f"{name.removesuffix('uri')}session_required" for name in _LOGOUT_URIS],
    ),
    rule(
        delivery_mode_and_ciba_grant_come_together,
        "CF-15",
        "OpenID Connect CIBA 4",
        "the CIBA grant and a delivery mode come together; poll and ping need the grant",
        uses=["grant_types", "backchannel_token_delivery_mode"],
    ),
    rule(
        notifications_need_an_endpoint,
        "CF-68",
        "OpenID Connect CIBA 4",
        "ping and push go to a notification endpoint",
        uses=["backchannel_client_notification_endpoint"],
        about=["backchannel_token_delivery_mode"],
    ),
    rule(
        ciba_keeps_to_the_profile,
        "CF-69",
        "FAPI-CIBA 5.2.2",
        "push and user codes only where the policy allows them",
        about=["backchannel_token_delivery_mode", "backchannel_user_code_parameter"],
    ),
)
