"""The whole OpenAPI document against a real server, as schemathesis reads it.

It sends what the document allows and what it does not, with credentials and without, and holds
every answer to the document: the status, the media type, the headers, the schema. Nothing
that needs a credential is told without.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.long_run import IS_LONG, only_long
from harness.process import ServerProcess, environment, run_to_end, serving
from harness.properties import examples

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

HOOKS = Path(__file__).parent / "python" / "schemathesis_hooks.py"
_SECONDS = 250
# Examples of an operation: with fewer, none of some comes further than to what is not there.
_FEWEST = 3
# Every way in which each member is wrong takes half of a minute: the everyday run draws some.
_PHASES = "examples,coverage,fuzzing" if IS_LONG else "examples,fuzzing"
_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,ignored_auth"
)
_SCOPES = (
    "clients:read", "clients:create", "clients:update", "clients:delete", "clients:authenticate",
    "tokens:introspect", "secrets:write", "policies:read", "policies:write",
)  # fmt: skip
_SETTINGS = {
    "DCR_REGISTRATION__VALIDATE_ENDPOINT": "true",
    "DCR_WEBFINGER": '["example.com"]',
    "DCR_ASGARDEO__ENABLED": "true",
    "DCR_POLICY__MANAGEMENT__REGISTRATION_ACCESS_TOKEN_ROTATION": "never",
    # It tries tokens that nobody knows by the hundred, and wants to be told so each time.
    "DCR_RATE_LIMITS__FAILED_AUTHENTICATION": "1000000/second",
}
_MACHINE = {
    "redirect_uris": ["https://client.example.org/callback"],
    "grant_types": ["authorization_code", "client_credentials"],
    "scope": "profile",
}
# One that everybody may read as a document.
_SHOWN = {
    "token_endpoint_auth_method": "none", "published": True, "grant_types": ["authorization_code"],
}  # fmt: skip
# What an operation needs to come further than the door. The client that deletes itself is another
# than the one that is read, and the one that gets tokens keeps its secret. Not here, for the time
# that it takes: unexpected methods, and each member of an update in every way that the same member
# is wrong in a registration.
_CONFIGURATION = """
warnings.fail-on = ["missing_auth", "missing_test_data"]
[phases.coverage]
unexpected-methods = []
[auth.openapi.admin_token]
bearer = "{admin}"
[auth.openapi.initial_access_token]
bearer = "{initial}"
[auth.openapi.registration_access_token]
bearer = "{kept[registration_access_token]}"
[auth.openapi.client]
username = "{caller[client_id]}"
password = "{caller[client_secret]}"
[[operations]]
include-path-regex = "^/admin/v1/"
enabled = false
[[operations]]
include-path-regex = "client_id"
exclude-path-regex = "^/(api|admin|clients)/"
exclude-operation-id = "delete"
parameters = {{ "path.client_id" = "{kept[client_id]}" }}
[[operations]]
include-path-regex = "^/clients/"
parameters = {{ "path.client_id" = "{shown[client_id]}" }}
[[operations]]
include-operation-id = "delete"
parameters = {{ "path.client_id" = "{gone[client_id]}" }}
headers = {{ Authorization = "Bearer {gone[registration_access_token]}" }}
[[operations]]
include-operation-id = [
    "asgardeo_create", "asgardeo_find", "asgardeo_read", "asgardeo_read_configuration",
    "asgardeo_change_configuration",
]
parameters."path.client_id" = "{found[client_id]}"
parameters."query.client_name" = "Found by its name"
[[operations]]
include-operation-id = "asgardeo_update"
parameters = {{ "path.client_id" = "{changed[client_id]}" }}
[[operations]]
include-operation-id = "asgardeo_delete"
parameters = {{ "path.client_id" = "{ended[client_id]}" }}
[[operations]]
include-operation-id = "update"
phases.coverage.enabled = false
"""

_ADMINISTRATION = "^/admin/v1/"
_CONFIGURATION_OF_ADMINISTRATORS = """
warnings.fail-on = ["missing_auth"]
[phases.coverage]
unexpected-methods = []
[auth.openapi.admin_token]
bearer = "{admin}"
[[operations]]
include-path-regex = "client_id"
parameters = {{ "path.client_id" = "{kept[client_id]}" }}
# It is asked what is wrong with a policy, and tells that with 200.
[[operations]]
include-operation-id = "check_policy"
checks.negative_data_rejection.enabled = false
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("openapi"), env=_SETTINGS) as made:
        yield made


