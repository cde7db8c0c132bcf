"""How asyncpg is told of the servers in a database URL, for serving and for migrations alike."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine import URL

from dcrserver.db.hosts import servers_of
from dcrserver.db.tls import TLS_OPTIONS, tls_context
from dcrserver.settings import DatabaseSettings

# Internal: the server is another than is asked for, as a standby.
_FAILURES = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# Where TLS is tried and need not come about, which is also what the driver does when not told.
_OPPORTUNISTIC = ("allow", "prefer", "preferred")


def connect_options(url: URL) -> dict[str, Any]:
    """What ``connect`` takes, but for its timeout.

    Raises:
        ConfigurationError: options that cannot be meant.
    """
    servers = servers_of(url)
    given = url.difference_update_query([*TLS_OPTIONS, *(("host", "port") if servers else ())])
    options: dict[str, Any]
    _, options = asyncpg_dialect().create_connect_args(given)  # type: ignore[no-untyped-call]
    options.pop("prepared_statement_cache_size", None)
    if "statement_cache_size" in options:  # 0 behind PgBouncer; it comes as the URL's text
        options["statement_cache_size"] = int(options["statement_cache_size"])
    if servers:
        options |= {
            "host": [each.host for each in servers],
            "port": [each.port for each in servers],
        }
    if len(servers) > 1:
        options.setdefault("target_session_attrs", "read-write")
    return options | _tls(url)


def engine_options(url: URL, settings: DatabaseSettings) -> dict[str, Any]:
    """For SQLAlchemy, which migrates.

    Raises:
        ConfigurationError: options that cannot be meant.
    """
    milliseconds = int(settings.statement_timeout * 1000)
    return {
        **connect_options(url),
        "async_creator_fn": connect,
        "timeout": settings.pool_timeout,
        "server_settings": {
            "statement_timeout": str(milliseconds),
            "idle_in_transaction_session_timeout": str(milliseconds * 2),
            "application_name": "dcrserver",
        },
        # Behind a pooler another process may have used a name that counts from one.
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: f"dcrserver_{secrets.token_hex(8)}",
    }


def _tls(url: URL) -> dict[str, Any]:
    mode = url.query.get("ssl_mode")
    if mode in _OPPORTUNISTIC:
        return {"ssl": "prefer"}
    if (context := tls_context(url)) is not None:
        return {"ssl": context}
    return {} if mode is None else {"ssl": False}


async def connect(
    *_: object,
    timeout: float,  # noqa: ASYNC109 - asyncpg's name
    host: Any = None,  # noqa: ANN401
    port: Any = None,  # noqa: ANN401
    **options: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401 - the driver's connection
    """To the first of the servers that can be written to; one that is silent has its share of the
    time, and no more.

    Who is cancelled meanwhile leaves it to end by itself: the driver, cancelled while it connects,
    leaves a failure that nobody looks at, which Python writes into the log.

    Raises:
        Exception: one of ``_FAILURES``, of the last.
    """
    opening = asyncio.ensure_future(_connected(timeout, host, port, options))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)
        raise


def _close(opening: asyncio.Future[Any]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().terminate()


async def _connected(seconds: float, host: Any, port: Any, options: dict[str, Any]) -> Any:  # noqa: ANN401
    hosts = host if isinstance(host, list) else [host]
    ports = port if isinstance(port, list) else [port] * len(hosts)
    for number, (one, its_port) in enumerate(zip(hosts, ports, strict=True), 1):
        try:
            return await asyncpg.connect(
                host=one, port=its_port, timeout=seconds / len(hosts), **options
            )
        except asyncpg.TargetServerAttributeNotMatched:
            if number == len(hosts):
                raise ConnectionError("no server that can be written to answers") from None
        except _FAILURES:
            if number == len(hosts):
                raise
    raise ConnectionError("no server is named")
