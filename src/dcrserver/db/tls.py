"""TLS to database servers, by options of the database URL that their own programs have."""

from __future__ import annotations

import ssl

from sqlalchemy.engine import URL

from dcrserver.settings import ConfigurationError

TLS_OPTIONS = ("ssl_ca", "ssl_cert", "ssl_key", "ssl_mode")
# Those of PostgreSQL -> ours, which are MariaDB's.
LIBPQ_OPTIONS = {
    "ssl": "ssl_mode",
    "sslmode": "ssl_mode",
    "sslrootcert": "ssl_ca",
    "sslcert": "ssl_cert",
    "sslkey": "ssl_key",
}

_OFF = ("disable", "disabled")
# Whether the server's certificate is verified, and whether it must be for the host's name.
_MODES = {
    "require": (ssl.CERT_NONE, False),
    "required": (ssl.CERT_NONE, False),
    "verify-ca": (ssl.CERT_REQUIRED, False),
    "verify-full": (ssl.CERT_REQUIRED, True),
}


def tls_context(url: URL) -> ssl.SSLContext | None:
    """None without any option, or with the mode disabled; verify-full without a mode.

    Raises:
        ConfigurationError: an unknown mode, or files that cannot be used.
    """
    given = {name: _one(url, name) for name in TLS_OPTIONS if name in url.query}
    mode = given.get("ssl_mode", "verify-full").lower().replace("_", "-")
    if not given or mode in _OFF:
        return None
    if mode == "require" and "ssl_ca" in given:  # as libpq does
        mode = "verify-ca"
    if mode not in _MODES:
        known = ", ".join((*_OFF, *_MODES))
        raise ConfigurationError(f"database.url: ssl_mode: must be one of {known}")
    if "ssl_key" in given and "ssl_cert" not in given:
        raise ConfigurationError("database.url: ssl_key: goes with ssl_cert")
    try:
        context = ssl.create_default_context(cafile=given.get("ssl_ca"))
        if "ssl_cert" in given:
            context.load_cert_chain(given["ssl_cert"], given.get("ssl_key"), password=_no_password)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigurationError(f"database.url: ssl_ca, ssl_cert, ssl_key: {reason}") from None
    verify_mode, context.check_hostname = _MODES[mode]
    context.verify_mode = verify_mode
    return context


def _one(url: URL, name: str) -> str:
    value = url.query[name]
    if not isinstance(value, str):
        raise ConfigurationError(f"database.url: {name}: given more than once")
    return value


def _no_password() -> str:
    """OpenSSL would ask the terminal."""
    return ""
