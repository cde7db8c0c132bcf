"""Members of our own, which no specification has: what an administrator decides about a client.

Whoever registers itself may set none of them, unless ``policy.extensions.self_service`` names it.
They are stored and told beside the others, and an update by the client leaves them as they are.
"""

from __future__ import annotations

from dcrserver.metadata import kinds
from dcrserver.metadata.model import Kind, Parameter, Who
from dcrserver.metadata.roles import Role
from dcrserver.names import PUBLISHED
from dcrserver.strict_json import JsonValue

_SECTION = "extension"
_ADMINISTRATOR = Who.ADMINISTRATOR
# What the built-in token endpoint reads (services.tokens.grant).
CLIENT_CREDENTIALS_LIFETIME = "client_credentials_access_token_lifetime"
ACCESS_TOKEN_FORMAT = "access_token_format"  # noqa: S105 - a name
AUDIENCE = "audience"
# What the rules read.
PUBLIC_CLIENT = "public_client"


def _row(
    name: str, kind: Kind, description: str, *, example: JsonValue, role: Role | None = None
) -> Parameter:
    return Parameter(
        name, kind, _SECTION, description, role, set_by=_ADMINISTRATOR, example=example
    )


ROWS: tuple[Parameter, ...] = (
    _row(
        "application_display_name", kinds.TEXT,
        "Name that consent pages show in place of client_name", example="Example Corporation",
        role=Role.NAME,
    ),
    _row(
        "application_version", kinds.TEXT, "Version of the entry, in the words of its owner",
        example="v1.0.0",
    ),
    _row(
        CLIENT_CREDENTIALS_LIFETIME, kinds.ACCESS_TOKEN_LIFETIME,
        "How long access tokens of client_credentials live; tokens.lifetime if unset",
        example=600,
    ),
    _row(
        "authorization_code_access_token_lifetime", kinds.ACCESS_TOKEN_LIFETIME,
        "How long access tokens live that a person has agreed to",
        example=600,
    ),
    _row("refresh_token_lifetime", kinds.LIFETIME, "How long refresh tokens live", example=86400),
    _row("id_token_lifetime", kinds.LIFETIME, "How long ID Tokens live", example=3600),
    _row(
        ACCESS_TOKEN_FORMAT, kinds.choice("jwt", "opaque"),
        "Form of access tokens; tokens.format if unset", example="opaque",
    ),
    _row(
        AUDIENCE, kinds.TEXTS,
        "Resource servers of the client's access tokens: aud where the request names no resource,"
        " and what it may name beside tokens.resources (RFC 8707)",
        example=["https://api.example.org"],
    ),
    _row(
        "role_audience", kinds.choice("organization", "application"),
        "Whose roles a person's tokens carry", example="organization",
    ),
    _row(
        PUBLIC_CLIENT, kinds.BOOLEAN,
        "true: the client has no secret, token_endpoint_auth_method is none; false: another one",
        example=False,
    ),
    _row(
        "require_pkce", kinds.BOOLEAN,
        "Whether authorization requests without PKCE (RFC 7636) are refused", example=True,
    ),
    _row(
        "allow_plain_pkce", kinds.BOOLEAN,
        "Whether the code challenge method plain is taken beside S256", example=False,
    ),
    _row(
        "skip_consent", kinds.BOOLEAN,
        "Whether nobody is asked for consent to what the client wants", example=False,
    ),
    _row(
        "third_party", kinds.BOOLEAN,
        "Whether the client belongs to somebody else than those who run the server", example=True,
    ),
    _row(
        "management_application", kinds.BOOLEAN,
        "Whether the client is one that the server itself is managed by", example=False,
    ),
    _row(
        PUBLISHED, kinds.BOOLEAN,
        "Whether everybody may read the client's metadata at /clients/{client_id}/metadata, a URL"
        " that other servers take for its client_id", example=False,
    ),
)  # fmt: skip
