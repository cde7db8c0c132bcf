"""The authorization servers of docs/examples, each with the dcrserver that it asks."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from harness.process import ServerProcess, environment, free_port, run_to_end, serving

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
_START_SECONDS = 30


def _settings(issuer: str, token_endpoint: str, authorization_endpoint: str) -> dict[str, str]:
    """What dcrserver has to know of the server: where it is, and what it can do."""
    prefix = "DCR_AUTHORIZATION_SERVER__"
    return {
        f"{prefix}TOKEN_ENDPOINT": f"{issuer}{token_endpoint}",
        f"{prefix}AUTHORIZATION_ENDPOINT": f"{issuer}{authorization_endpoint}",
        f"{prefix}TOKEN_ENDPOINT_AUTH_METHODS_SUPPORTED": json.dumps(METHODS),
        f"{prefix}SCOPES_SUPPORTED": '["openid", "profile"]',
        f"{prefix}CLIENT_CACHE_SECONDS": "0",
    }


@contextmanager
def running(
    command: Sequence[str], cwd: Path, log_path: Path, answers: str, **variables: str
) -> Iterator[None]:
    """A program of ours that serves at ``answers``, ended afterwards."""
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment(NO_PROXY="127.0.0.1,localhost", **variables),
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _wait_for(answers, process, log_path)
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def registered_with(
    folder: Path,
    command: Sequence[str],
    example: str,
    endpoints: tuple[str, str],
    settings: Mapping[str, str] | None = None,
    **variables: str,
) -> Iterator[tuple[str, ServerProcess]]:
    """The issuer of the example, and the dcrserver that it asks, with ``settings`` of its own."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    url = f"sqlite:///{folder}/dcrserver.db"
    with serving(
        folder, url, env=_settings(issuer, *endpoints) | dict(settings or {})
    ) as dcrserver:
        scopes = ("--scope", "clients:read", "--scope", "clients:authenticate")
        issued = run_to_end("token", "issue", "admin", *scopes, env={"DCR_DATABASE__URL": url})
        issued.check_returncode()
        known = {
            "DCRSERVER": dcrserver.base_url,
            "DCRSERVER_TOKEN": issued.stdout.strip(),
            "PORT": str(port),
        }
        log = folder / "example.log"
        with running(command, EXAMPLES / example, log, issuer, **known, **variables):
            yield issuer, dcrserver


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the example did not start:\n{log.read_text()}")
