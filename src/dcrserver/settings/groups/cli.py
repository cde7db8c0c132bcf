"""[cli]: the server that commands speak to, where they do not open its database themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from dcrserver.metadata import uris
from dcrserver.settings.values import Group, checked_issuer


class CliSettings(Group):
    """Whom commands ask: the administrators' API of a server, instead of the database."""

    server: str | None = Field(
        default=None,
        description="URL of a server, or of one of its tenants: commands ask its administrators'"
        " API; as --server. Unset: they open the database",
    )
    token: SecretStr | None = Field(
        default=None, description="the administrator's token that commands show to that server"
    )
    token_file: Path | None = Field(
        default=None, description="a file with that token, in place of token; as --token-file"
    )
    ca_file: Path | None = Field(
        default=None,
        description="PEM certificates of the authorities that may vouch for that server, in place"
        " of those of the system; as --ca-file",
    )

    @field_validator("server")
    @classmethod
    def _safe_for_a_token(cls, value: str | None) -> str | None:
        """RFC 6750 5.3: a bearer token travels over TLS, or not at all."""
        if value is None:
            return None
        if "://" not in value:  # "localhost:8000" would be one of the scheme localhost
            raise ValueError(
                "must be a URL, such as https://dcr.example.com or http://127.0.0.1:8000"
            )
        uri = uris.parse(checked_issuer(value))
        if uri.scheme != "https" and not uri.is_loopback:
            raise ValueError(
                "must be an https URL, or one of this machine (localhost, 127.0.0.1, ::1): who"
                " reads the token on its way can do what you can"
            )
        return value.rstrip("/")

    @model_validator(mode="after")
    def _shows_who_asks(self) -> Self:
        if self.server is not None and self.token is None:
            raise ValueError(
                "there is no token to show to the server; --token-file, or DCR_CLI__TOKEN_FILE,"
                " names a file that holds one of dcrserver token issue admin"
            )
        return self
