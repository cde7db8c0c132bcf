"""Several servers in a database URL, as libpq's form has them and as options."""

from __future__ import annotations

import re

from sqlalchemy.engine import URL

from dcrserver.settings import ConfigurationError

# Servers apart by commas, which SQLAlchemy does not read.
_SEVERAL = re.compile(
    r"((postgres|postgresql|mysql|mariadb)(?:\+\w+)?://(?:[^@/?]*@)?)([^@/?]*,[^@/?]*)(/[^?]*)(?:\?(.*))?"
)
_PORTS = {"postgres": 5432, "postgresql": 5432, "mysql": 3306, "mariadb": 3306}
_LAST_PORT = 65535
_TARGETS = ("any", "primary", "read-write")  # on others nothing can be written


def with_hosts_apart(url: str) -> str:
    """``h1:p1,h2:p2`` as the options host=h1:p1&host=h2:p2."""
    found = _SEVERAL.fullmatch(url)
    if found is None:
        return url
    start, backend, hosts, name, query = found.groups()
    usual = _PORTS[backend]
    options = [f"host={each if ':' in each else f'{each}:{usual}'}" for each in hosts.split(",")]
    options += [query] if query else []
    return f"{start}{name}?{'&'.join(options)}"


def check_hosts(url: URL) -> None:
    """
    Raises:
        ConfigurationError: what names the servers is not what the driver takes.
    """
    target = url.query.get("target_session_attrs", "any")
    if target not in _TARGETS:
        raise ConfigurationError(
            f"database.url: target_session_attrs: must be one of {', '.join(_TARGETS)}"
        )
    hosts = [each for each in _listed(url, "host") if not each.startswith("/")]  # of a socket
    ports = [each.rpartition(":")[2] for each in hosts if ":" in each] + _listed(url, "port")
    for port in ports:
        if not (port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
            raise ConfigurationError(f"database.url: {port}: no port")


def hosts_and_ports(url: URL) -> list[tuple[str, int]]:
    """Of servers of MariaDB; none where the URL names one in the usual way."""
    pairs = (each.partition(":") for each in _listed(url, "host"))
    return [(host, int(port or _PORTS["mysql"])) for host, _, port in pairs]


def _listed(url: URL, option: str) -> list[str]:
    return [each for some in url.normalized_query.get(option, ()) for each in some.split(",")]
