"""Runs the application under Uvicorn: start-up line, workers, graceful shutdown."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from dcrserver import posture
from dcrserver.app import create_app, reserve_paths
from dcrserver.background import running
from dcrserver.db import migration, schema
from dcrserver.db.engine import create_engine
from dcrserver.db.urls import database_url
from dcrserver.edge.dependencies import PEER_KEY
from dcrserver.edge.http_protocol import ANSWERING, Connections, Limits, Protocol
from dcrserver.errors import ProtocolError
from dcrserver.logger import Logger
from dcrserver.services.access.bootstrap import bootstrap
from dcrserver.settings import ConfigurationError, ServerSettings, Settings
from dcrserver.supervisor import Workers
from dcrserver.telemetry import (
    configure_logging,
    folder_of_workers,
    measure,
    shared,
    stderr_writer,
)
from dcrserver.wiring.configured import Configured, tls_context
from dcrserver.wiring.runtime import Runtime, build

_log = Logger(__name__)


# What a request makes dies with it, by counting references; cycles are rare. The defaults would
# look for them several times in each batch of requests.
_GARBAGE_THRESHOLDS = (20_000, 20, 20)
# Loaded at their first need elsewhere, as few commands have one: here a request would wait for it.
_FOR_REQUESTS = ("cryptography.x509", "idna", "passlib.context")
# Between two looks whether the last requests are answered.
_LOOK_SECONDS = 0.02
# Of a process that ends, when the last request is answered.
_CLOSING_SECONDS = 2.0


class ListenError(Exception):
    """The port cannot be had; the message says why."""


def run(settings: Settings, *, migrate: bool, allow_newer: bool = False) -> None:
    """Serves until told to stop. ``migrate``: server databases too are brought up to date.

    ``allow_newer``: also on a schema of a later version, as after a step back.

    Raises:
        ListenError: somebody else has the port, or the address is not ours.
        ConfigurationError: the database has no usable schema, or something configured is unusable.
    """
    configure_logging(settings.telemetry, stderr_writer())
    # Of one worker that a signal ends, nothing runs at exit: it has nothing to leave behind.
    shared_folder = folder_of_workers() if settings.server.workers > 1 else nullcontext()
    with _listening(settings.server) as sockets, shared_folder as folder:
        configured = Configured(settings)
        asyncio.run(_prepare(configured, migrate=migrate, allow_newer=allow_newer))
        _announce(settings)
        config = _uvicorn_config(configured, folder)
        config.tls = tls_context(settings.tls)
        _serve(config, sockets, _longest_end(settings))


def _longest_end(settings: Settings) -> float:
    """Seconds that a process may take to end: to drain, for requests, and for a last statement."""
    server, database = settings.server, settings.database
    told = server.drain_seconds + server.shutdown_seconds + database.statement_timeout
    return told + _CLOSING_SECONDS


def _serve(config: uvicorn.Config, sockets: list[socket.socket], patience: float) -> None:
    # Uvicorn raises the interrupt again when it has stopped: Ctrl-C is how one ends it, no failure.
    with suppress(KeyboardInterrupt):
        if config.workers == 1:
            uvicorn.Server(config).run(sockets)
        else:
            Workers(config, sockets, patience).run()


@contextmanager
def _listening(server: ServerSettings) -> Iterator[list[socket.socket]]:
    """The port on each address of the host, taken before anything is done or announced."""
    with ExitStack() as stack:
        try:
            sockets = [
                stack.enter_context(socket.create_server(address, family=family))
                for family, _, _, _, address in socket.getaddrinfo(
                    server.host, server.port, type=socket.SOCK_STREAM
                )
            ]
        except OSError as error:
            # Python adds the address, which is told already.
            reason = str(error.strerror).partition(" (while")[0]
            if error.errno == errno.EADDRINUSE:
                reason += "; --port or server.port takes another"
            raise ListenError(f"cannot listen on {_address(server)}: {reason}") from None
        yield sockets


def _address(server: ServerSettings) -> str:
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{host}:{server.port}"


async def _prepare(configured: Configured, *, migrate: bool, allow_newer: bool) -> None:
    """Schema first; then everything is opened once, so that a mistake stops the start."""
    settings = configured.settings
    if migrate or database_url(settings.database).get_backend_name() == "sqlite":
        engine = create_engine(settings.database)
        try:
            before, after = await migration.upgrade(engine)
        finally:
            await engine.dispose()
        if before != after:
            _log.info("schema_migrated", before=before, after=after)
    # What workers would load each for itself is loaded before they are forked.
    for name in _FOR_REQUESTS:
        import_module(name)
    async with build(configured, serves=settings.server.workers > 1) as runtime:
        reserve_paths(runtime.tenants)
        if reason := await runtime.database.not_ready_reason():
            raise ConfigurationError(f"database.url: {reason}, or start with --migrate")
        if schema.is_newer(stored := await runtime.database.revision()):
            if not allow_newer:
                advice = "start with --allow-newer-schema, or run the later version"
                raise ConfigurationError(f"database.url: {schema.NEWER} ({stored}): {advice}")
            _log.warning("newer_schema", text=schema.NEWER, revision=stored)
        if unreadable := await runtime.readiness.unreadable():
            advice = "; where its key is lost, see dcrserver keys discard"
            raise ConfigurationError(
                f"secrets.encryption_keys: {unreadable} with these keys{advice}"
            )
        await _bootstrap(runtime)
        await runtime.limiter.check()
        for finding in posture.findings(settings, runtime.tenants, runtime.limiter):
            _log.warning(finding.name, text=finding.text, **finding.details)


async def _bootstrap(runtime: Runtime) -> None:
    """The first administrator, where one is configured and there was none."""
    token = runtime.settings.admin.bootstrap_token
    if token is None:
        return
    if await bootstrap(runtime.database, runtime.lists, token.get_secret_value()):
        _log.info("administrator_made")


def _announce(settings: Settings) -> None:
    """Where everything is, for the person who started us; on stderr like the log."""
    url = settings.server.base_url
    database = database_url(settings.database).render_as_string(hide_password=True)
    stderr_writer().write(
        f"dcrserver on {url} (listening on {_address(settings.server)})"
        f" | database {database}"
        f" | registration {settings.registration.mode}"
        f" | docs {url.rstrip('/')}/docs\n"
    )


class _Config(uvicorn.Config):
    """Uvicorn's, with a TLS context of ours: it would allow ciphers of TLS 1.0."""

    tls: ssl.SSLContext | None = None

    def load(self) -> None:
        super().load()
        self.ssl = self.tls


