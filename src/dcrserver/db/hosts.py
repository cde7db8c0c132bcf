"""Several servers in a database URL, as libpq's form has them and as options."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlalchemy.engine import URL

from dcrserver.settings import ConfigurationError

# Servers apart by commas, which SQLAlchemy does not read.
_SEVERAL = re.compile(
    r"((?:postgres|postgresql|mysql|mariadb)(?:\+\w+)?://(?:[^@/?]*@)?)([^@/?]*,[^@/?]*)(/[^?]*)(?:\?(.*))?"
)
# A name, an address, an IPv6 address in brackets, or the folder of a socket.
_SERVER = re.compile(
    r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>/[^:]*|[^:/\[\]]+))(?::(?P<port>[0-9]+))?"
)
_PORTS = {"postgres": "5432", "postgresql": "5432", "mysql": "3306", "mariadb": "3306"}
_LAST_PORT = 65535
_TARGETS = ("any", "primary", "read-write")  # on others nothing can be written


class Server(NamedTuple):
    """Where one server of a database listens; ``host`` is a folder for a socket in it."""

    host: str
    port: int


def with_hosts_apart(url: str) -> str:
    """``h1:p1,h2:p2`` as the option host=h1:p1,h2:p2."""
    found = _SEVERAL.fullmatch(url)
    if found is None:
        return url
    start, hosts, name, query = found.groups()
    return f"{start}{name}?host={hosts}" + (f"&{query}" if query else "")


def check_servers(url: URL) -> None:
    """Checks what a database URL says of several servers.

    Raises:
        ConfigurationError: what names the servers is not what the driver takes.
    """
    target = url.query.get("target_session_attrs", "any")
    if target not in _TARGETS:
        raise ConfigurationError(
            f"database.url: target_session_attrs: must be one of {', '.join(_TARGETS)}"
        )
    hosts, ports = _listed(url, "host"), _listed(url, "port")
    if len(ports) > 1 and len(ports) != len(hosts):
        raise ConfigurationError("database.url: port: must be one, or one for each host")
    if not all(map(_is_port, ports)):
        raise ConfigurationError(f"database.url: port: must be 1 to {_LAST_PORT}")
    servers_of(url)


def servers_of(url: URL) -> list[Server]:
    """Those of the options host and port; none where the URL names one in the usual way.

    Raises:
        ConfigurationError: one of them is no server. It is not shown: of a password that is not
            percent-encoded a part may stand in its place.
    """
    hosts = _listed(url, "host")
    ports = _listed(url, "port") or [_PORTS[url.get_backend_name()]]
    usual = ports if len(ports) > 1 else ports * len(hosts)
    return [
        _server(host, port, number)
        for number, (host, port) in enumerate(zip(hosts, usual, strict=True), 1)
    ]


def _server(text: str, usual_port: str, number: int) -> Server:
    found = _SERVER.fullmatch(text)
    port = (found["port"] or usual_port) if found else ""
    if found is None or not _is_port(port):
        raise ConfigurationError(
            f"database.url: server {number} must be HOST, HOST:PORT or [IPv6 address]:PORT"
        )
    return Server(found["address"] or found["name"], int(port))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) <= _LAST_PORT


def _listed(url: URL, option: str) -> list[str]:
    return [each for some in url.normalized_query.get(option, ()) for each in some.split(",")]
