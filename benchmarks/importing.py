"""How fast ``dcrserver client import`` takes over clients.

python benchmarks/importing.py --clients 100000 [--postgres postgresql://user@host/database]
"""

from __future__ import annotations

import argparse
import json
import os
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
            for what in (["--dry-run"], [], []):  # the last finds them all there
                start = time.monotonic()
                command = [*COMMAND, "client", "import", str(file), *what]
                done = subprocess.run(
                    command, env=environment, check=True, capture_output=True, text=True
                )
                spent = time.monotonic() - start
                told = done.stderr.strip().splitlines()[-1].removeprefix("dcrserver: ")
                rate = options.clients / spent
                print(f"{url.partition(':')[0]:12} {spent:7.1f} s {rate:8.0f}/s  {told}")


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
