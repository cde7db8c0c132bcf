"""Registrations and reads per second, beside a peer in the same round.

python benchmarks/registration.py --seconds 5 --rounds 3 \
    [--postgres postgresql://user@host/database] [--peer NAME=URL ...] [--json FILE]

Every target is driven by ``wrk -t1 -c16`` in turn, round after round, so that what else the
machine does meets all alike. A peer is running already; its URL is its registration endpoint.
Read the processor time per request first: a busy machine moves it less than requests per second.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import signal
import sys
import tempfile
from pathlib import Path

import httpx

from harness import Target, compare, dcrserver, drive, keep, listener, oidc_provider, show

# 13 members, about 580 octets: what a web client of some care sends.
BODY = {
    "redirect_uris": ["https://client.example.org/callback", "https://client.example.org/other"],
    "token_endpoint_auth_method": "client_secret_basic",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "client_name": "Benchmark client",
    "client_uri": "https://client.example.org/",
    "logo_uri": "https://client.example.org/logo.png",
    "scope": "openid profile email",
    "contacts": ["operations@client.example.org"],
    "tos_uri": "https://client.example.org/terms",
    "policy_uri": "https://client.example.org/privacy",
    "software_id": "benchmark-software",
    "software_version": "1.0.0",
}
_CLIENTS_READ = 64
# Each can be deleted once: as many are registered before as can be deleted in the time.
_DELETED_A_SECOND = 3000
_DELETING_SECONDS = 2


def main() -> None:
    options = _options()
    # Ended by a signal, the servers that were started are stopped all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "body.json").write_text(json.dumps(BODY))
        targets = [stack.enter_context(dcrserver("dcrserver/sqlite", folder))]
        if options.postgres:
            url = options.postgres
            targets.append(stack.enter_context(dcrserver("dcrserver/postgresql", folder, url)))
            peer_url = options.peer_postgres
            if peer_url:
                targets.append(
                    stack.enter_context(oidc_provider("oidc-provider/postgresql", folder, peer_url))
                )
        if options.peers:
            path = str(folder / "peer.db")
            targets.append(stack.enter_context(oidc_provider("oidc-provider/sqlite", folder, path)))
        database_pid = listener(options.postgres) if options.postgres else None
        for peer in options.peer:
            name, _, url = peer.partition("=")
            targets.append(Target(name, url, listener(url)))
        for target in targets:
            target.database_pid = database_pid
            drive(target, target.url, 1, {"BODY": str(folder / "body.json")})  # warm, not counted
        for _ in range(options.rounds):
            for target in targets:
                _measure(target, folder, options.seconds)
        show(targets)
        compare(
            targets,
            [
                ("dcrserver/postgresql", "oidc-provider/postgresql"),
                ("dcrserver/sqlite", "oidc-provider/sqlite"),
            ],
        )
        keep(targets, options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="registrations and reads per second")
    parser.add_argument("--seconds", type=int, default=5, choices=range(1, 61), metavar="1..60")
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 11), metavar="1..10")
    parser.add_argument("--postgres", help="URL of an empty database")
    parser.add_argument("--peers", action="store_true", help="node-oidc-provider in each round")
    parser.add_argument("--peer-postgres", help="URL of another empty database, for the peer")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=URL")
    parser.add_argument("--json", metavar="FILE", help="write every sample to this file")
    return parser.parse_args()


def _measure(target: Target, folder: Path, seconds: int) -> None:
    """One run of each kind."""
    body = {"BODY": str(folder / "body.json")}
    target.samples.setdefault("POST", []).append(drive(target, target.url, seconds, body))
    clients = asyncio.run(_registered(target.url, _CLIENTS_READ))
    for method in ("GET", "PUT"):
        _each(target, method, clients, folder, seconds)
    _tokens(target, folder, seconds)
    gone = asyncio.run(_registered(target.url, _DELETED_A_SECOND * _DELETING_SECONDS))
    _each(target, "DELETE", gone, folder, _DELETING_SECONDS)


def _each(
    target: Target, method: str, clients: list[dict[str, str]], folder: Path, seconds: int
) -> None:
    """``method`` for each of the clients in turn."""
    lines = []
    for client in clients:
        path = httpx.URL(client["registration_client_uri"]).raw_path.decode()
        headers = f"Authorization=Bearer {client['registration_access_token']};;"
        body = ""
        if method == "PUT":
            headers += "Content-Type=application/json;;"
            body = json.dumps(BODY | {"client_id": client["client_id"]})
        lines.append(f"{method}\t{path}\t{headers}\t{body}\n")
    (folder / "requests").write_text("".join(lines))
    requests = {"REQUESTS": str(folder / "requests")}
    if method == "DELETE":
        requests["ONCE"] = "1"
    target.samples.setdefault(method, []).append(drive(target, target.url, seconds, requests))


def _tokens(target: Target, folder: Path, seconds: int) -> None:
    """Access tokens for one client after the other, by client_secret_basic."""
    issuer = target.url.rpartition("/")[0]
    machine = {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": [],
               "scope": "profile"}  # fmt: skip
    lines = []
    for _ in range(_CLIENTS_READ):
        made = httpx.post(target.url, json=machine).raise_for_status().json()
        pair = base64.b64encode(f"{made['client_id']}:{made['client_secret']}".encode()).decode()
        headers = f"Authorization=Basic {pair};;Content-Type=application/x-www-form-urlencoded;;"
        lines.append(f"POST\t/token\t{headers}\tgrant_type=client_credentials&scope=profile\n")
    (folder / "requests").write_text("".join(lines))
    requests = {"REQUESTS": str(folder / "requests")}
    sample = drive(target, f"{issuer}/token", seconds, requests)
    target.samples.setdefault("TOKEN", []).append(sample)


async def _registered(url: str, count: int) -> list[dict[str, str]]:
    made: list[dict[str, str]] = []
    async with httpx.AsyncClient(timeout=60) as http:

        async def register() -> None:
            while len(made) < count:
                answer = await http.post(url, json=BODY)
                made.append(answer.raise_for_status().json())

        await asyncio.gather(*(register() for _ in range(16)))
    return made[:count]


if __name__ == "__main__":
    main()
