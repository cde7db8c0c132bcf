"""All that a registration server does, beside its peers in the same rounds.

python benchmarks/registration.py [--postgres postgresql://user@host/postgres] [--rounds 3]

One command: installs the peers at first need (npm, a virtual environment), makes and drops its own
databases, starts every server, and drives each with ``wrk -t1 -c16`` in turn, round after round, so
that what else the machine does meets all alike. Without PostgreSQL only SQLite is measured. Read
the processor time per request first: a busy machine moves it less than requests per second.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import peers
import report
from postgres import ask, durability, run_in

import clients
from harness import Sample, Target, database, dcrserver, drive, listener, memory, settled

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
_MACHINE = {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": [],
            "scope": "profile"}  # fmt: skip
_CLIENTS_READ = 64
# More than can be on their way: the next update of a client waits for the token of the last.
_CLIENTS_UPDATED = 256
# Each can be deleted once: as many are registered before as can be deleted in the time. If they
# run out all the same, the row has failed requests.
_DELETING_SECONDS = 2
_DELETED_A_SECOND = {"dcrserver": 10_000, "oidc-provider": 4_000}
_WARMING_SECONDS = 1


# Target, a folder for files, seconds.
Workload = Callable[[Target, Path, int], Sample]


def managed(target: Target, method: str, count: int) -> list[str]:
    """A request by ``method`` for each of so many new clients; PUT says what they have already."""
    return [
        clients.managing(
            method, client, BODY | {"client_id": client["client_id"]} if method == "PUT" else None
        )
        for client in clients.registered(target.url, BODY, count)
    ]


def _constant(target: Target, folder: Path, seconds: int) -> Sample:
    return _driven(target, folder, seconds, ["GET\t/\t\t\n"])


def _post(target: Target, folder: Path, seconds: int, **settings: str) -> Sample:
    body = folder / "body.json"
    body.write_text(json.dumps(BODY))
    return drive(target, target.url, seconds, {"BODY": str(body), **settings})


def _get(target: Target, folder: Path, seconds: int) -> Sample:
    return _driven(target, folder, seconds, managed(target, "GET", _CLIENTS_READ))


def _put(target: Target, folder: Path, seconds: int, **settings: str) -> Sample:
    lines = managed(target, "PUT", _CLIENTS_UPDATED)
    return _driven(target, folder, seconds, lines, FOLLOW="1", **settings)


def _token(target: Target, folder: Path, seconds: int) -> Sample:
    machines = clients.registered(target.url, _MACHINE, _CLIENTS_READ)
    return _driven(target, folder, seconds, list(map(clients.asking_for_token, machines)))


def _delete(target: Target, folder: Path, seconds: int) -> Sample:
    seconds = min(seconds, _DELETING_SECONDS)
    count = seconds * _DELETED_A_SECOND[target.name.partition("/")[0]]
    return _driven(target, folder, seconds, managed(target, "DELETE", count), ONCE="1")


def _driven(
    target: Target, folder: Path, seconds: int, lines: Sequence[str], **settings: str
) -> Sample:
    file = folder / "requests"
    file.write_text("".join(lines))
    return drive(target, target.url, seconds, {"REQUESTS": str(file), **settings})


WORKLOADS: Mapping[str, Workload] = {
    "POST": _post,
    # The same with another client_name each time.
    "VARIED": partial(_post, VARY="1"),
    "GET": _get,
    "PUT": _put,
    "CHANGED": partial(_put, VARY="1"),
    "TOKEN": _token,
    "DELETE": _delete,
}
_OTHERS: Mapping[str, Mapping[str, Workload]] = {
    report.STATIC: {"STATIC": _constant},
    report.MCP: {kind: WORKLOADS[kind] for kind in ("POST", "VARIED")},
    report.PGBENCH: {"POST": peers.pgbench},
}
_KINDS = ("STATIC", *WORKLOADS)


def main() -> None:
    options = _options()
    # Ended by a signal, what was started is stopped and the databases are dropped all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    peers.install()
    facts = report.machine() | {"node": peers.node_version()}
    if options.postgres:
        print(f"PostgreSQL: {durability(options.postgres)}", file=sys.stderr)
        facts["postgresql"] = ask(options.postgres, "SHOW server_version")
    else:
        print("no --postgres: only SQLite is measured", file=sys.stderr)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        targets = [stack.enter_context(target) for target in _chosen(options, folder)]
        for target in targets:
            print(f"warming: {target.name}", file=sys.stderr)
            _measure(target, folder, _WARMING_SECONDS, options.only)
            target.samples.clear()
        for number in range(options.rounds):
            if options.postgres:
                run_in(options.postgres)
            for target in targets:
                print(f"round {number + 1} of {options.rounds}: {target.name}", file=sys.stderr)
                _measure(target, folder, options.seconds, options.only)
    print(report.text(targets, facts))
    if options.json:
        sizes = {each.name: each.memory for each in targets if each.memory}
        report.keep(targets, options.json, machine=facts, memory=sizes, goals=report.goals(targets))
    if options.markdown:
        Path(options.markdown).write_text(report.markdown(targets, facts))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="dcrserver and its peers, requests per second")
    parser.add_argument("--seconds", type=int, default=4, choices=range(1, 61), metavar="1..60")
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 21), metavar="1..20")
    parser.add_argument(
        "--postgres",
        metavar="URL",
        default=os.environ.get("DCR_TEST_POSTGRES_URL"),
        help="a server where databases may be made; DCR_TEST_POSTGRES_URL if not given",
    )
    parser.add_argument(
        "--targets", default="", metavar="NAME,...", help="only those whose names begin so"
    )
    parser.add_argument("--only", default=",".join(_KINDS), metavar="KIND,...")
    parser.add_argument("--workers", type=int, default=1, help="processes of dcrserver")
    parser.add_argument("--json", metavar="FILE", help="every sample")
    parser.add_argument("--markdown", metavar="FILE", help="the tables, for a page")
    options = parser.parse_args()
    options.only = options.only.upper().split(",")
    if unknown := set(options.only) - set(_KINDS):
        parser.error(f"no such kind: {', '.join(unknown)}; there are {', '.join(_KINDS)}")
    return options


def _chosen(
    options: argparse.Namespace, folder: Path
) -> Iterator[contextlib.AbstractContextManager[Target]]:
    """The targets whose names are asked for, none of them started yet."""
    server, settings = options.postgres, {"DCR_SERVER__WORKERS": str(options.workers)}
    made: dict[str, Callable[[str], contextlib.AbstractContextManager[Target]]] = {
        report.STATIC: peers.static,
        report.SQLITE: lambda name: dcrserver(name, folder, None, settings),
        report.PEER_SQLITE: lambda name: peers.oidc_provider(name, str(folder / "peer.db")),
        report.MCP: peers.mcp_sdk,
    }
    on_server: dict[str, tuple[str, Callable[..., contextlib.AbstractContextManager[Target]]]] = {
        report.POSTGRESQL: ("ours", lambda name, url: dcrserver(name, folder, url, settings)),
        report.PEER_POSTGRESQL: ("peer", peers.oidc_provider),
        report.PGBENCH: ("pgbench", peers.inserts),
    }
    if not peers.pgbench_program():
        print("no pgbench: what PostgreSQL can write is not measured", file=sys.stderr)
        del on_server[report.PGBENCH]
    if server:
        made |= {name: partial(_on_server, server, *how) for name, how in on_server.items()}
    for name, make in made.items():
        if name.startswith(tuple(options.targets.split(","))):
            yield make(name)


@contextlib.contextmanager
def _on_server(
    server: str,
    database_name: str,
    start: Callable[[str, str], contextlib.AbstractContextManager[Target]],
    name: str,
) -> Iterator[Target]:
    with database(server, database_name) as url, start(name, url) as target:
        target.database_pid = listener(server)
        yield target


def _measure(target: Target, folder: Path, seconds: int, kinds: list[str]) -> None:
    for kind, workload in _OTHERS.get(target.name, WORKLOADS).items():
        if kind in kinds:
            settled(target)
            sample = workload(target, folder, seconds)
            target.samples.setdefault(kind, []).append(sample)
            print(report.progress(kind, sample), file=sys.stderr)
    # At once: the system may take cold pages away from who waits for the others.
    target.memory = memory(target.pid)


if __name__ == "__main__":
    main()
