"""Runs the worker apart from any server: the jobs, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

from dcrserver.background import running
from dcrserver.db.urls import missing_file
from dcrserver.logger import Logger
from dcrserver.services.upkeep.readiness import Readiness
from dcrserver.settings import ConfigurationError, Settings
from dcrserver.telemetry import Metrics, configure_logging, stderr_writer
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.foundation import Foundation, opened
from dcrserver.wiring.worker import job_runner

_log = Logger(__name__)
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run(settings: Settings) -> None:
    """Does jobs until a signal says to stop; what is being done then is left for others.

    Raises:
        ConfigurationError: the database has no usable schema, or something configured is unusable.
    """
    configure_logging(settings.telemetry, stderr_writer())
    try:
        asyncio.run(_work(settings))
    finally:
        stderr_writer().drain()


async def _work(settings: Settings) -> None:
    told = asyncio.Event()
    for number in _STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    if (file := missing_file(settings.database)) is not None:
        raise ConfigurationError(
            f"database.url: there is no file {file}; serve and migrate make it"
        )
    async with opened(Configured(settings)) as base:
        await _check(base)
        base.configured.fetcher.prepare()
        runner = job_runner(base, Metrics())
        async with (
            running("stored_configuration", base.stored_configuration.run),
            running("metadata_copies", base.metadata_copies.run),
            running("jobs", runner.run),
            running("provisioning", base.provisioning.work),
        ):
            _log.info("worker_started", jobs=list(runner.jobs))
            await told.wait()
    _log.info("worker_stopped")


async def _check(base: Foundation) -> None:
    """What would make each job fail stops the start, as it does that of a server."""
    if reason := await base.database.not_ready_reason():
        raise ConfigurationError(f"database.url: {reason}")
    readiness = Readiness(
        base.database, base.signing_keys, base.configured.tenants, base.stored_configuration
    )
    if unreadable := await readiness.unreadable():
        raise ConfigurationError(f"secrets.encryption_keys: {unreadable} with these keys")
