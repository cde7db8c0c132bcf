"""Software statements that jose (npm) signed are accepted, each algorithm's."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import HERE

pytestmark = pytest.mark.interop


def _signed(node: str) -> Any:
    done = subprocess.run(
        [node, "sign_statements.mjs"], cwd=HERE, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


async def test_statements_of_another_implementation_are_accepted(
    node: str, make_app: Any, tmp_path: Path
) -> None:
    made = await asyncio.to_thread(_signed, node)
    (tmp_path / "jwks.json").write_text(json.dumps(made["jwks"]))
    entry = {"issuer": made["issuer"], "jwks_file": str(tmp_path / "jwks.json")}
    app = await make_app(policy={"statements_mode": "required"}, software_statements=[entry])
    for algorithm, statement in made["statements"].items():
        answer = await app.http.post("/register", json={"software_statement": statement})
        assert answer.status_code == 201, (algorithm, answer.text)
        client = answer.json()
        assert client["client_name"] == f"Signed with {algorithm}"
        assert client["software_statement"] == statement
    assert len(made["statements"]) == 5
