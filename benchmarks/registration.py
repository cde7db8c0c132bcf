"""All that a registration server does, beside its peers in the same rounds.

python benchmarks/registration.py --postgres postgresql://user@host/postgres --rounds 3

One command: installs the peers at first need (npm, a virtual environment), makes and drops its own
databases, starts every server, and drives each with ``wrk -t1 -c16`` in turn, round after round, so
that what else the machine does meets all alike. Without --postgres only SQLite is measured. Read
the processor time per request first: a busy machine moves it less than requests per second.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import itertools
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import peers
import report

from harness import Target, database, dcrserver, drive, listener, memory, settled

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
# More than can be on their way: the next update of a client waits for the token of the last.
_CLIENTS_UPDATED = 256
# Each can be deleted once: as many are registered before as can be deleted in the time.
_DELETED_A_SECOND = 8000
_DELETING_SECONDS = 2
_CONNECTIONS = 16
_FORM = "Content-Type=application/x-www-form-urlencoded;;"
_MACHINE = {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": [],
            "scope": "profile"}  # fmt: skip


def main() -> None:
    options = _options()
    # Ended by a signal, the servers that were started are stopped all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "body.json").write_text(json.dumps(BODY))
        targets = _started(stack, folder, options)
        disk = Target(report.PGBENCH, "")
        disk_url = (
            stack.enter_context(database(options.postgres, "disk")) if options.postgres else ""
        )
        for target in targets:
            _KINDS["STATIC" if target.name == "static" else "POST"](target, folder, 1)
        for number in range(options.rounds):
            for target in targets:
                _measure(target, folder, options, number)
            if disk_url and (sample := peers.pgbench(disk_url, options.seconds)):
                disk.samples.setdefault("POST", []).append(sample)
        sizes = {each.name: size for each in targets if (size := memory(each.pid)) is not None}
        if disk.samples:
            targets.append(disk)
        report.show(targets)
        report.show_goals(report.goals(targets))
        report.show_memory(sizes)
        report.keep(targets, options.json, memory=sizes)
        if options.markdown:
            Path(options.markdown).write_text(report.markdown(targets, sizes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="dcrserver and its peers, requests per second")
    parser.add_argument("--seconds", type=int, default=4, choices=range(1, 61), metavar="1..60")
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 21), metavar="1..20")
    parser.add_argument(
        "--postgres",
        default=os.environ.get("DCR_TEST_POSTGRES_URL"),
        help="URL of a server where databases may be made; DCR_TEST_POSTGRES_URL if unset",
    )
    parser.add_argument("--targets", default="", help="only those whose names begin so")
    parser.add_argument("--kinds", default=",".join(_KINDS), help="only these, with commas")
    parser.add_argument("--workers", type=int, default=1, help="processes of dcrserver")
    parser.add_argument("--json", metavar="FILE", help="write every sample to this file")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables to this file")
    return parser.parse_args()


def _started(
    stack: contextlib.ExitStack, folder: Path, options: argparse.Namespace
) -> list[Target]:
    """The servers whose names are asked for; PostgreSQL's processes are known to theirs."""
    settings = {"DCR_SERVER__WORKERS": str(options.workers)}

    def url(name: str) -> str:
        return stack.enter_context(database(options.postgres, name))

    makers: dict[str, Callable[[], contextlib.AbstractContextManager[Target]]] = {
        "static": lambda: peers.static("static", folder),
        report.SQLITE: lambda: dcrserver(report.SQLITE, folder, None, settings),
        report.PEER_SQLITE: lambda: peers.oidc_provider(
            report.PEER_SQLITE, folder, str(folder / "peer.db")
        ),
        report.MCP: lambda: peers.mcp_sdk(report.MCP, folder),
    }
    if options.postgres:
        makers |= {
            report.POSTGRESQL: lambda: dcrserver(report.POSTGRESQL, folder, url("ours"), settings),
            report.PEER_POSTGRESQL: lambda: peers.oidc_provider(
                report.PEER_POSTGRESQL, folder, url("peer")
            ),
        }
    targets = [
        stack.enter_context(make())
        for name, make in makers.items()
        if name.startswith(options.targets)
    ]
    for target in targets:
        if target.name.endswith("/postgresql"):
            target.database_pid = listener(options.postgres)
    return targets


