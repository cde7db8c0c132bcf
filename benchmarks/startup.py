"""How long until a server answers, how much memory it then has, and what its documents cost.

python benchmarks/startup.py [--postgres postgresql://user@host/postgres] [--tenants 5000]

Beside the start of one tenant that of ``--tenants`` of the configuration file.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import report

from harness import Target, database, dcrserver, drive, memory, settled

_DOCUMENTS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


def main() -> None:
    parser = argparse.ArgumentParser(description="start-up, and discovery documents")
    parser.add_argument("--postgres", help="server where databases may be made")
    parser.add_argument("--tenants", type=int, default=5000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept = f"sqlite:///{folder}/kept.db"
        urls: dict[str, list[str]] = {
            "SQLite, new": [f"sqlite:///{folder}/{n}.db" for n in range(options.times)],
            "SQLite, existing": [kept] * (options.times + 1),
        }
        if options.postgres:
            url = stack.enter_context(database(options.postgres, "start"))
            urls["PostgreSQL, existing"] = [url] * (options.times + 1)
        many = f"SQLite, {options.tenants} tenants"
        urls[many] = urls["SQLite, existing"]
        with_many = {"DCR_CONFIG": str(_configured(folder, options.tenants))}
        for name, some in urls.items():
            seconds = [_start(folder, url, with_many if name == many else {}) for url in some]
            if name == many or "existing" in name:
                seconds = seconds[1:]  # the first makes it
            print(f"{name:22} {statistics.median(seconds):5.2f} s ({max(seconds):.2f} at worst)")
        target = stack.enter_context(dcrserver("dcrserver/sqlite", folder))
        print(f"memory when started    {memory(target.pid):5.0f} MB")
        _documents(target, folder, options.seconds)


def _configured(folder: Path, tenants: int) -> Path:
    """A configuration file with so many tenants."""
    file = folder / "dcrserver.toml"
    file.write_text("".join(f"[tenants.t{number}]\n" for number in range(tenants)))
    return file


def _start(folder: Path, url: str, settings: Mapping[str, str]) -> float:
    """Seconds from the command to the first answer that it is ready."""
    started = time.perf_counter()
    with dcrserver("x", folder, url, settings):
        return time.perf_counter() - started


def _documents(target: Target, folder: Path, seconds: int) -> None:
    origin = target.url.removesuffix("/register")
    for path in _DOCUMENTS:
        first = httpx.get(f"{origin}{path}")
        again = httpx.get(f"{origin}{path}", headers={"If-None-Match": first.headers["etag"]})
        print(f"{path}: Cache-Control {first.headers['cache-control']}, then {again.status_code}")
        (folder / "requests").write_text(f"GET\t{path}\t\t\n")
        settled(target)
        sample = drive(target, origin, seconds, {"REQUESTS": str(folder / "requests")})
        target.samples.setdefault(path.rpartition("/")[2], []).append(sample)
    report.show([target])


if __name__ == "__main__":
    main()