def _issued(server: ServerProcess, kind: str, *arguments: str) -> str:
    url = f"sqlite:///{server.log_path.parent}/dcrserver.db"
    done = run_to_end("token", "issue", kind, *arguments, env={"DCR_DATABASE__URL": url})
    done.check_returncode()
    return done.stdout.strip()


def _registered(server: ServerProcess, by: str | None = None, **members: Any) -> dict[str, Any]:
    body, url = _MACHINE | members, f"{server.base_url}/register"
    headers = {"Authorization": f"Bearer {by}"} if by else {}
    answer = httpx.post(url, json=body, headers=headers, trust_env=False)
    made: dict[str, Any] = answer.raise_for_status().json()
    return made


def _run(
    python: str,
    server: ServerProcess,
    folder: Path,
    configuration: str,
    *arguments: str,
    checks: str = _CHECKS,
    **options: str,
) -> None:
    (folder / "schemathesis.toml").write_text(configuration, "utf-8")
    done = subprocess.run(
        [str(Path(python).with_name("schemathesis")), "run", f"{server.base_url}/openapi.json",
         "--checks", checks, "--mode", "all", "--seed", "7591",
         "--max-examples", str(max(_FEWEST, examples(10).max_examples)),
         "--phases", _PHASES, "--continue-on-failure", "--no-shrink",
         "--generation-database", "none", *arguments],
        cwd=folder, env=environment(NO_PROXY="127.0.0.1,localhost", **options),
        capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "unhandled" not in server.log


def test_answers_are_as_the_document_says(
    python: str, server: ServerProcess, tmp_path: Path
) -> None:
    """And every operation comes further than the door and than what is not there."""
    caller = _registered(server)
    admin = _issued(server, "admin", *(f"--scope={scope}" for scope in _SCOPES))
    maker = _issued(server, "admin", "--role=administrator")
    configuration = _CONFIGURATION.format(
        admin=admin,
        initial=_issued(server, "initial"),
        kept=_registered(server),
        gone=_registered(server),
        caller=caller,
        found=_registered(server, maker, client_name="Found by its name"),
        changed=_registered(server),
        ended=_registered(server),
        shown=_registered(server, maker, **_SHOWN),
    )
    _run(
        python, server, tmp_path, configuration,
        SCHEMATHESIS_HOOKS=str(HOOKS), CALLER=caller["client_id"],
    )  # fmt: skip


def test_answers_to_administrators_are_as_the_document_says(python: str, tmp_path: Path) -> None:
    """On a server of its own, of which little is left: jobs over all clients, too. Whatever an
    operation is about may be gone before it is asked, so that 404 is no warning.
    """
    with serving(tmp_path, env=_SETTINGS) as server:
        configuration = _CONFIGURATION_OF_ADMINISTRATORS.format(
            admin=_issued(server, "admin", "--role=administrator", "--tenant=*"),
            kept=_registered(server),
        )
        arguments = ("--include-path-regex", _ADMINISTRATION)
        checks = f"{_CHECKS},negative_data_rejection"
        _run(python, server, tmp_path, configuration, *arguments, checks=checks)


@only_long
def test_answers_to_strangers_are_as_the_document_says(
    python: str, server: ServerProcess, tmp_path: Path
) -> None:
    _run(python, server, tmp_path, "[phases.coverage]\nenabled = false\n")
