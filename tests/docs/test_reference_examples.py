"""The examples of /docs, pasted: each with curl and with Python, against a real server."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest

from dcrserver.console.reference import Operation, Reference
from dcrserver.schemas.examples import EXAMPLE_ID
from dcrserver.services.access.scopes import SCOPES
from harness.process import ServerProcess, environment, run_to_end, serving
from harness.programs import program

# Other answers than success: what each of them is about is not there.
_OTHERWISE = {
    "approve": "409",
    "reject": "409",
    "{kid}": "404",
    "webfinger": "404",
    "restore": "404",
    "purge": "404",
    "rollback": "409",
    "{job_id}": "404",
    "{note_id}": "404",
    "cancel": "404",
    "errors": "404",
    "metadata": "404",  # nobody published the client
    "refresh": "409",  # the client has no document
}
_SECONDS = 60
_ADMINISTRATION = "/admin/v1/"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    env = {
        "DCR_REGISTRATION__MODE": "protected",
        "DCR_SECRETS__ENCRYPTION_KEYS": "A" * 43 + "=",
        "DCR_CONNECTORS__KEYCLOAK__KIND": "json_file",
        "DCR_CONNECTORS__KEYCLOAK__PATH": str(tmp_path / "told.jsonl"),
        "DCR_CONNECTORS__KEYCLOAK__PROVISION": "after",
    }
    with serving(tmp_path, env=env) as started:
        yield started


def _operations(server: ServerProcess) -> list[Operation]:
    """Those of the protocols, then registration again, and what administrators do with that."""
    api = httpx.get(f"{server.base_url}/openapi.json", trust_env=False).json()
    groups = Reference(api, server.base_url, is_open=False).groups()
    found = [operation for group in groups for operation in group.operations]
    protocols = [each for each in found if not each.path.startswith(_ADMINISTRATION)]
    again = [each for each in found if (each.method, each.path) == ("POST", "/register")]
    others = [each for each in found if each.path.startswith(_ADMINISTRATION)]
    return [*sorted(protocols, key=_turn), *again, *sorted(others, key=_turn)]


def _turn(operation: Operation) -> tuple[bool, bool, int]:
    """What ends something comes last, the client after its secrets, and then what is left of it."""
    is_end = operation.method == "DELETE" or operation.path.endswith("/restore")
    is_left = is_end and "/deleted-" in operation.path
    return is_end, is_left, len(operation.path) * (1 if is_left else -is_end)


def _issued(server: ServerProcess, kind: str, *arguments: str) -> str:
    url = f"sqlite:///{server.log_path.parent}/dcrserver.db"
    done = run_to_end("token", "issue", kind, *arguments, env={"DCR_DATABASE__URL": url})
    done.check_returncode()
    return done.stdout.strip()


def _with_curl(text: str, variables: dict[str, str]) -> tuple[str, str]:
    command = f"{text} -sS --noproxy '*' -w '\\n%{{http_code}}'"
    assert program("curl")
    done = subprocess.run(
        ["bash", "-c", command], env=environment(**variables), capture_output=True, text=True,
        timeout=_SECONDS, check=True,
    )  # fmt: skip
    body, _, status = done.stdout.rpartition("\n")
    return status, body


def _with_python(text: str, variables: dict[str, str]) -> tuple[str, str]:
    """Here, as starting Python takes longer than all that the example does."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        for name, value in (variables | {"NO_PROXY": "127.0.0.1"}).items():
            patch.setenv(name, value)
        exec(text, {})  # noqa: S102 - our own example
    status, _, body = printed.getvalue().rstrip("\n").partition(" ")
    return status, body


@pytest.mark.parametrize("language", ["curl", "python"])
def test_every_example_can_be_pasted(server: ServerProcess, language: str) -> None:
    run = _with_curl if language == "curl" else _with_python
    variables = {
        "INITIAL_ACCESS_TOKEN": _issued(server, "initial"),
        "ADMIN_TOKEN": _issued(
            server, "admin", "--tenant=*", *(f"--scope={scope}" for scope in SCOPES)
        ),
    }
    ids: dict[str, str] = {}
    for operation in _operations(server):
        text = getattr(operation, language)
        for example, real in ids.items():
            text = text.replace(example, real)
        assert set(re.findall(r"\$([A-Z_]+)", text)) <= variables.keys()
        status, body = run(text, variables)
        expected = _OTHERWISE.get(operation.path.rpartition("/")[2], "2")
        assert status.startswith(expected), (operation.title, status, body)
        assert status in {answer.status for answer in operation.answers}
        _remember(operation, body, variables, ids)
    assert {"REGISTRATION_ACCESS_TOKEN", "CLIENT_SECRET"} <= variables.keys()
    assert "k2" in ids


def _remember(
    operation: Operation, text: str, variables: dict[str, str], ids: dict[str, str]
) -> None:
    """What the reader keeps of an answer, for the examples that follow."""
    if not text.startswith("{") or operation.path.endswith("/export"):
        return
    told: dict[str, Any] = json.loads(text)
    for name in ("registration_access_token", "client_secret"):
        if told.get(name):
            variables[name.upper()] = told[name]
    if operation.path == "/register" and operation.method == "POST":
        ids[EXAMPLE_ID] = variables["CLIENT_ID"] = told["client_id"]
    if operation.path.endswith("/secret") and operation.method == "GET":
        ids["k2"] = told["client_secrets"][0]["id"]
    if operation.path.endswith("/secrets") and operation.method == "GET":
        ids["k2"] = told["items"][0]["id"]
    if operation.path.endswith("-tokens") and operation.method == "POST":
        ids["5d0e7c41e9a0" if "initial" in operation.path else "b03f5d22c816"] = told["id"]