def _measure(target: Target, folder: Path, options: argparse.Namespace, number: int) -> None:
    for kind, measure in _KINDS.items():
        in_scope = {"static": ["STATIC"], report.MCP: ["POST", "VARIED"]}.get(target.name, _OURS)
        if kind in options.kinds.split(",") and kind in in_scope:
            settled(target)
            sample = measure(target, folder, options.seconds)
            target.samples.setdefault(kind, []).append(sample)
            print(f"round {number + 1}: {target.name} {kind} {sample.rate:.0f}/s", file=sys.stderr)


def _posted(folder: Path, **others: str) -> dict[str, str]:
    return {"BODY": str(folder / "body.json"), **others}


def _written(folder: Path, lines: list[str], **others: str) -> dict[str, str]:
    (folder / "requests").write_text("".join(lines))
    return {"REQUESTS": str(folder / "requests"), **others}


def managed(target: Target, method: str, count: int) -> list[str]:
    """A request by ``method`` for each of so many new clients."""
    lines = []
    for client in asyncio.run(_registered(target.url, count)):
        path = httpx.URL(client["registration_client_uri"]).raw_path.decode()
        headers = f"Authorization=Bearer {client['registration_access_token']};;"
        body = ""
        if method == "PUT":
            headers += "Content-Type=application/json;;"
            body = json.dumps(BODY | {"client_id": client["client_id"]})
        lines.append(f"{method}\t{path}\t{headers}\t{body}\n")
    return lines


def _token_requests(target: Target) -> list[str]:
    """Access tokens for one client after the other, by client_secret_basic."""
    lines = []
    for _ in range(_CLIENTS_READ):
        made = httpx.post(target.url, json=_MACHINE).raise_for_status().json()
        pair = base64.b64encode(f"{made['client_id']}:{made['client_secret']}".encode()).decode()
        headers = f"Authorization=Basic {pair};;{_FORM}"
        lines.append(f"POST\t/token\t{headers}\tgrant_type=client_credentials&scope=profile\n")
    return lines


_KINDS: Mapping[str, Callable[[Target, Path, int], report.Sample]] = {
    "STATIC": lambda target, folder, seconds: drive(
        target, target.url, seconds, _written(folder, ["GET\t/\t\t\n"])
    ),
    "POST": lambda target, folder, seconds: drive(target, target.url, seconds, _posted(folder)),
    # The same with another client_name each time.
    "VARIED": lambda target, folder, seconds: drive(
        target, target.url, seconds, _posted(folder, VARY="1")
    ),
    "GET": lambda target, folder, seconds: drive(
        target, target.url, seconds, _written(folder, managed(target, "GET", _CLIENTS_READ))
    ),
    "PUT": lambda target, folder, seconds: drive(
        target,
        target.url,
        seconds,
        _written(folder, managed(target, "PUT", _CLIENTS_UPDATED), FOLLOW="1"),
    ),
    "TOKEN": lambda target, folder, seconds: drive(
        target,
        f"{target.url.rpartition('/')[0]}/token",
        seconds,
        _written(folder, _token_requests(target)),
    ),
    "DELETE": lambda target, folder, _: drive(
        target,
        target.url,
        _DELETING_SECONDS,
        _written(
            folder, managed(target, "DELETE", _DELETED_A_SECOND * _DELETING_SECONDS), ONCE="1"
        ),
    ),
}
_OURS = [kind for kind in _KINDS if kind != "STATIC"]


async def _registered(url: str, count: int) -> list[dict[str, str]]:
    """By plain connections: a client library would take longer than the servers."""
    address, body = httpx.URL(url), json.dumps(BODY).encode()
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.host}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    numbers = itertools.count()

    async def register() -> list[dict[str, str]]:
        made = []
        reader, writer = await asyncio.open_connection(address.host, address.port)
        while next(numbers) < count:
            writer.write(head.encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = answer.split(b"content-length:")[1].split(b"\r\n")[0]
            client = json.loads(await reader.readexactly(int(length)))
            made.append(
                {
                    name: client[name]
                    for name in (
                        "client_id",
                        "registration_client_uri",
                        "registration_access_token",
                    )
                }
            )
        writer.close()
        return made

    return [
        each
        for some in await asyncio.gather(*(register() for _ in range(_CONNECTIONS)))
        for each in some
    ]


if __name__ == "__main__":
    main()