def _uvicorn_config(configured: Configured, shared_folder: Path | None) -> _Config:
    server = configured.settings.server
    limits = Limits(
        server.max_connections, server.head_seconds, server.body_seconds, server.write_seconds
    )
    connections = Connections(limits)
    protocol = partial(Protocol, register=connections, answering=ANSWERING[server.http])
    return _Config(
        Application(configured, connections, shared_folder),
        http=protocol,  # type: ignore[arg-type]
        ws="none",
        workers=server.workers,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        # We do that ourselves: who the peer really is must not be forgotten.
        proxy_headers=False,
        timeout_graceful_shutdown=server.shutdown_seconds,
    )


class Application:
    """What a worker process serves: opened when its event loop has started.

    What is ``configured`` was made before, once for all processes: they inherit it.
    """

    def __init__(
        self, configured: Configured, connections: Connections, shared_folder: Path | None
    ) -> None:
        self._configured = configured
        self._settings = configured.settings
        self._shared_folder = shared_folder
        self._connections = connections
        self._app: ASGIApp | None = None
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            scope[PEER_KEY] = scope.get("client")
            self._inside += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._inside -= 1

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol of ASGI: everything that is opened is closed again."""
        async with AsyncExitStack() as stack:
            await receive()
            configure_logging(self._settings.telemetry, stderr_writer())
            runtime = await stack.enter_async_context(build(self._configured, serves=True))
            runtime.metrics.counter(
                "dcrserver_log_lines_dropped_total",
                "Lines of the log that were lost, as nobody read them",
                lambda: stderr_writer().dropped,
            )
            measure(runtime.metrics)
            self._connections.measure(runtime.metrics)
            if self._shared_folder is not None:
                await stack.enter_async_context(shared(runtime.metrics, self._shared_folder))
            # Forwarded headers are believed from named proxies only; by default from nobody.
            trusted = list(self._settings.server.trusted_proxies)
            app = create_app(runtime)
            app.measure(runtime.metrics)
            self._app = ProxyHeadersMiddleware(app, trusted) if trusted else app  # type: ignore[arg-type, assignment]
            if not runtime.metadata_copies.complete:
                await runtime.metadata_copies.refresh()
            await stack.enter_async_context(_beside_requests(runtime))
            _drain_on_sigterm(runtime)
            # What is here now stays: the collector need not walk it again and again, which
            # would hold up requests for a tenth of a second each time.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_GARBAGE_THRESHOLDS)
            _log.info("started")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self._last_answers()
        _log.info("stopped")
        # Uvicorn may end the process by the signal that it got: nothing runs at exit then.
        stderr_writer().drain()
        await send({"type": "lifespan.shutdown.complete"})

    async def _last_answers(self) -> None:
        """Requests that were cancelled tell so, or what came of the commit that they are in."""
        ends_at = time.monotonic() + self._settings.database.statement_timeout
        while self._inside and time.monotonic() < ends_at:  # noqa: ASYNC110 - not on the hot path
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def _beside_requests(runtime: Runtime) -> AsyncIterator[None]:
    """What this process does for itself, and the worker, or a watch for one elsewhere."""
    inside = runtime.settings.worker.inside
    async with (
        running("stored_configuration", runtime.stored_configuration.run),
        running("metadata_copies", runtime.metadata_copies.run),
        running("last_uses", runtime.last_uses.run),
        running("pending_approvals", runtime.pending_approvals.run),
        running("jobs", runtime.jobs.run if inside else runtime.jobs.watch),
        running("provisioning", runtime.provisioning.work if inside else runtime.provisioning.rest),
    ):
        yield
    # What waits to be written is written, if the database is there.
    with suppress(ProtocolError):
        await runtime.last_uses.flush()


def _drain_on_sigterm(runtime: Runtime) -> None:
    """Says "not ready" for a while before Uvicorn stops, so that load balancers turn away first."""
    stop = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: FrameType | None) -> None:
        seconds = 0.0 if runtime.draining else runtime.settings.server.drain_seconds
        runtime.draining = True
        if callable(stop):
            loop.call_soon_threadsafe(loop.call_later, seconds, stop, number, frame)

    signal.signal(signal.SIGTERM, handle)
    # The terminal is gone, or somebody wants a reload: what is in hand is finished first.
    signal.signal(signal.SIGHUP, handle)
