"""The same commands, asked of the database and of a server: one output, whoever answers."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import pytest

from cli.test_walk import LEAVES
from dcrserver.cli.administration.answers import answer_to
from dcrserver.cli.administration.answers.exports import LINES
from dcrserver.cli.administration.operations import ROUTES
from harness.application import Application
from harness.commands import Commands
from harness.commands_stage import Stage
from harness.process import ServerProcess, free_port, serving
from harness.tls import certified

Way: TypeAlias = Callable[..., Any]

# What changes nothing: asked of both about the same things.
READS = (
    "client list", "client list --limit 1 --sort name", "client list --status suspended",
    "client list --q billing --metadata client_name='Billing of Acme'", "client list -o table",
    "client search billing acme", "client count", "client count --owner nobody",
    "client show CLIENT_ID", "client show CLIENT_ID -o table", "client show DELETED_ID",
    "events list", "events list --type client. --since 2026-01-01 --oldest-first",
    "events list --subject-kind client --subject-id CLIENT_ID -o table",
    "client export", "client export --status active --after made-1",
    "events export --until 2100-01-01 --subject-kind client",
    "client import clients.jsonl --dry-run --json", "client import clients.jsonl --dry-run",
    "client secrets CLIENT_ID", "client deleted", "tenant list", "tenant show default",
    "policy list", "policy list --tenant acme", "policy show filed", "policy versions filed",
    "policy test filed client.json", "policy test filed client.json --origin import --json",
    "keys list", "token list", "token list --tenant '*'", "token show TOKEN_ID -o table",
    "connector list", "connector list -o table", "connector describe keycloak",
    "connector test keycloak", "job list", "job show ENDED_ID", "statistics",
    "statistics --by status --step hour -o table",
)  # fmt: skip
# What changes something: asked of each about a thing of its own, one after the other.
CHANGES = (
    "client create new.json", "client replace CLIENT_ID new.json",
    "client patch CLIENT_ID change.json", "client set CLIENT_ID --owner team-b --tag a --tag b",
    "client set CLIENT_ID --owner '' --access-token-format opaque", "client suspend CLIENT_ID",
    "client resume CLIENT_ID", "client delete CLIENT_ID", "client restore DELETED_ID",
    "client purge DELETED_ID --yes", "client rotate-secret CLIENT_ID",
    "client end-overlap CLIENT_ID", "client end-secret CLIENT_ID SECRET_ID",
    "client new-token CLIENT_ID", "client revoke-token CLIENT_ID",
    "tenant create NEW --set mode=protected", "tenant set NEW --set mode=closed",
    "tenant suspend NEW", "tenant resume NEW", "tenant delete NEW --yes",
    "policy put NEW policy.json", "policy activate NEW", "policy rollback NEW --version 1",
    "policy delete NEW",
    "token issue initial --uses 2 --scope pilots --label partner",
    "token issue admin --role owner --owner team-a", "token issue admin --role viewer --tenant '*'",
    "client bulk tag NEW --q billing", "client bulk suspend --owner nobody --dry-run -o table",
    "client bulk set_owner team-c --owner nobody --no-wait", "job watch JOB_ID",
    "connector retry keycloak", "connector reconcile keycloak --dry-run --json",
    "token revoke TOKEN_ID", "keys rotate", "keys discard KID --yes",
)  # fmt: skip
# What is refused, and how.
REFUSALS = {
    "client show nobody": "there is no such client",
    "client suspend nobody": "no such client",
    "client approve CLIENT_ID --version 1": "does not wait for an approval",
    "client reject CLIENT_ID --reason no": "does not wait for an approval",
    "client reject CLIENT_ID --reason ''": "reason",
    "client list --sort age": "sort must be one of",
    "client list --created-after soon": "created_after must be a moment",
    "client list --metadata 'a b=c'": "there is no member of that name",
    "client create bad.json": "redirect_uris",
    "client create unknown.json": "#/colour",
    "client patch CLIENT_ID unknown.json": "colour cannot be changed",
    "client restore CLIENT_ID": "there is no such deleted client",
    "events list --type nothing": "type must be one of",
    "events list --since soon": "since must be a moment",
    "client list --tenant nobody": "there is no such tenant",
    "tenant show nobody": "there is no such tenant",
    "tenant create default": "default",
    "policy show nobody": "there is no such policy",
    "policy activate filed": "declared",
    "token show nobody": "there is no such token",
    "token revoke nobody": "there is no such token",
    "token issue admin --scope all": "scopes must be one or more",
    "token issue admin --role nobody": "role must be one of",
    "token issue initial --policy nobody": "policy must be",
    "token issue initial --tenant nobody": "there is no such tenant",
    "client bulk suspend": "--all says that all clients are meant",
    "client bulk tag --all": "tag needs the tag",
    "client bulk delete --all": "--yes",
    "job show nobody": "there is no such job",
    "job cancel nobody": "there is no such job",
    "statistics --since soon": "since must be a moment",
    "keys discard nobody --yes": "there is no such signing key",
    "keys list --tenant nobody": "there is no such tenant",
}


@pytest.fixture
def stage(run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(run, tmp_path, monkeypatch)
    Path("bad.json").write_text('{"metadata": {"redirect_uris": ["x"]}}')
    Path("unknown.json").write_text('{"metadata": {}, "colour": 1}')
    return made


@pytest.fixture
def server(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServerProcess]:
    del stage  # whose variables these are
    env = {name: value for name, value in os.environ.items() if name.startswith("DCR_")}
    env |= {"DCR_ADMIN__REQUIRE_IF_MATCH": "true"}  # no command is of no use where this is wanted
    with serving(tmp_path, f"sqlite:///{tmp_path}/cli.db", env=env) as made:
        monkeypatch.setenv("DCR_SERVER__BASE_URL", made.base_url)
        yield made


@pytest.fixture
def remote(server: ServerProcess, run: Commands) -> tuple[str, ...]:
    """The options by which a command asks the server."""
    return ("--server", server.base_url, "--token-file", _token(run, "--role=administrator"))


def _token(run: Commands, *arguments: str) -> str:
    file = Path(f"token{free_port()}")
    file.write_text(run("token", "issue", "admin", "--tenant", "*", *arguments))
    return str(file)


def _plain(text: str) -> str:
    """Without what is another each time: identifiers, times, secrets, who did it."""
    for pattern, name in (
        (r"made-[0-9]+|new-[0-9]+|[0-9a-f]{16,32}", "ID"),
        (r"20[0-9]{2}-[0-9T:.-]+Z", "TIME"),
        (r"(?:cs|rat|iat|adm)_[A-Za-z0-9_-]+", "SECRET"),
        (r'\{"job": .*\n', ""),  # logged by whoever did it, where tests log all
        (r'"requested_by": \{[^}]*\}|requested_by .*', "WHO"),
        # Of keys that were made in one second either may be the newer one.
        (r'"(?:x|y|state|verifies_until)": (?:"[^"]*"|null)', "KEY"),
        (r'"(k[0-9]+|[a-z]+:[^"]+)"', '"WHO"'),
    ):
        text = re.sub(pattern, name, text)
    return text


def test_reads_are_answered_alike(stage: Stage, remote: tuple[str, ...]) -> None:
    stage.client_id()
    stage.run("client", "suspend", stage.client_id())
    for line in READS:
        arguments = stage.arguments(line)
        ours, theirs = stage.run.both(*arguments), stage.run.both(*arguments, *remote)
        assert theirs == ours, line


def test_how_open_registration_is_is_told_alike(
    stage: Stage, remote: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCR_RATE_LIMITS__ENABLED", "false")  # as servers of tests are
    for line in (
        "policy posture",
        "policy posture --json",
        "policy posture --tenant acme -o table",
    ):
        arguments = stage.arguments(line)
        ours, theirs = (stage.run.both(*arguments, *options, status=5) for options in ((), remote))
        assert theirs == ours, line


def test_changes_are_made_and_told_alike(stage: Stage, remote: tuple[str, ...]) -> None:
    for line in CHANGES:
        told = []
        for number, options in enumerate(((), remote)):
            arguments = stage.arguments(line.replace("NEW", f"new-{number}"))
            printed = stage.run.both(*arguments, *options)
            told.append((_plain(printed.out), _plain(printed.err)))
        assert told[0] == told[1], line


def test_refusals_are_told_alike(stage: Stage, remote: tuple[str, ...]) -> None:
    for line, reason in REFUSALS.items():
        arguments = stage.arguments(line)
        ours = stage.run(*arguments, status=1)
        theirs = stage.run(*arguments, *remote, status=1)
        assert reason in ours, line
        assert _plain(theirs) == _plain(ours), line


def test_each_command_that_can_ask_a_server_is_tried_both_ways() -> None:
    can = {path for path, each in LEAVES.items() if any(p.name == "server" for p in each.params)}
    tried = {tuple(line.split()[:2]) for line in (*READS, *CHANGES)}
    # Below, for they differ; one above, for its exit code.
    tried |= {("job", "cancel"), ("policy", "posture"), ("server",), ("config", "show")}
    tried |= {("client", "approve"), ("client", "reject")}  # nobody waits there: above, refused
    assert {path for path in can if path not in tried and path[:1] not in tried} == set()


def test_a_job_that_nobody_does_yet_is_cancelled(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {name: value for name, value in os.environ.items() if name.startswith("DCR_")}
    env |= {"DCR_WORKER__INSIDE": "false"}
    with serving(tmp_path, f"sqlite:///{tmp_path}/cli.db", env=env) as server:
        token = _token(stage.run, "--role=administrator")
        for options in ((), ("--server", server.base_url, "--token-file", token)):
            _, _, job_id = stage.arguments("job cancel JOB_ID")
            told = stage.run.both("job", "cancel", job_id, *options).err
            assert told == f"dcrserver: job {job_id} is cancelled\n"
            (row, *_) = stage.run("job", "list", "--state", "cancelled", *options).splitlines()
            assert json.loads(row)["id"] == job_id
            assert "cancelled already" in stage.run("job", "cancel", job_id, *options, status=1)
            _interrupt(stage, monkeypatch, options)


def _interrupt(stage: Stage, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    """Whoever watches is asked at a terminal, and told elsewhere."""
    (_, _, job_id), watch = stage.arguments("job watch JOB_ID"), ("job", "watch")

    async def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("dcrserver.cli.administration.watching._ended", interrupted)
        assert f"job cancel {job_id}" in stage.run(*watch, job_id, *options, status=1)
        patch.setattr("sys.stdin.isatty", lambda: True)
        patch.setattr("typer.confirm", lambda *_, **__: True)
        ended = json.loads(stage.run.both(*watch, job_id, *options, status=1).out)
    assert ended["state"] == "cancelled"


def test_a_server_tells_of_itself_and_a_database_does_not(
    stage: Stage, remote: tuple[str, ...]
) -> None:
    told = json.loads(stage.run("server", *remote))
    assert (told["ready"], told["reason"]) == (True, None)
    assert "--server" in stage.run("server", status=1)
    ours, theirs = stage.run("config", "show"), stage.run("config", "show", *remote)
    assert json.loads(ours).keys() == json.loads(theirs).keys()
    for shown, key in ((ours, "database.url"), (theirs, "server.port")):
        assert key in {each["key"] for each in json.loads(shown)["changes"]}
    assert "database.url" in stage.run("config", "show", "-o", "table")


async def test_operations_are_where_the_document_says(app: Application) -> None:
    document = (await app.http.get("/openapi.json")).json()
    there = {
        operation["operationId"]: (method.upper(), path.removeprefix("/admin/v1"))
        for path, item in document["paths"].items()
        if path.startswith("/admin/v1/")
        for method, operation in item.items()
    }
    answered = {name for name in ROUTES if answer_to(name)}
    assert ROUTES.keys() - answered - LINES.keys() == {
        "show_server", "show_configuration", "import_clients", "list_job_errors"
    }  # fmt: skip
    for name, route in ROUTES.items():
        assert there[name] == route


def test_pages_are_followed_up_to_the_limit(
    stage: Stage, remote: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        stage.client_id()
    monkeypatch.setattr("dcrserver.cli.administration.where._PAGE", 2)
    for limit, number in ((4, 4), (5, 5), (100, 5)):
        for options in ((), remote):
            listed = stage.run("client", "list", "--limit", str(limit), *options).splitlines()
            assert len({json.loads(line)["client_id"] for line in listed}) == number


def test_server_and_token_come_of_variables_and_tell_where_they_are_wrong(
    stage: Stage, server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, client_id = stage.run, stage.client_id()
    token_file = _token(run, "--role=viewer")
    monkeypatch.setenv("DCR_CLI__SERVER", server.base_url)
    told = run("client", "list", status=1)
    assert "DCR_CLI__TOKEN_FILE" in told
    monkeypatch.setenv("DCR_CLI__TOKEN_FILE", token_file)
    assert client_id in run("client", "list")
    assert "cli.server: this command opens the database" in run("tenant", "left", status=1)
    told = run("client", "suspend", client_id, status=1)
    assert "needs the scope clients:update" in told
    Path(token_file).write_text("adm_" + "x" * 43)
    told = run("client", "list", status=1)
    assert "dcrserver token issue admin makes one" in told
    assert "xxx" not in told
    monkeypatch.delenv("DCR_CLI__TOKEN_FILE")
    assert "--token-file" in run("client", "list", "--token-file", "nothing", status=1)


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("http://dcr.example", "must be an https URL"),
        (
            "127.0.0.1:8471",
            "must be a URL, such as https://dcr.example.com or http://127.0.0.1:8000",
        ),
        ("localhost:8471", "must be a URL, such as"),
        ("ftp://127.0.0.1", "must be an http(s) URL"),
        ("http://127.0.0.1:1", "cannot be reached"),
    ],
)
def test_a_server_that_cannot_be_asked_is_named(
    run: Commands, tmp_path: Path, server: str, told: str
) -> None:
    (tmp_path / "token").write_text("adm_x")
    given = ("--server", server, "--token-file", str(tmp_path / "token"))
    assert told in run("client", "list", *given, status=1)


def test_a_tenant_is_asked_by_its_own_url(stage: Stage, server: ServerProcess) -> None:
    token = _token(stage.run, "--role=administrator")
    given = ("--server", f"{server.base_url}/t/acme/", "--token-file", token)
    made = json.loads(stage.run("client", "create", "new.json", *given))
    assert made["tenant"] == "acme"
    assert made["client_id"] in stage.run("client", "list", "--tenant", "acme")


class _Breaking(BaseHTTPRequestHandler):
    """A server whose export breaks off in the middle of its third line, once."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        is_first = len(self.asked) == 1
        text = (
            b'{"client_id": "a"}\n{"client_id": "b"}\n{"clie'
            if is_first
            else (b'{"client_id": "c"}\n')
        )
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        if not is_first:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def test_an_export_that_breaks_off_goes_on_behind_its_last_line(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcrserver.cli.administration.exports._FIRST_SECONDS", 0.01)
    monkeypatch.setattr(_Breaking, "asked", [])
    (tmp_path / "token").write_text("adm_x")
    with HTTPServer(("127.0.0.1", 0), _Breaking) as breaking:
        thread = threading.Thread(target=breaking.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{breaking.server_port}"
        given = ("--server", url, "--token-file", str(tmp_path / "token"))
        exported = run("client", "export", *given).splitlines()
        breaking.shutdown()
        thread.join()
    assert [json.loads(line)["client_id"] for line in exported] == ["a", "b", "c"]
    assert [("after=b" in path) for path in _Breaking.asked] == [False, True]


def test_clients_move_by_the_api_with_the_same_report(stage: Stage, server: ServerProcess) -> None:
    token = Path("exporting")
    scopes = ("--scope", "secrets:export", "--scope", "clients:write", "--scope", "clients:read",
              "--scope", "jobs:read", "--scope", "jobs:write")  # fmt: skip
    token.write_text(stage.run("token", "issue", "admin", "--tenant", "*", *scopes))
    options = ("--server", server.base_url, "--token-file", str(token))
    stage.client_id()
    lines = Path("moved.jsonl")
    lines.write_text(stage.run("client", "export", "--with-hashes", *options))
    assert lines.read_text() == stage.run("client", "export", "--with-hashes")
    told = stage.run.both("client", "import", str(lines), "--tenant", "acme", *options)
    assert "1 client imported, 0 already there, 0 refused" in told.err
    assert "client_id" in stage.run("client", "show", "made-1", "--tenant", "acme")
    bad = [{"client_id": f"bad-{number}", "redirect_uris": ["x"]} for number in range(101)]
    lines.write_text(lines.read_text() + "".join(f"{json.dumps(each)}\n" for each in bad))
    reports = [
        json.loads(stage.run.both("client", "import", str(lines), "--json", *each, status=1).out)
        for each in ((), options)
    ]
    assert reports[0] == reports[1]
    assert [each["client_id"] for each in reports[0]["refused"]] == [it["client_id"] for it in bad]
    told = stage.run("client", "import", str(lines), *options, status=1)
    assert "101 clients refused, 1 good; nothing was imported" in told
    assert "bad-0 (line 2), bad-1 (line 3)" in told
    empty = Path("empty.jsonl")
    empty.write_text("")
    told = stage.run("client", "import", str(empty), *options, status=1)
    assert "empty.jsonl is empty: there is no client in it" in told
    hashes = ("--hashes", str(lines))
    assert "--hashes" in stage.run("client", "import", str(lines), *hashes, *options, status=1)


class _Other(BaseHTTPRequestHandler):
    """A server that is none of ours."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<p>welcome")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def other() -> Iterator[HTTPServer]:
    made = HTTPServer(("127.0.0.1", 0), _Other)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_server_that_is_none_of_ours_is_told(
    run: Commands, tmp_path: Path, other: HTTPServer
) -> None:
    (tmp_path / "token").write_text("adm_x")
    url = f"http://127.0.0.1:{other.server_port}"
    told = run("client", "list", "--server", url, "--token-file", str(tmp_path / "token"), status=1)
    assert "is --server the URL of a dcrserver" in told


def test_who_vouches_for_a_server_is_checked(
    run: Commands, tmp_path: Path, other: HTTPServer
) -> None:
    (tmp_path / "token").write_text("adm_x")
    context, ca_file = certified(tmp_path)
    other.socket = context.wrap_socket(other.socket, server_side=True)
    given = ("--server", f"https://127.0.0.1:{other.server_port}",
             "--token-file", str(tmp_path / "token"))  # fmt: skip
    assert "--ca-file" in run("client", "list", *given, status=1)
    told = run("client", "list", *given, "--ca-file", str(ca_file), status=1)
    assert "is --server the URL of a dcrserver" in told
    told = run("client", "list", *given, "--ca-file", str(tmp_path / "token"), status=1)
    assert "cli.ca_file" in told
