"""Credentials of a client as administrators see and issue them."""

from __future__ import annotations

from pydantic import Field

from dcrserver.schemas.admin.clients import ClientSecret
from dcrserver.schemas.admin.parts import Told


class ClientSecrets(Told):
    """The secrets of a client that work, without what could be used."""

    items: list[ClientSecret]


class NewClientSecret(Told):
    """A new secret of a client, shown this once."""

    client_id: str
    id: str
    client_secret: str
    client_secret_expires_at: int = Field(description="seconds since 1970; 0: never (RFC 7591)")


class NewRegistrationAccessToken(Told):
    """A new registration access token, shown this once (RFC 7592 3)."""

    registration_access_token: str
    registration_client_uri: str
