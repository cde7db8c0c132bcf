"""Workers, and instances behind nginx, on one PostgreSQL database: how fast, and whether right.

python benchmarks/scaling.py --postgres postgresql://user@host/postgres

Right means: 500 clients, each registered, read, updated, read by its new token and deleted through
nginx, the instances taking turns, and every answer as it must be. Everything shares this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import registration
import report

from harness import Target, database, dcrserver, drive, free_port, settled, wait

_CLIENTS = 500
_AT_ONCE = 32
_NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream instances {{ {servers} keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://instances;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }}
  }}
}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="workers, and instances behind nginx")
    parser.add_argument("--postgres", required=True, help="server where databases may be made")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="write every sample to this file")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin") is None:
        sys.exit("nginx is needed")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "body.json").write_text(json.dumps(registration.BODY))
        url = stack.enter_context(database(options.postgres, "scaling"))
        alone = stack.enter_context(dcrserver("1 worker", folder, url))
        two = stack.enter_context(dcrserver("2 workers", folder, url, {"DCR_SERVER__WORKERS": "2"}))
        others = [stack.enter_context(dcrserver(f"{n}", folder, url)) for n in (2, 3)]
        hop = stack.enter_context(_nginx("nginx, 1 instance", folder / "one", [alone]))
        three = stack.enter_context(
            _nginx("nginx, 3 instances", folder / "three", [alone, *others])
        )
        targets = [alone, two, hop, three]
        for _ in range(options.rounds):
            for target in targets:
                _measure(target, folder, options.seconds)
        report.show(targets)
        report.keep(targets, options.json)
        told = asyncio.run(_lives(three.url))
        print(f"{_CLIENTS} lives through nginx and 3 instances, wrong answers: {told or 'none'}")


@contextlib.contextmanager
def _nginx(name: str, folder: Path, instances: Sequence[Target]) -> Iterator[Target]:
    folder.mkdir()
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{httpx.URL(each.url).port};" for each in instances)
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port, servers=servers))
    process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(folder), "-c", str(configuration)])
    try:
        wait(f"http://127.0.0.1:{port}/readyz", process)
        yield Target(name, f"http://127.0.0.1:{port}/register")
    finally:
        process.terminate()
        process.wait(30)


def _measure(target: Target, folder: Path, seconds: int) -> None:
    for kind in ("POST", "GET"):
        settled(target)
        requests = {"BODY": str(folder / "body.json")}
        if kind == "GET":
            made = registration.managed(target, "GET", 64)
            (folder / "requests").write_text("".join(made))
            requests = {"REQUESTS": str(folder / "requests")}
        sample = drive(target, target.url, seconds, requests)
        target.samples.setdefault(kind, []).append(sample)
        print(f"{target.name} {kind} {sample.rate:.0f}/s", file=sys.stderr)


async def _lives(url: str) -> list[str]:
    """What went wrong in the lives of ``_CLIENTS`` clients."""
    wrong: list[str] = []
    slots = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(timeout=30) as http:

        async def expect(status: int, method: str, path: str, token: str, **sent: object) -> dict:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = await http.request(method, path, headers=headers, **sent)
            if answer.status_code != status:
                wrong.append(f"{method} {answer.status_code} in place of {status}: {answer.text}")
            return answer.json() if answer.content else {}

        async def live() -> None:
            async with slots:
                made = await expect(201, "POST", url, "", json=registration.BODY)
                where, first = f"{url}/{made['client_id']}", made["registration_access_token"]
                await expect(200, "GET", where, first)
                body = registration.BODY | {"client_id": made["client_id"], "client_name": "New"}
                updated = await expect(200, "PUT", where, first, json=body)
                token = updated["registration_access_token"]
                read = await expect(200, "GET", where, token)
                if read.get("client_name") != "New":
                    wrong.append("an update was not read")
                await expect(401, "GET", where, first)
                await expect(204, "DELETE", where, token)
                await expect(401, "GET", where, token)

        await asyncio.gather(*(live() for _ in range(_CLIENTS)))
    return wrong


if __name__ == "__main__":
    main()
