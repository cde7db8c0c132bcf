"""The proxies of docs/deploy before a server process: their files as they are, but for places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.process import ServerProcess, free_port
from harness.programs import program
from harness.proxies import NGINX, running
from harness.tls import certified

FILES = Path(__file__).parents[2] / "docs" / "deploy"
_NGINX = NGINX + "    include {folder}/dcrserver.conf;\n}}\n"
# Nothing is asked of an authority in the internet, and nothing listens but where we say.
_CADDY = "{{\n\tadmin off\n\tauto_https disable_redirects\n\thttps_port {port}\n}}\n"


@dataclass(frozen=True)
class Proxy:
    """``url`` is https, ``plain_url`` what leads there (None: the program does it by itself)."""

    url: str
    plain_url: str | None
    ca_file: Path


@dataclass(frozen=True)
class _Places:
    """What a file names, and what it is called here."""

    folder: Path
    port: int
    plain_port: int
    upstream: str

    def put_into(self, text: str) -> str:
        """Client certificates are asked for; a caller's own are judged by the same authority."""
        for named, here in {
            "# mtls: ": "",
            "/etc/ssl/dcrserver/client-ca.pem": f"{self.folder}/ca.pem",
            "/etc/ssl/dcrserver/fullchain.pem": f"{self.folder}/server.pem",
            "/etc/ssl/dcrserver/key.pem": f"{self.folder}/server.pem",
            "/etc/ssl/dcrserver/server.pem": f"{self.folder}/server.pem",
            "login.example.com": "localhost",
            "127.0.0.1:8000": self.upstream,
        }.items():
            text = text.replace(named, here)
        return text


def _nginx(places: _Places) -> list[str]:
    text = places.put_into((FILES / "nginx.conf").read_text("utf-8"))
    text = text.replace("listen 443", f"listen 127.0.0.1:{places.port}")
    text = text.replace("listen 80", f"listen 127.0.0.1:{places.plain_port}")
    (places.folder / "dcrserver.conf").write_text(text, "utf-8")
    main = places.folder / "nginx.conf"
    main.write_text(_NGINX.format(folder=places.folder), "utf-8")
    return [program("nginx"), "-e", f"{places.folder}/proxy.log", "-c", str(main)]


def _haproxy(places: _Places) -> list[str]:
    lines = (FILES / "haproxy.cfg").read_text("utf-8").splitlines()
    with_certificates = [line for line in lines if not line.startswith("    bind :443")]
    text = places.put_into("\n".join(with_certificates) + "\n")
    text = text.replace("bind :443", f"bind 127.0.0.1:{places.port}")
    text = text.replace("bind :80", f"bind 127.0.0.1:{places.plain_port}")
    file = places.folder / "haproxy.cfg"
    file.write_text(text, "utf-8")
    return [program("haproxy"), "-db", "-f", str(file)]


def _caddy(places: _Places) -> list[str]:
    text = places.put_into((FILES / "Caddyfile").read_text("utf-8"))
    text = text.replace("localhost {", f"https://localhost:{places.port} {{")
    server = places.folder / "server.pem"
    text = text.replace("\ttls {", f"\ttls {server} {server} {{")
    file = places.folder / "Caddyfile"
    file.write_text(_CADDY.format(port=places.port) + text, "utf-8")
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(file)]


COMMANDS: dict[str, Callable[[_Places], list[str]]] = {
    "nginx": _nginx, "haproxy": _haproxy, "caddy": _caddy,
}  # fmt: skip


@contextmanager
def proxy(name: str, folder: Path, server: ServerProcess, port: int) -> Iterator[Proxy]:
    """The program ``name`` at ``port``, by its file of docs/deploy."""
    _, ca_file = certified(folder)
    plain_port = free_port()
    places = _Places(folder, port, plain_port, server.base_url.removeprefix("http://"))
    url = f"https://localhost:{port}"
    with running(COMMANDS[name](places), url, folder / "proxy.log", ca_file=ca_file):
        plain_url = None if name == "caddy" else f"http://127.0.0.1:{plain_port}"
        yield Proxy(url, plain_url, ca_file)
