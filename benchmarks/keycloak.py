"""Registrations a second with Keycloak told before the answer, beside its own endpoint, by turns.

PYTHONPATH=src:tests python tests/harness/keycloak.py 8090     # one of the tests, which stays
python benchmarks/keycloak.py [--url http://127.0.0.1:8090] [--realm acme] [--client-id dcr]
    [--client-secret secret-of-dcr] [--scope "profile email"] [--rounds 6] [--seconds 5]
    [--postgres URL]

Both are driven over 16 connections by the same program with the same metadata, each round in the
other order, so that what else the machine does meets both alike. Clients stay where they were made.
Read the processor time of a client first, Keycloak's and ours: a busy machine moves it less.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
from provisioning import server, settings_of
from registration import BODY

from harness import Sample, Target, drive, listener, settled

_WARMING_SECONDS = 3
_TOKEN_SECONDS = 36_000


def main() -> None:
    options = _options()
    connector = {
        "kind": "keycloak", "url": options.url, "realm": options.realm, "timeout": "60",
        "client_id": options.client_id, "client_secret": options.client_secret,
    }  # fmt: skip
    keycloak = listener(options.url)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with server(folder, options.postgres, settings_of(connector, "before"), "before") as ours:
            ours.database_pid = keycloak
            endpoint = f"{options.url}/realms/{options.realm}/clients-registrations/openid-connect"
            its = Target("its own endpoint", endpoint, None, keycloak)
            token = _initial_token(options)
            requests = {
                ours.name: _posted(folder / "ours", ours.url, "", options.scope),
                its.name: _posted(folder / "its", endpoint, token, options.scope),
            }
            for number in range(-1, options.rounds):
                _round([ours, its][:: 1 if number % 2 else -1], requests, options.seconds, number)
            for line in _table([ours, its]):
                print(line)
            print(f"load {os.getloadavg()[0]:.1f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="registrations at Keycloak, by us and by itself")
    parser.add_argument("--url", default="http://127.0.0.1:8090")
    parser.add_argument("--realm", default="acme")
    parser.add_argument("--client-id", default="dcr")
    parser.add_argument("--client-secret", default="secret-of-dcr")
    parser.add_argument(
        "--scope", help="none if unset; Keycloak's endpoint refuses openid, which is always there"
    )
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=5, help="of each in each round")
    parser.add_argument("--postgres", metavar="URL", help="ours on it; SQLite if unset")
    return parser.parse_args()


def _posted(file: Path, url: str, token: str, scope: str | None) -> dict[str, str]:
    """What ``request.lua`` is told."""
    headers = f"Authorization=Bearer {token};;" if token else ""
    headers += "Content-Type=application/json;;"
    metadata = {name: each for name, each in BODY.items() if name != "scope"}
    body = json.dumps(metadata | ({"scope": scope} if scope else {}))
    file.write_text(f"POST\t{httpx.URL(url).path}\t{headers}\t{body}\n")
    return {"REQUESTS": str(file)}


def _initial_token(options: argparse.Namespace) -> str:
    with httpx.Client(base_url=options.url, timeout=60) as http:
        signed_in = http.post(
            f"/realms/{options.realm}/protocol/openid-connect/token",
            data={"grant_type": "client_credentials"},
            auth=(options.client_id, options.client_secret),
        ).raise_for_status()
        made = http.post(
            f"/admin/realms/{options.realm}/clients-initial-access",
            json={"count": 1_000_000, "expiration": _TOKEN_SECONDS},
            headers={"Authorization": f"Bearer {signed_in.json()['access_token']}"},
        ).raise_for_status()
    token: str = made.json()["token"]
    return token


def _round(
    targets: Sequence[Target], requests: dict[str, dict[str, str]], seconds: int, number: int
) -> None:
    for target in targets:
        settled(target)
        if number < 0:
            drive(target, target.url, _WARMING_SECONDS, requests[target.name])
        else:
            sample = drive(target, target.url, seconds, requests[target.name])
            target.samples.setdefault("POST", []).append(sample)
            print(
                f"round {number + 1}: {target.name} {sample.rate:.0f}/s, others used"
                f" {sample.foreign:.1f} cores",
                file=sys.stderr,
            )


def _table(targets: Sequence[Target]) -> list[str]:
    lines = [
        "| registered by | clients/s | p50 ms | p99 ms | Keycloak's ms | ours ms | failed |",
        "|---|---|---|---|---|---|---|",
    ]
    for target in targets:
        samples = target.samples["POST"]
        cells = [
            _spread(samples, lambda each: each.rate, 0),
            _spread(samples, lambda each: each.p50, 0),
            _spread(samples, lambda each: each.p99, 0),
            _spread(samples, lambda each: (each.database_cpu or math.nan) / 1000, 1),
            _spread(samples, lambda each: (each.cpu or math.nan) / 1000, 2) if target.pid else "-",
            str(sum(each.failed for each in samples)),
        ]
        lines.append(f"| {target.name} | {' | '.join(cells)} |")
    return lines


def _spread(samples: Sequence[Sample], of: Callable[[Sample], float], digits: int) -> str:
    values = [of(each) for each in samples]
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


if __name__ == "__main__":
    main()
