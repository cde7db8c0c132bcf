"""Choices about what a submission may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from dcrserver.policies.switches.group import Group

# Of programs in use, whose makers chose a plain word.
KNOWN_SCHEMES = frozenset(
    {"cursor", "vscode", "vscode-insiders", "windsurf", "claude", "zed", "warp", "raycast"}
)


class RedirectPolicy(Group):
    """What ``redirect_uris`` may hold."""

    allow_userinfo: bool = Field(default=False, description="`user@` before the host is accepted")
    web_loopback_http: bool = Field(
        default=True,
        description="web clients may use http on the local machine",
    )
    web_custom_scheme: bool = Field(
        default=False, description="web clients may use private-use schemes"
    )
    native_claimed_https: bool = Field(
        default=True, description="native clients may use https (RFC 8252 7.2)"
    )
    require_dot_in_scheme: bool = Field(
        default=True,
        description="private-use schemes must be reversed domain names, such as com.example.app",
    )
    undotted_schemes: frozenset[str] | Literal["any"] = Field(
        default=KNOWN_SCHEMES,
        description="schemes without a dot that are let through; any: these for all, and for public"
        " native clients all that no browser or other program acts upon",
    )
    max_count: int = Field(default=50, ge=1, description="redirect URIs of one client, at most")
    max_length: int = Field(
        default=2000, ge=1, description="characters of one redirect URI, at most"
    )
    query: bool = Field(default=True, description="a query component is allowed")
    ip_literal_https: bool = Field(
        default=False, description="https with an IP address as host is accepted"
    )
    localhost_name: bool = Field(
        default=True, description="native clients may use the name localhost"
    )
    https_only: bool = Field(
        default=False,
        description="every redirect URI is https and on a public host, as open banking demands",
    )
    always_required: bool = Field(
        default=False,
        description="Every client needs redirect_uris, as OpenID Connect Registration 2 says;"
        " otherwise only clients of a redirect grant do (RFC 7591 2)",
    )


class RegistrationPolicy(Group):
    """What is filled in for the client, and whether it is a new one."""

    infer_application_type: bool = Field(
        default=True,
        description="an omitted application_type becomes native when every redirect URI"
        " is loopback or private-use",
    )
    correct_application_type: bool = Field(
        default=False,
        description="web beside redirect URIs of which one has a private-use scheme, and none is"
        " for the web, becomes native; the answer tells",
    )
    client_supplied_credentials: Literal["ignore", "reject"] = Field(
        default="ignore",
        description="what becomes of client_id, client_secret and other members that only the"
        " server or an administrator sets, in a POST of somebody else",
    )
    required: frozenset[str] = Field(
        default=frozenset(), description="members that every client must send"
    )
    application_type_aliases: Mapping[str, Literal["web", "native"]] = Field(
        default={}, description="other words for the application types, e.g. mobile for native"
    )
    member_aliases: Mapping[str, str] = Field(
        default={}, description="other names of members, e.g. of older profiles"
    )
    reuse_public_clients: bool = Field(
        default=False,
        description="A public client that registers what another did is told that one's"
        " client_id, so that copies of one program are one client; loopback ports do not count."
        " Such clients get no registration access token",
    )
    max_body_bytes: int = Field(
        default=65536, ge=1024, le=4_194_304, description="a larger body is refused (413)"
    )


class JsonPolicy(Group):
    """What a body may be, as JSON."""

    malformed_error: Literal["invalid_client_metadata", "invalid_request"] = Field(
        default="invalid_client_metadata",
        description="the error code for a body that is no JSON object; RFC 7591 names none",
    )
    max_depth: int = Field(
        default=16, ge=4, le=200, description="arrays and objects within each other, at most"
    )
    max_members: int = Field(default=256, ge=16, description="members of one object, at most")


class TextPolicy(Group):
    """Texts that people read, such as client_name."""

    max_length: int = Field(default=256, ge=1, description="characters of one text, at most")
    mixed_scripts: Literal["allow", "flag", "reject"] = Field(
        default="flag",
        description="a name with a word of two scripts, such as Latin and Cyrillic: as any other;"
        " told by the preview and to administrators; or refused",
    )


class ArrayPolicy(Group):
    """Bounds of array members that have no bound of their own."""

    max_count: int = Field(default=50, ge=1, description="elements of one array, at most")
    duplicates: Literal["collapse", "reject"] = Field(
        default="collapse",
        description="what becomes of repeated elements of redirect_uris, grant_types and"
        " response_types",
    )


class LanguagePolicy(Group):
    """Texts in several languages, such as client_name#fr."""

    case_duplicates: Literal["reject", "first"] = Field(
        default="reject",
        description="two tags of one member that differ in case only: refused, or the first in"
        " code point order counts",
    )


class UriPolicy(Group):
    """URIs that are shown to people."""

    require_https_display: bool = Field(
        default=True, description="client_uri, logo_uri, tos_uri and policy_uri must use https"
    )
    same_host: bool = Field(
        default=False, description="they must share the host of a redirect URI (RFC 7591 5)"
    )
    foreign_domain: Literal["allow", "flag", "reject"] = Field(
        default="flag",
        description="one of them on a registrable domain that no redirect URI is on: as any other;"
        " told by the preview and to administrators; or refused. Where no redirect URI has a"
        " domain, nothing is foreign",
    )


class ScopePolicy(Group):
    """Scopes (RFC 7591 2)."""

    unknown: Literal["drop", "reject"] = Field(
        default="drop", description="what becomes of scopes that are not in scopes_supported"
    )
    default: frozenset[str] | Literal["none", "supported"] = Field(
        default="none",
        description="scopes of a client that names none (RFC 7591 2): none; supported: all of"
        " scopes_supported, unless the client has a grant without a person (client_credentials);"
        " or these, for every client",
    )
    max_count: int = Field(default=500, ge=1, description="different scope tokens of one client")
