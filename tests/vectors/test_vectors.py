"""The black-box vectors against a real server process, one profile at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from harness.long_run import only_long
from harness.process import lasting_port, run_to_end, serving

HERE = Path(__file__).parent
VECTORS = json.loads((HERE / "vectors.json").read_text("utf-8"))["vectors"]
PROFILES = sorted(
    {vector["profile"] for vector in VECTORS}
    & {path.stem for path in (HERE / "profiles").glob("*.toml")}
)

pytestmark = pytest.mark.vectors


# Each is a server of its own; between them they ask most of what is asked.
_EVERYDAY = {"all", "iat", "mgmt", "oauth", "oidc", "ss"}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates of the runner, made for this run."""
    folder = tmp_path_factory.mktemp("vectors-state")
    _runner("--init", "--state", str(folder))
    return folder


@pytest.mark.parametrize(
    "profile",
    [each if each in _EVERYDAY else pytest.param(each, marks=only_long) for each in PROFILES],
)
def test_all_vectors_of_the_profile_pass(profile: str, state: Path, tmp_path: Path) -> None:
    hosted = f"localhost:{lasting_port(3)}"  # the runner takes two more
    env = {
        "DCR_CONFIG": str(HERE / "profiles" / f"{profile}.toml"),
        "DCR_OUTBOUND__CA_FILE": str(state / "ca.pem"),
        # In place of the port that the profiles except from the address filter: runs may overlap.
        "DCR_OUTBOUND__ALLOWED_HOSTS": json.dumps([hosted]),
        # Read by the profiles whose policy.statements_mode says so.
        "DCR_SOFTWARE_STATEMENTS": json.dumps([_statement_issuer(state)]),
    }
    report = tmp_path / "report.json"
    with serving(tmp_path, env=env, host="localhost") as server:
        tokens = _tokens(server.base_url, env, tmp_path) if profile == "iat" else []
        printed = _runner(
            *tokens, "--base-url", server.base_url, "--profiles", profile, "--state", str(state),
            "--fixture-host", f"https://{hosted}", "--json", str(report),
        )  # fmt: skip
        assert "Traceback" not in server.log
    results = json.loads(report.read_text("utf-8"))
    assert results["failed"] == 0, printed
    assert results["skipped"] == 0, printed
    assert results["passed"] == sum(vector["profile"] == profile for vector in VECTORS)
    print(f"{profile}: {results['passed']} passed")


def _statement_issuer(state: Path) -> dict[str, object]:
    """Whom the vectors speak of, with the keys of this run."""
    return {
        "issuer": "https://ss-issuer.test",
        "jwks_file": str(state / "ss-issuer.jwks.json"),
        "algorithms": ["RS256", "PS256"],
        "blocked_software_ids": ["blocked-1"],
    }


def _tokens(base_url: str, env: dict[str, str], folder: Path) -> list[str]:
    """Initial access tokens of the kinds that the vectors speak of, as an operator makes them."""
    settings = {**env, "DCR_DATABASE__URL": f"sqlite:///{folder}/dcrserver.db"}

    def issue(*arguments: str) -> str:
        done = run_to_end("token", "issue", *arguments, env=settings)
        done.check_returncode()
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
