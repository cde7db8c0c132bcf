"""Real reverse proxies in front of a server process, configured as their users do."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from harness.process import ServerProcess, free_port
from harness.programs import program

_START_SECONDS = 30

# One process in the foreground, which writes nowhere but into its folder; servers, a brace follow.
NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/proxy.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
"""
# The three lines before the last are those that every description of websockets behind nginx has.
_SERVER = """\
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $host;
        }}
    }}
}}
"""
_HAPROXY = """\
defaults
    mode http
    timeout connect 20s
    timeout client 20s
    timeout server 20s
listen proxy
    bind 127.0.0.1:{port}
    option forwardfor
    http-request del-header X-Client-Cert
    http-request del-header X-Client-Verify
    server upstream {address}
"""
# Of the form of Debian's, where some modules are built in; ``upgrade`` is what its manual says of
# websockets.
_APACHE = """\
ServerName localhost
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
User www-data
Group www-data
StartServers 1
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
Listen 127.0.0.1:{port}
RequestHeader unset X-Client-Cert
RequestHeader unset X-Client-Verify
ProxyPass / {upstream}/ upgrade=ANY
"""
_APACHE_MODULES = Path("/usr/lib/apache2/modules")


@contextmanager
def nginx(folder: Path, server: ServerProcess) -> Iterator[str]:
    """An nginx before ``server``, with the usual lines for websockets; its URL."""
    port = free_port()
    text = (NGINX + _SERVER).format(folder=folder, port=port, upstream=server.base_url)
    file = _written(folder / "nginx.conf", text)
    log = folder / "proxy.log"
    command = [program("nginx"), "-e", str(log), "-p", str(folder), "-c", str(file)]
    with running(command, f"http://127.0.0.1:{port}", log) as url:
        yield url


@contextmanager
def haproxy(folder: Path, server: ServerProcess) -> Iterator[str]:
    """A HAProxy before ``server``, which alone may say who has a certificate; its URL."""
    port = free_port()
    text = _HAPROXY.format(port=port, address=server.base_url.removeprefix("http://"))
    file = _written(folder / "haproxy.cfg", text)
    command = [program("haproxy"), "-db", "-f", str(file)]
    with running(command, f"http://127.0.0.1:{port}", folder / "haproxy.log") as url:
        yield url


@contextmanager
def apache(folder: Path, server: ServerProcess) -> Iterator[str]:
    """An Apache httpd before ``server``, which alone may say who has a certificate; its URL."""
    command = [program("apache2"), "-DFOREGROUND", "-f", str(folder / "apache.conf")]
    port = free_port()
    text = _APACHE.format(
        folder=folder, port=port, upstream=server.base_url, modules=_APACHE_MODULES
    )
    _written(folder / "apache.conf", text)
    with running(command, f"http://127.0.0.1:{port}", folder / "apache.log") as url:
        yield url


def _written(file: Path, text: str) -> Path:
    file.write_text(text, "utf-8")
    return file


@contextmanager
def running(
    command: list[str], url: str, log: Path, *, ca_file: Path | None = None
) -> Iterator[str]:
    """The proxy of ``command``, until the end; it answers at ``url``."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait_until_it_answers(url, process, log, ca_file)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(
    url: str, process: subprocess.Popen[bytes], log: Path, ca_file: Path | None
) -> None:
    verify = ssl.create_default_context(cafile=ca_file) if ca_file else True
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(url, trust_env=False, verify=verify)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the proxy did not start:\n{log.read_text('utf-8', 'replace')}")
