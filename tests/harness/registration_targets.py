"""Servers with a registration endpoint, each as a connector of kind ``rfc7591`` is told of it."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from harness import npm
from harness.examples import EXAMPLES, running
from harness.node_provider import private_jwks
from harness.process import lasting_port, serving
from harness.programs import program

INITIAL_TOKEN = "initial-access-token-of-a-test"
_PROVIDER = Path(__file__).parents[1] / "interop" / "node" / "registration_provider.mjs"
_PACKAGE = EXAMPLES / "node-oidc-provider"
_GLEWLWYD_SCHEMA = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
_GLEWLWYD_PLUGIN: dict[str, Any] = {
    "jwt-type": "sha", "jwt-key-size": "256", "key": "x" * 64, "access-token-duration": 3600,
    "refresh-token-duration": 3600, "code-duration": 600, "refresh-token-rolling": True,
    "allow-non-oidc": True, "auth-type-code-enabled": True, "auth-type-client-enabled": True,
    "auth-type-refresh-enabled": True, "subject-type": "public", "register-client-allowed": True,
    "register-client-auth-scope": [], "register-client-credentials-scope": ["openid"],
    "register-client-management-allowed": True, "client-jwks-parameter": "jwks",
    "client-jwks_uri-parameter": "jwks_uri", "scope": [], "additional-parameters": [], "claims": [],
}  # fmt: skip


class RegistrationTarget(NamedTuple):
    """What is configured of a server, and how it differs from others.

    ``forgets``: members that its answers echo and that are not there when they are read.
    ``renews_secrets``: each update brings a new one.
    """

    registration_endpoint: str
    initial_access_token: str | None = None
    forgets: frozenset[str] = frozenset()
    renews_secrets: bool = False


@contextmanager
def node_oidc_provider(
    folder: Path, *, rotates: bool, front: str = "", port: int = 0
) -> Iterator[RegistrationTarget]:
    """node-oidc-provider; ``rotates``: a new registration access token with each update.

    ``front``: the base URL of who registers clients for it, as its metadata say then.
    """
    npm.install(_PACKAGE)
    port = port or lasting_port()
    url = f"http://127.0.0.1:{port}"
    keys = folder / f"jwks-{port}.json"
    keys.write_text(json.dumps(private_jwks("target")), "utf-8")
    variables = {
        "OIDC_PROVIDER": str(_PACKAGE / "node_modules" / "oidc-provider" / "lib" / "index.js"),
        "ISSUER": url,
        "PORT": str(port),
        "INITIAL_TOKEN": INITIAL_TOKEN,
        "ROTATE": "true" if rotates else "false",
        "JWKS": str(keys),
        "FRONT": front,
    }
    with running([npm.node(), str(_PROVIDER)], folder, folder / f"{port}.log", url, **variables):
        yield RegistrationTarget(f"{url}/reg", INITIAL_TOKEN)


@contextmanager
def glewlwyd(folder: Path) -> Iterator[RegistrationTarget]:
    """Glewlwyd of Debian, whose plug-in lets everybody register."""
    server, port = program("glewlwyd"), lasting_port()
    url = f"http://127.0.0.1:{port}"
    file = folder / f"glewlwyd-{port}.db"
    plugin = json.dumps(_GLEWLWYD_PLUGIN | {"iss": f"{url}/api/oidc"})
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(_GLEWLWYD_SCHEMA.read_text("utf-8"))
        connection.execute(
            "INSERT INTO g_plugin_module_instance (gpmi_module, gpmi_name, gpmi_parameters)"
            " VALUES ('oidc', 'oidc', ?)",
            (plugin,),
        )
    conf = folder / f"glewlwyd-{port}.conf"
    modules = {
        "user_module_path": "user", "client_module_path": "client",
        "user_auth_scheme_module_path": "scheme", "plugin_module_path": "plugin",
    }  # fmt: skip
    lines = [f'{name}="/usr/lib/glewlwyd/{each}"' for name, each in modules.items()]
    conf.write_text(
        f'port={port}\nbind_address="127.0.0.1"\nexternal_url="{url}/"\napi_prefix="api"\n'
        'login_url="login.html"\nlog_mode="console"\nlog_level="WARNING"\ncookie_secure=0\n'
        'session_key="SESSION"\nadmin_scope="g_admin"\nprofile_scope="g_profile"\n'
        f'hash_algorithm="SHA512"\ndatabase={{type="sqlite3" path="{file}"}};\n' + "\n".join(lines),
        "utf-8",
    )
    with running([server, f"--config-file={conf}"], folder, folder / f"{port}.log", url):
        yield RegistrationTarget(
            f"{url}/api/oidc/register",
            forgets=frozenset({"application_type"}),
            renews_secrets=True,
        )


@contextmanager
def dcrserver(folder: Path) -> Iterator[RegistrationTarget]:
    """One of ours, which gives a new registration access token with each answer."""
    env = {"DCR_POLICY__MANAGEMENT__REGISTRATION_ACCESS_TOKEN_ROTATION": "on_read"}
    with serving(folder, env=env) as server:
        yield RegistrationTarget(f"{server.base_url}/register")


@dataclass
class OddServer:
    """What specifications allow, and what they do not: each member of it is one oddity.

    ``takes_all``: registers what is no registration. ``clients``: by identifier, what is stored.
    ``says``: answers the next call in place of its own.
    """

    manages: bool = True
    rotates: bool = False
    takes_all: bool = False
    elsewhere: str = ""
    renames: dict[str, Any] = field(default_factory=dict)
    says: list[tuple[int, Any]] = field(default_factory=list)
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    bodies: list[Any] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, bearer: str, body: Any) -> tuple[int, Any]:
        self.bodies.append(body)
        if self.says:
            return self.says.pop(0)
        if path == "/register":
            return self._register(bearer, body)
        client_id = path.rpartition("/")[2]
        if bearer != self.tokens.get(client_id):
            return 401, {"error": "invalid_token"}
        if method == "DELETE":
            del self.clients[client_id], self.tokens[client_id]
            return 204, None
        if method == "PUT":
            self.clients[client_id] |= body | self.renames
            if self.rotates:
                self.tokens[client_id] = secrets.token_hex(8)
        return 200, self._told(client_id)

    def _register(self, bearer: str, body: Any) -> tuple[int, Any]:
        if bearer != INITIAL_TOKEN:
            return 401, {"error": "invalid_token"}
        if "#" in body["redirect_uris"] and not self.takes_all:
            return 400, {"error": "invalid_redirect_uri"}
        client_id = secrets.token_hex(4)
        self.clients[client_id] = body | self.renames | {"client_secret": secrets.token_hex(8)}
        self.tokens[client_id] = secrets.token_hex(8)
        return 201, self._told(client_id)

    def _told(self, client_id: str) -> dict[str, Any]:
        told = {name: each for name, each in self.clients[client_id].items() if each is not None}
        told |= {"client_id": client_id, "client_secret_expires_at": 0}
        if self.manages:
            told |= {
                "registration_access_token": self.tokens[client_id],
                "registration_client_uri": f"{self.elsewhere or self.url}/clients/{client_id}",
            }
        return told


@contextmanager
def odd_server() -> Iterator[OddServer]:
    """An ``OddServer`` behind a socket."""
    made = OddServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            body = json.loads(content) if content else None
            status, told = made.answer(self.command, self.path, bearer, body)
            if not status:
                self.close_connection = True
                return
            answer = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing: the output is the test's."""

    for method in ("POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.do_GET)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
