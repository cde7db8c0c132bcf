"""The files of docs/deploy for nginx, HAProxy and Caddy, each before a real server."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.proxies import COMMANDS, Proxy, proxy
from harness.clients import certificate, escaped, new_key
from harness.process import ServerProcess, free_port, serving

_CLIENT = {"redirect_uris": ["https://client.example.org/cb"]}
_MACHINE = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "token_endpoint_auth_method": "tls_client_auth",
    "tls_client_auth_subject_dn": "CN=localhost",
}
_SETTINGS = {
    "DCR_SERVER__TRUSTED_PROXIES": "127.0.0.1",
    "DCR_RATE_LIMITS__ENABLED": "true",
    "DCR_RATE_LIMITS__OPEN_REGISTRATION": "4/hour",
    "DCR_MUTUAL_TLS__HEADER": "X-Client-Cert",
    "DCR_MUTUAL_TLS__VERIFIED_HEADER": "X-Client-Verify",
    "DCR_MUTUAL_TLS__TRUSTED_PROXIES": "127.0.0.1",
    "DCR_AUTHORIZATION_SERVER": json.dumps(
        {
            "token_endpoint_auth_methods_supported": [
                "tls_client_auth",
                "none",
                "client_secret_basic",
            ]
        }
    ),
    "DCR_TOKENS__ENABLED": "true",
}


@dataclass
class _Deployed:
    server: ServerProcess
    proxy: Proxy
    folder: Path

    def http(self, *, with_certificate: bool = False) -> httpx.Client:
        context = ssl.create_default_context(cafile=self.proxy.ca_file)
        if with_certificate:
            context.load_cert_chain(self.folder / "server.pem")
        return httpx.Client(base_url=self.proxy.url, trust_env=False, verify=context)


@pytest.fixture(scope="module", params=COMMANDS)
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[_Deployed]:
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    settings = _SETTINGS | {"DCR_SERVER__BASE_URL": f"https://localhost:{port}"}
    with (
        serving(folder, env=settings) as server,
        proxy(request.param, folder, server, port) as before,
    ):
        yield _Deployed(server, before, folder)


def test_clients_find_it_and_register(deployed: _Deployed) -> None:
    with deployed.http() as http:
        found = http.get("/.well-known/oauth-authorization-server").json()
        assert found["issuer"] == deployed.proxy.url
        made = http.post(found["registration_endpoint"], json=_CLIENT)
        assert made.status_code == 201
        bearer = {"Authorization": f"Bearer {made.json()['registration_access_token']}"}
        assert http.get(made.json()["registration_client_uri"], headers=bearer).is_success


@pytest.mark.parametrize("path", ["/metrics", "/%6detrics", "/readyz", "/healthz"])
def test_what_is_for_the_inside_stays_inside(deployed: _Deployed, path: str) -> None:
    with deployed.http() as http:
        assert http.get(path).status_code == 404


def test_a_large_body_is_refused(deployed: _Deployed) -> None:
    with deployed.http() as http:
        assert http.post("/register", json={"client_name": "x" * 200_000}).status_code == 413


def test_plain_http_leads_to_https(deployed: _Deployed) -> None:
    if deployed.proxy.plain_url is not None:  # Caddy does it by itself, at port 80
        answer = httpx.get(f"{deployed.proxy.plain_url}/register", trust_env=False)
        assert (answer.status_code, answer.headers["Location"][:8]) == (308, "https://")


def test_a_certificate_lets_its_owner_in(deployed: _Deployed) -> None:
    form = {"grant_type": "client_credentials"}
    with deployed.http() as http:
        form["client_id"] = http.post("/register", json=_MACHINE).json()["client_id"]
        assert http.post("/token", data=form).status_code == 401
        pretended = {
            "X-Client-Cert": escaped(certificate(new_key(), "CN=localhost")),
            "X-Client-Verify": "SUCCESS",
        }
        assert http.post("/token", data=form, headers=pretended).status_code == 401
    with deployed.http(with_certificate=True) as http:
        assert "access_token" in http.post("/token", data=form).json()


def test_who_calls_is_told_by_the_proxy_alone(deployed: _Deployed) -> None:
    """Last, as it uses the limit up: other addresses than its own help nobody."""
    with deployed.http() as http:
        statuses = [
            http.post(
                "/register", json=_CLIENT, headers={"X-Forwarded-For": f"198.51.100.{number}"}
            ).status_code
            for number in range(5)
        ]
    assert statuses[-1] == 429
