"""A real server process: start-up, workers, shutdown, what stops the start."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import ssl
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from harness.databases import database, migrated
from harness.long_run import IS_LONG, only_long
from harness.process import ServerProcess, free_port, run_to_end, serving
from harness.tls import certified
from harness.waiting import being_read, listens, until

BODY = b'{"redirect_uris":["https://client.example.org/cb"]}'


def test_a_start_tells_where_everything_is_and_keeps_the_database_to_its_owner(
    tmp_path: Path,
) -> None:
    """As an operator does it, with the command itself and no database yet."""
    with serving(tmp_path, fresh=True) as server:
        httpx.post(f"{server.base_url}/register", json=json.loads(BODY), trust_env=False)
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("dcrserver.db*")}
        lines = server.log.splitlines()
    (line,) = [line for line in lines if line.startswith("dcrserver on ")]
    assert server.base_url in line
    assert "sqlite" in line
    assert "registration open" in line
    assert f"{server.base_url}/docs" in line
    assert "secrets.encryption_keys" not in server.log
    assert modes == dict.fromkeys(("dcrserver.db", "dcrserver.db-wal", "dcrserver.db-shm"), 0o600)


def test_the_mode_of_a_database_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "dcrserver.db"
    file.touch()
    file.chmod(0o640)
    with serving(tmp_path):
        assert file.stat().st_mode & 0o777 == 0o640


def test_a_second_start_finds_its_clients_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/kept.db"
    with serving(tmp_path, url) as server:
        made = httpx.post(
            f"{server.base_url}/register",
            content=BODY,
            headers={"content-type": "application/json"},
        ).json()
    with serving(tmp_path, url, env={"DCR_SERVER__BASE_URL": server.base_url}) as again:
        where = f"{again.base_url}/register/{made['client_id']}"
        # The port is another, so the issuer in the answer is not looked at here.
        answer = httpx.get(
            where, headers={"Authorization": f"Bearer {made['registration_access_token']}"}
        )
    assert answer.json()["redirect_uris"] == ["https://client.example.org/cb"]


def test_a_request_in_flight_is_finished_and_readiness_goes_first(tmp_path: Path) -> None:
    with (
        serving(tmp_path, env={"DCR_SERVER__DRAIN_SECONDS": "60"}) as server,
        httpx.Client(base_url=server.base_url, trust_env=False) as http,
        being_read(server, BODY, 10) as slow,
    ):
        server.process.send_signal(signal.SIGTERM)
        until(lambda: http.get("/readyz").status_code == 503, "it is not ready")
        assert http.get("/readyz").json()["reason"] == "shutting down"
        assert http.get("/healthz").status_code == 200
        server.process.send_signal(signal.SIGTERM)  # who cannot wait says so once more
        until(lambda: not listens(server), "nobody gets in")
        slow.sendall(BODY[10:])
        assert slow.recv(4096).startswith(b"HTTP/1.1 201 ")
        server.stop()
    assert "Traceback" not in server.log


def test_readiness_is_away_for_a_while_before_it_stops(tmp_path: Path) -> None:
    with serving(tmp_path, env={"DCR_SERVER__DRAIN_SECONDS": "0.5"}) as server:
        started = time.monotonic()
        server.stop()
    assert time.monotonic() - started > 0.5


def test_callers_that_send_slowly_shut_nobody_out(tmp_path: Path) -> None:
    with serving(tmp_path, env={"DCR_SERVER__MAX_REQUESTS": "4"}) as server, ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(being_read(server, BODY, 1))
        answer = httpx.post(f"{server.base_url}/register", json=json.loads(BODY), trust_env=False)
    assert answer.status_code == 201


def events(server: ServerProcess) -> list[str]:
    """What the log tells of, from the first to the last whole line."""
    whole, _, _ = server.log.rpartition("\n")
    return [json.loads(line)["event"] for line in whole.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    ("number", "workers", "fresh"),
    [
        (signal.SIGTERM, 2, IS_LONG),
        (signal.SIGINT, 1, True),
        pytest.param(signal.SIGTERM, 1, True, marks=only_long),
        pytest.param(signal.SIGINT, 2, True, marks=only_long),
    ],
)
def test_the_last_line_tells_that_it_stopped(
    tmp_path: Path, number: signal.Signals, workers: int, *, fresh: bool
) -> None:
    with serving(tmp_path, arguments=("--workers", str(workers)), fresh=fresh) as server:
        # The first that is ready answers for all; the second may still be starting.
        until(lambda: events(server).count("started") == workers, "all have started")
        server.process.send_signal(number)
        status = server.process.wait(20)
    assert server.log.splitlines()[-1].startswith("{")
    assert events(server)[-1] == "stopped"
    assert events(server).count("stopped") == workers
    assert status == 0 or number == signal.SIGTERM


def test_several_workers_serve_one_database(tmp_path: Path) -> None:
    with migrated("postgresql") as url, serving(tmp_path, url, ("--workers", "2")) as server:
        answers = [
            httpx.post(
                f"{server.base_url}/register",
                content=BODY,
                headers={"content-type": "application/json"},
                trust_env=False,
            )
            for _ in range(8)
        ]
        assert {answer.status_code for answer in answers} == {201}
        for answer in answers:
            token = answer.json()["registration_access_token"]
            read = httpx.get(
                answer.json()["registration_client_uri"],
                headers={"Authorization": f"Bearer {token}"},
                trust_env=False,
            )
            assert read.status_code == 200


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    acknowledged: list[dict[str, str]] = []
    url = f"sqlite:///{tmp_path}/killed.db"
    with serving(tmp_path, url) as server:
        stop = threading.Event()

        def register() -> None:
            while not stop.is_set():
                try:
                    answer = httpx.post(
                        f"{server.base_url}/register",
                        content=BODY,
                        headers={"content-type": "application/json"},
                        trust_env=False,
                    )
                except httpx.TransportError:
                    return
                acknowledged.append(answer.json())

        writers = [threading.Thread(target=register) for _ in range(4)]
        for writer in writers:
            writer.start()
        until(lambda: len(acknowledged) > 10, "some are acknowledged")
        server.process.kill()
        stop.set()
        for writer in writers:
            writer.join()
    with serving(tmp_path, url) as again:
        for made in acknowledged:
            answer = httpx.get(
                f"{again.base_url}/register/{made['client_id']}",
                headers={"Authorization": f"Bearer {made['registration_access_token']}"},
                trust_env=False,
            )
            assert answer.status_code == 200


def refused_start(folder: Path, *arguments: str, **settings: str) -> str:
    given = ("serve", "--port", str(free_port()), *arguments)
    done = run_to_end(*given, env=settings, folder=folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_cannot_be_had_is_told_in_a_line(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refused_start(tmp_path, "--port", str(port), "--workers", workers)
    assert told == (
        f"dcrserver: cannot listen on 127.0.0.1:{port}: Address already in use;"
        " --port or server.port takes another\n"
    )
    told = refused_start(tmp_path, "--host", "192.0.2.1", "--port", "8000", "--workers", workers)
    assert told == "dcrserver: cannot listen on 192.0.2.1:8000: Cannot assign requested address\n"
    told = refused_start(tmp_path, "--host", "no.invalid", "--workers", workers)
    assert told.startswith("dcrserver: cannot listen on no.invalid:")


def test_all_addresses_of_the_host_are_listened_on(tmp_path: Path) -> None:
    with serving(tmp_path, arguments=("--host", "localhost"), host="localhost") as server:
        port = int(server.base_url.rpartition(":")[2])
        for *_, address in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM):
            with socket.create_connection(address[:2], timeout=5):
                pass


@pytest.mark.parametrize("backend", ["postgresql", "mysql"])
def test_a_server_database_is_migrated_only_when_told(tmp_path: Path, backend: str) -> None:
    with database(backend) as url:
        assert "run dcrserver migrate" in refused_start(tmp_path, DCR_DATABASE__URL=url)
        with serving(tmp_path, url, ("--migrate",)):
            pass
        with serving(tmp_path, url) as server:
            assert "secrets.encryption_keys" in server.log
        with serving(tmp_path, url, env={"DCR_TOKENS__ENABLED": "false"}) as server:
            assert "secrets.encryption_keys" not in server.log


@pytest.mark.finding("B2")
def test_a_schema_of_a_later_version_is_served_only_when_told(tmp_path: Path) -> None:
    with migrated("sqlite") as url:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            file.execute("UPDATE alembic_version SET version_num = '9999'")
        for arguments in ((), ("--migrate",)):
            told = refused_start(tmp_path, *arguments, DCR_DATABASE__URL=url)
            assert len(told.splitlines()) == 1, told
            assert "--allow-newer-schema" in told
        with serving(tmp_path, url, ("--allow-newer-schema",)) as server:
            assert "newer_schema" in server.log
            made = httpx.post(f"{server.base_url}/register", json=json.loads(BODY), trust_env=False)
            assert made.status_code == 201
        done = run_to_end("migrate", env={"DCR_DATABASE__URL": url})
        assert done.returncode == 1
        assert "of a later version" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_mistakes_stop_the_start_with_the_name_of_the_key(tmp_path: Path) -> None:
    file = tmp_path / "dcrserver.toml"
    file.write_text("[server]\nprot = 1\n")
    assert "server.prot: no such setting" in refused_start(tmp_path, "--config", str(file))
    assert "DCR_SEVER__PORT" in refused_start(tmp_path, DCR_SEVER__PORT="1")
    assert "database.url" in refused_start(tmp_path, DCR_DATABASE__URL="oracle://x/y")
    key = '["short"]'
    assert "secrets.encryption_keys" in refused_start(tmp_path, DCR_SECRETS__ENCRYPTION_KEYS=key)


@pytest.mark.parametrize("arguments", [(), ("--migrate",)])
def test_a_database_that_cannot_be_used_is_told_in_a_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    away = "postgresql://nobody:hunter2@127.0.0.1:1/x"
    with database("postgresql") as url:
        text = tmp_path / "text.db"
        text.write_text("no database " * 100)
        no_log = f"sqlite:///file:{tmp_path}/no-log.db?vfs=unix-dotfile&uri=true"
        missing, nowhere = f"{url}_missing", "sqlite:////no/such/folder/x.db"
        for each in (away, missing, nowhere, f"sqlite:///{text}", no_log):
            told = refused_start(tmp_path, *arguments, DCR_DATABASE__URL=each)
            assert len(told.splitlines()) == 1, told
            assert "database" in told
            assert "hunter2" not in told


def test_only_named_proxies_say_where_a_caller_is(tmp_path: Path) -> None:
    """Attack row 27: the limit by address is not got around by a header."""
    limits = {
        "DCR_RATE_LIMITS__ENABLED": "true",
        "DCR_RATE_LIMITS__OPEN_REGISTRATION": "2/hour",
    }

    def statuses(server: str) -> list[int]:
        return [
            httpx.post(
                f"{server}/register",
                content=BODY,
                headers={"content-type": "application/json", "x-forwarded-for": f"192.0.2.{n}"},
                trust_env=False,
            ).status_code
            for n in range(4)
        ]

    with serving(tmp_path, env=limits) as server:
        assert statuses(server.base_url) == [201, 201, 429, 429]
    for trusted, expected in (("198.51.100.0/24", [201, 201, 429, 429]), ("127.0.0.1", [201] * 4)):
        env = limits | {"DCR_SERVER__TRUSTED_PROXIES": trusted}
        with serving(tmp_path, env=env) as server:
            assert statuses(server.base_url) == expected, trusted


def test_certificates_from_anybody_are_counted_not_believed(tmp_path: Path) -> None:
    """Attack row 28: and who may send them must be named."""
    message = refused_start(tmp_path, DCR_MUTUAL_TLS__HEADER="X-Client-Cert")
    assert "mutual_tls" in message
    assert "trusted_proxies" in message
    env = {
        "DCR_MUTUAL_TLS__HEADER": "X-Client-Cert",
        "DCR_MUTUAL_TLS__TRUSTED_PROXIES": "198.51.100.1",
    }
    with serving(tmp_path, env=env) as server:
        fields = {"grant_type": "client_credentials", "client_id": "x"}
        answer = httpx.post(
            f"{server.base_url}/token",
            data=fields,
            headers={"x-client-cert": "forged", "x-forwarded-for": "198.51.100.1"},
            trust_env=False,
        )
        assert answer.status_code == 401
        metrics = httpx.get(f"{server.base_url}/metrics", trust_env=False).text
    assert "dcrserver_ignored_client_certificates_total 1.0" in metrics
    assert "client_certificate_ignored" in server.log
    assert "forged" not in server.log


@pytest.mark.requirement("UKOB-01", "BROB-01", "R7591-5-01")
def test_https_without_a_proxy_and_callers_known_by_their_certificate(tmp_path: Path) -> None:
    """[tls]: who must show a certificate shows it to the server itself; a stranger's chain ends the
    connection, whatever headers it sends.
    """
    other = tmp_path / "other"
    other.mkdir()
    certified(other)
    _, roots = certified(tmp_path)
    env = {
        "DCR_TLS__CERTIFICATE_FILE": str(tmp_path / "server.pem"),
        "DCR_TLS__CLIENT_CA_FILE": str(roots),
        "DCR_POLICY__MTLS__REGISTRATION_CERTIFICATE": "true",
    }
    trusted = ssl.create_default_context(cafile=str(roots))
    known = ssl.create_default_context(cafile=str(roots))
    known.load_cert_chain(tmp_path / "server.pem")
    stranger = ssl.create_default_context(cafile=str(roots))
    stranger.load_cert_chain(other / "server.pem")
    old = ssl.create_default_context(cafile=str(roots))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    json_body = {"content-type": "application/json"}
    with serving(tmp_path, env=env) as server:
        url = f"{server.base_url}/register"
        with httpx.Client(verify=trusted, trust_env=False) as http:
            assert http.get(f"{server.base_url}/readyz").status_code == 200
            forged = json_body | {"X-Client-Cert": "x", "X-Client-Verify": "SUCCESS"}
            assert http.post(url, content=BODY, headers=forged).status_code == 401
        with httpx.Client(verify=known, trust_env=False) as http:
            made = http.post(url, content=BODY, headers=json_body)
            assert made.status_code == 201, made.text
            bearer = {"Authorization": f"Bearer {made.json()['registration_access_token']}"}
            where = made.json()["registration_client_uri"]
            assert where.startswith("https://")
            assert http.get(where, headers=bearer).status_code == 200
        with httpx.Client(verify=trusted, trust_env=False) as http:
            assert http.get(where, headers=bearer).status_code == 401
        with (
            httpx.Client(verify=stranger, trust_env=False) as http,
            pytest.raises(httpx.TransportError),
        ):
            http.post(url, content=BODY, headers=json_body)
        with httpx.Client(verify=old, trust_env=False) as http, pytest.raises(httpx.ConnectError):
            http.get(url)


def test_a_certificate_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "server.pem"
    for content, reason in ((None, "No such file"), ("nothing", "no PEM")):
        if content:
            file.write_text(content)
        ended = run_to_end(
            "serve", "--port", str(free_port()), folder=tmp_path,
            env={"DCR_TLS__CERTIFICATE_FILE": str(file)},
        )  # fmt: skip
        assert ended.returncode != 0
        assert reason in ended.stderr
        assert "tls" in ended.stderr
    told = run_to_end("serve", folder=tmp_path, env={"DCR_TLS__CLIENT_CA_FILE": str(file)}).stderr
    assert "tls: certificate_file must be set" in told
