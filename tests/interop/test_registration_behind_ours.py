"""People sign in at a real authorization server, to which we told the clients that registered here.

Its own registration endpoint makes identifiers and secrets; nobody but we knows of it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.examples import METHODS
from harness.long_run import only_long
from harness.process import environment, lasting_port, serving
from harness.registration_targets import INITIAL_TOKEN, node_oidc_provider
from harness.targets import encryption_key

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900), only_long]

HERE = Path(__file__).parent
_METHODS = "DCR_AUTHORIZATION_SERVER__TOKEN_ENDPOINT_AUTH_METHODS_SUPPORTED"


def test_clients_that_register_here_sign_people_in_there(
    node: str, npm_install: Callable[[Path], None], tmp_path: Path
) -> None:
    """By every method, until each is deleted here, and so there: its codes are dead at once."""
    npm_install(HERE / "node")
    port = lasting_port()
    env = {
        "DCR_CONNECTORS__AS__KIND": "rfc7591",
        "DCR_CONNECTORS__AS__REGISTRATION_ENDPOINT": f"http://127.0.0.1:{port}/reg",
        "DCR_CONNECTORS__AS__INITIAL_ACCESS_TOKEN": INITIAL_TOKEN,
        "DCR_SECRETS__ENCRYPTION_KEYS": json.dumps([encryption_key().get_secret_value()]),
        "DCR_AUTHORIZATION_SERVER__SCOPES_SUPPORTED": '["openid", "profile"]',
        _METHODS: json.dumps(METHODS),
    }
    with (
        serving(tmp_path, env=env) as ours,
        node_oidc_provider(tmp_path, rotates=True, front=ours.base_url, port=port),
    ):
        done = subprocess.run(
            [node, "drive_authorization_code.mjs", f"http://127.0.0.1:{port}", "oidc"],
            cwd=HERE / "node",
            env=environment(NO_PROXY="127.0.0.1,localhost"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{ours.log}"
    report = json.loads(done.stdout.splitlines()[-1])
    assert [life["method"] for life in report["lives"]] == METHODS
    assert {life["registered_at"] for life in report["lives"]} == {ours.base_url}
