"""Clients that offer another protocol on plain http get their answers in HTTP/1.1."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import proxies
from harness.long_run import only_long
from harness.process import ServerProcess, serving
from harness.programs import program

_METADATA = {"grant_types": ["client_credentials"], "redirect_uris": []}
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_SECONDS = 60
# A program that runs for a moment: more of a compiler, or of a collector, is half of its time.
_STARTS_SOON = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

# The default version of this client is HTTP/2, which it offers with Upgrade: h2c.
_JAVA = """\
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

class Ask {
    public static void main(String[] given) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(given[1]))
            .header("Content-Type", given[2])
            .method(given[0], BodyPublishers.ofString(given[3]));
        if (given.length > 4) request.header("Authorization", given[4]);
        var answer = HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
        System.out.print(answer.body());
    }
}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("plain")) as started:
        yield started


@pytest.fixture
def url(request: pytest.FixtureRequest, server: ServerProcess, tmp_path: Path) -> Iterator[str]:
    if request.param == "directly":
        yield server.base_url
    else:
        with proxies.nginx(tmp_path, server) as proxy:
            yield proxy


def _java(folder: Path, *request: str) -> list[str]:
    file = folder / "Ask.java"
    file.write_text(_JAVA, "utf-8")
    return [program("java"), *_STARTS_SOON, str(file), *request]


def _curl(
    _: Path, method: str, url: str, media_type: str, body: str, *authorization: str
) -> list[str]:
    headers = [f"Content-Type: {media_type}", *(f"Authorization: {it}" for it in authorization)]
    fields = [part for header in headers for part in ("-H", header)]
    return [program("curl"), "-sS", "--noproxy", "*", "--http2", "-X", method, *fields,
            "--data-binary", body, url]  # fmt: skip


@pytest.mark.finding("S5")
@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("directly", _java),
        ("directly", _curl),
        ("through nginx", _curl),
        pytest.param("through nginx", _java, marks=only_long),
    ],
    indirect=["url"],
)
def test_a_client_that_offers_http_2_is_served(
    command: Any, url: str, server: ServerProcess, tmp_path: Path
) -> None:
    def ask(*request: str) -> dict[str, Any]:
        run = subprocess.run(
            command(tmp_path, *request), capture_output=True, timeout=_SECONDS, check=False
        )
        assert run.returncode == 0, run.stderr.decode()
        answer: dict[str, Any] = json.loads(run.stdout)
        return answer

    made = ask("POST", f"{url}/register", _JSON, json.dumps(_METADATA))
    path = made["registration_client_uri"].removeprefix(server.base_url)
    changed = {"client_id": made["client_id"], "client_name": "changed", **_METADATA}
    bearer = f"Bearer {made['registration_access_token']}"
    kept = ask("PUT", f"{url}{path}", _JSON, json.dumps(changed), bearer)
    assert kept["client_name"] == "changed"
    form = f"grant_type=client_credentials&client_id={made['client_id']}"
    secret = kept.get("client_secret", made["client_secret"])
    basic = base64.b64encode(f"{made['client_id']}:{secret}".encode()).decode()
    token = ask("POST", f"{url}/token", _FORM, form, f"Basic {basic}")
    assert "access_token" in token
