"""[tls]: the server speaks https itself, and sees its callers' certificates itself."""

from __future__ import annotations

import ssl
from pathlib import Path

from pydantic import Field

from dcrserver.settings.values import Group


class TlsSettings(Group):
    """https without a proxy in front."""

    certificate_file: Path | None = Field(
        default=None,
        description="certificate chain of the server, PEM; with it the server speaks https alone",
    )
    key_file: Path | None = Field(
        default=None, description="its private key, PEM; unset: in certificate_file"
    )
    client_ca_file: Path | None = Field(
        default=None,
        description="roots of client certificates, PEM: callers are asked for one, and may have"
        " none; one of somebody else ends the connection",
    )

    def context(self) -> ssl.SSLContext | None:
        """What connections are accepted by; None: without TLS.

        Raises:
            OSError: a file cannot be read, or does not hold what it should.
            ValueError: there is no certificate to what else is set.
        """
        if self.certificate_file is None:
            if self.key_file or self.client_ca_file:
                raise ValueError("certificate_file must be set for https")
            return None
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.load_cert_chain(self.certificate_file, self.key_file)
        if self.client_ca_file is not None:
            made.load_verify_locations(self.client_ca_file)
            made.verify_mode = ssl.CERT_OPTIONAL
        return made
