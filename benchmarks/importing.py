"""How fast ``dcrserver client import`` takes over clients, and ``client export`` gives them back.

python benchmarks/importing.py --clients 100000 [--postgres postgresql://user@host/database]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = [sys.executable, "-m", "dcrserver"]


def main() -> None:
    parser = argparse.ArgumentParser(description="clients imported per second")
    parser.add_argument("--clients", type=int, default=100_000)
    parser.add_argument("--postgres", help="URL of an empty database")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "clients.jsonl"
        with file.open("w") as lines:
            for number in range(options.clients):
                lines.write(json.dumps(_client(number)) + "\n")
        urls = [f"sqlite:///{folder}/import.db"] + ([options.postgres] if options.postgres else [])
        for url in urls:
            environment = os.environ | {"DCR_DATABASE__URL": url}
            subprocess.run([*COMMAND, "migrate"], env=environment, check=True, capture_output=True)
            given = ["import", str(file)]
            for what in ([*given, "--dry-run"], given, given, ["export", "--with-hashes"]):
                start, before = time.monotonic(), _processor_seconds()
                done = subprocess.run(
                    [*COMMAND, "client", *what],
                    env=environment, check=True, capture_output=True, text=True,
                )  # fmt: skip
                spent, busy = time.monotonic() - start, _processor_seconds() - before
                told = done.stderr.strip().splitlines()[-1].removeprefix("dcrserver: ")
                rate = options.clients / spent
                kind = url.partition(":")[0]
                print(f"{kind:12} {spent:7.1f} s ({busy:.1f} s busy) {rate:8.0f}/s  {told}")


def _processor_seconds() -> float:
    """Of the commands so far: what other programs on the machine do does not change it much."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _client(number: int) -> dict[str, object]:
    return {
        "client_id": f"client-{number:06}",
        "client_secret": secrets.token_urlsafe(32),
        "redirect_uris": [f"https://c{number}.example.org/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "client_name": f"Client {number}",
        "scope": "openid profile",
        "contacts": ["operations@client.example.org"],
    }


if __name__ == "__main__":
    main()
