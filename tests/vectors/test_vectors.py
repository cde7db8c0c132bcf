"""The black-box vectors against a real server process, one profile at a time."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness.process import COMMAND, environment, serving

HERE = Path(__file__).parent
# The port that the profiles except from the address filter.
FIXTURE_HOST = "https://localhost:9555"
VECTORS = json.loads((HERE / "vectors.json").read_text("utf-8"))["vectors"]
PROFILES = sorted(
    {vector["profile"] for vector in VECTORS}
    & {path.stem for path in (HERE / "profiles").glob("*.toml")}
)

pytestmark = pytest.mark.vectors


@pytest.fixture
def fixture_port() -> Iterator[None]:
    """The fixture server has a fixed port: one profile at a time, over all workers."""
    with (Path(tempfile.gettempdir()) / "dcr-test-vectors.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates of the runner, made for this run."""
    folder = tmp_path_factory.mktemp("vectors-state")
    _runner("--init", "--state", str(folder))
    return folder


@pytest.mark.usefixtures("fixture_port")
@pytest.mark.parametrize("profile", PROFILES)
def test_all_vectors_of_the_profile_pass(profile: str, state: Path, tmp_path: Path) -> None:
    env = {
        "DCR_CONFIG": str(HERE / "profiles" / f"{profile}.toml"),
        "DCR_OUTBOUND__CA_FILE": str(state / "ca.pem"),
    }
    report = tmp_path / "report.json"
    with serving(tmp_path, env=env, host="localhost") as server:
        tokens = _tokens(server.base_url, env, tmp_path) if profile == "iat" else []
        printed = _runner(
            *tokens, "--base-url", server.base_url, "--profiles", profile, "--state", str(state),
            "--fixture-host", FIXTURE_HOST, "--json", str(report),
        )  # fmt: skip
        assert "Traceback" not in server.log
    results = json.loads(report.read_text("utf-8"))
    assert results["failed"] == 0, printed
    assert results["skipped"] == 0, printed
    assert results["passed"] == sum(vector["profile"] == profile for vector in VECTORS)
    print(f"{profile}: {results['passed']} passed")


def _tokens(base_url: str, env: dict[str, str], folder: Path) -> list[str]:
    """Initial access tokens of the kinds that the vectors speak of, as an operator makes them."""
    settings = environment(**env, DCR_DATABASE__URL=f"sqlite:///{folder}/dcrserver.db")

    def issue(*arguments: str) -> str:
        command = [*COMMAND, "token", "issue", *arguments]
        done = subprocess.run(command, env=settings, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    used_up = issue("initial", "--uses", "1")
    body = {"redirect_uris": ["https://client.example.org/cb"]}
    headers = {"Authorization": f"Bearer {used_up}"}
    used = httpx.post(f"{base_url}/register", json=body, headers=headers, trust_env=False)
    assert used.status_code == 201
    return [
        "--initial-access-token", issue("initial"),
        "--iat", f"used_up={used_up}",
        "--iat", f"wrong_scope={issue('admin', '--scope', 'clients:read')}",
    ]  # fmt: skip


def _runner(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(HERE / "run_vectors.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout + done.stderr
