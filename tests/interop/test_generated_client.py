"""Who needs a client in Python generates one: the OpenAPI document is good enough for that."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from harness.process import environment, run_to_end, serving

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

_DRIVER = Path(__file__).parent / "python" / "generated_client.py"
# They take or answer with lines of JSON, of which the generator makes neither body nor answer.
_NOT_GENERATED = {
    "POST /admin/v1/clients/import",
    "GET /admin/v1/clients/export",
    "GET /admin/v1/events/export",
    "GET /admin/v1/jobs/{job_id}/errors",
}


def test_a_client_is_generated_and_used(python: str, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        document = httpx.get(f"{server.base_url}/openapi.json", trust_env=False).json()
        # What this generator makes of a body that is an array beside others is no Python.
        patch = document["paths"]["/admin/v1/clients/{client_id}"]["patch"]
        del patch["requestBody"]["content"]["application/json-patch+json"]
        (tmp_path / "openapi.json").write_text(json.dumps(document))
        told = _run(
            tmp_path, str(Path(python).with_name("openapi-python-client")), "generate",
            "--path", "openapi.json", "--output-path", "generated", "--meta", "none",
        )  # fmt: skip
        lines = told.splitlines()
        left_out = {
            line.removeprefix("WARNING parsing ").partition(" within ")[0]
            for line in lines
            if line.startswith("WARNING parsing ")
        }
        assert left_out == _NOT_GENERATED, told
        assert "Unable to" not in told
        issued = run_to_end(
            "token", "issue", "admin", "--role=administrator", "--tenant=*",
            env={"DCR_DATABASE__URL": f"sqlite:///{tmp_path}/dcrserver.db"},
        )  # fmt: skip
        token = issued.stdout.strip()
        _run(tmp_path, python, str(_DRIVER), server.base_url, token)
        _move_by_hand(f"{server.base_url}/admin/v1", token)


def _move_by_hand(root: str, token: str) -> None:
    """What is not generated is a request of any client, by the same document."""
    client = {"client_id": "by-hand", "redirect_uris": ["https://client.example.org/cb"],
              "token_endpoint_auth_method": "none"}  # fmt: skip
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers, trust_env=False) as http:
        ndjson = {"Content-Type": "application/x-ndjson"}
        url = f"{root}/clients/import"
        begun = http.post(url, content=json.dumps(client), headers=ndjson)
        assert begun.status_code == 202, begun.text
        job = begun.json()
        for _ in range(100):
            if (job := http.get(f"{root}/jobs/{job['id']}").json())["state"] == "done":
                break
            time.sleep(0.1)
        assert (job["state"], job["changed"]) == ("done", 1)
        exported = http.get(f"{root}/clients/export").text.splitlines()
        assert "by-hand" in {json.loads(line)["client_id"] for line in exported}
        events = http.get(f"{root}/events/export", params={"until": "2100-01-01"})
        assert "client.imported" in {json.loads(line)["type"] for line in events.text.splitlines()}


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(PYTHONPATH=str(folder)),
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr
