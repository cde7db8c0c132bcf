"""dcrserver client import: clients of another server come here."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from passlib.hash import (
    argon2,
    bcrypt,
    django_pbkdf2_sha256,
    md5_crypt,
    pbkdf2_sha256,
    pbkdf2_sha512,
)

from harness import proxies
from harness.commands import Commands
from harness.process import COMMAND, ServerProcess, environment, serving, started

CHOSEN = "correct horse"
GENERATED = "vZ8pQ3xK7nR2mT6wY1cF5bH9jL4sD0gA"
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": []}
GRANT = {"grant_type": "client_credentials"}
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes lines to a file; its name."""

    def made(*lines: dict[str, Any] | str) -> str:
        file = tmp_path / "clients.jsonl"
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        file.write_text("".join(f"{text}\n" for text in texts))
        return str(file)

    return made


def database_of(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/cli.db"


def machine(client_id: str, **members: Any) -> dict[str, Any]:
    return MACHINE | {"client_id": client_id, "client_secret": GENERATED} | members


def grant(server: ServerProcess, client_id: str, secret: str) -> httpx.Response:
    return httpx.post(
        f"{server.base_url}/token", data=GRANT, auth=(client_id, secret), trust_env=False
    )


def stored(run: Commands, client_id: str) -> str:
    return run("client", "show", client_id)


def listed(run: Commands) -> list[str]:
    return [json.loads(line)["client_id"] for line in run("client", "list").splitlines()]


def test_secrets_hashes_and_tokens_come_along(run: Commands, write: Write, tmp_path: Path) -> None:
    hashes = {
        "bcrypt": bcrypt.using(rounds=4).hash(CHOSEN),
        "argon2": argon2.using(rounds=1, memory_cost=1024).hash(CHOSEN),
        "pbkdf2-sha256": pbkdf2_sha256.using(rounds=1000).hash(CHOSEN),
        "pbkdf2-sha512": pbkdf2_sha512.using(rounds=1000).hash(CHOSEN),
        "django": django_pbkdf2_sha256.using(rounds=1000).hash(CHOSEN),
        "hydra": _hydra(pbkdf2_sha256.using(rounds=1000).hash(CHOSEN)),
    }
    lines = [
        machine(name, client_secret=None, client_secret_hash=value)
        for name, value in hashes.items()
    ]
    lines += [
        machine("generated"),
        machine("chosen", client_secret=CHOSEN, client_name="Ünï"),
        machine("dated", client_id_issued_at=1500000000, registration_access_token="their-token"),
        machine("expired", client_secret_expires_at=1500000000),
        {"client_id": "public", "redirect_uris": ["https://a.example/cb"],
         "token_endpoint_auth_method": "none"},
    ]  # fmt: skip
    told = run.both("client", "import", write(*lines))
    assert told.err.splitlines()[-1] == (
        "dcrserver: 11 clients imported, 0 already there, 0 refused"
    )
    assert sorted(listed(run)) == sorted(line["client_id"] for line in lines)
    with serving(tmp_path, database_of(tmp_path)) as server:
        for name in (*hashes, "chosen"):
            assert grant(server, name, CHOSEN).status_code == 200, name
            assert grant(server, name, "wrong").status_code == 401, name
        assert grant(server, "generated", GENERATED).status_code == 200
        assert grant(server, "expired", GENERATED).status_code == 401
        headers = {"Authorization": "Bearer their-token"}
        url = f"{server.base_url}/register"
        read = httpx.get(f"{url}/dated", headers=headers, trust_env=False)
        assert (read.status_code, read.json()["client_id_issued_at"]) == (200, 1500000000)
        # Whoever came without a token is opened by none, an empty one included.
        for nothing in ("Bearer their-token", "Bearer", "Bearer 0", "Bearer x"):
            refused = httpx.get(
                f"{url}/generated", headers={"Authorization": nothing}, trust_env=False
            )
            assert refused.status_code in {400, 401}, nothing
    assert '"type": "client.imported"' in stored(run, "chosen")


def _hydra(hashed: str) -> str:
    """The same hash as Ory Hydra writes it."""
    _, scheme, rounds, salt, checksum = hashed.replace(".", "+").split("$")
    return f"${scheme}$i={rounds},l=32${salt}${checksum}"


def test_a_slow_hash_is_replaced_when_it_is_next_used(
    run: Commands, write: Write, tmp_path: Path
) -> None:
    old, weak = bcrypt.using(rounds=4), {"client_secret": None}
    lines = [
        machine("generated", **weak, client_secret_hash=old.hash(GENERATED)),
        machine("chosen", **weak, client_secret_hash=old.hash(CHOSEN)),
    ]
    run("client", "import", write(*lines))
    assert _digests(tmp_path) == {"generated": "$2b$04", "chosen": "$2b$04"}
    with serving(tmp_path, database_of(tmp_path)) as server:
        assert grant(server, "generated", "wrong").status_code == 401
        assert _digests(tmp_path)["generated"] == "$2b$04"
        assert grant(server, "generated", GENERATED).status_code == 200
        assert grant(server, "chosen", CHOSEN).status_code == 200
        digests = _digests(tmp_path)
        assert digests["chosen"] == "$argon"
        assert len(digests["generated"]) == 6
        assert "$" not in digests["generated"]
        for _ in range(2):
            assert grant(server, "generated", GENERATED).status_code == 200
            assert grant(server, "chosen", CHOSEN).status_code == 200
        assert grant(server, "chosen", "wrong").status_code == 401


def _digests(tmp_path: Path) -> dict[str, str]:
    """The first characters of what is stored of each client's secret."""
    import sqlite3  # noqa: PLC0415 - looked at from outside

    with sqlite3.connect(tmp_path / "cli.db") as connection:
        rows = connection.execute("SELECT client_id, client_secrets FROM clients").fetchall()
    connection.close()
    return {client_id: json.loads(text)[0]["digest"][:6] for client_id, text in rows}


REFUSED: list[tuple[dict[str, Any] | str, str]] = [
    ("{", "JSON"),
    ("[]", "object"),
    (MACHINE, "client_id is missing"),
    (machine("a\nb"), "client_id must be"),
    (machine("a "), "client_id must be"),
    (machine(".."), "client_id must be"),
    (machine("x" * 513), "client_id must be"),
    (machine("a", client_secret=None), "client_secret_hash"),
    (machine("a", client_secret_hash=bcrypt.using(rounds=4).hash("x")), "client_secret_hash"),
    (machine("a", client_secret=7), "client_secret must be a text"),
    (machine("a", client_secret="tab\there"), "printable"),
    (machine("a", client_secret=None, client_secret_hash=md5_crypt.hash("x")), "no bcrypt"),
    (machine("a", client_secret=None,
             client_secret_hash=bcrypt.using(rounds=4).hash("x").replace("$04$", "$31$")),
     "costs more"),
    (machine("a", client_secret=None, client_secret_hash="$2b$31$"), "salt too small"),
    (
        machine("a", client_secret=None,
                client_secret_hash=pbkdf2_sha256.using(rounds=1, salt=b"x" * 16).hash("x")
                .replace("$1$", "$9000000$")),
        "costs more",
    ),
    (machine("a", client_id_issued_at="yesterday"), "client_id_issued_at"),
    (machine("a", client_secret_expires_at=-1), "client_secret_expires_at"),
    (machine("a", grant_types="client_credentials"), "grant_types"),
    ({"client_id": "a", "redirect_uris": ["http://evil.example/#x"]}, "redirect_uris"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_a_line_that_is_refused_is_named(
    run: Commands, write: Write, line: dict[str, Any] | str, reason: str
) -> None:
    told = run("client", "import", write(machine("good"), "", line), status=1).splitlines()
    assert told[0] == "refused:"
    assert reason in told[1]
    assert "line 3" in told[2]
    assert "1 client refused, 1 good; nothing was imported" in told[-1]
    assert listed(run) == []


def test_what_would_be_lost_is_told(run: Commands, write: Write) -> None:
    lines = [
        machine("a", scope="profile pilots", secret_hash="x"),
        {"client_id": "b", "redirect_uris": ["https://b.example/"], "client_secret": "abc",
         "token_endpoint_auth_method": "none"},
        machine("c", client_secret_expires_at=1000),
        machine("d", scope="profile pilots"),
        machine("e", scope="openid pilots"),
        machine("f", scope="pilots crew"),
    ]  # fmt: skip
    told = run.both("client", "import", "--dry-run", write(*lines)).err
    reason = "only what this server supports is registered: scopes_supported"
    assert f"2 x scope: profile pilots -> profile: {reason}\n      a, d\n" in told
    assert f"1 x scope: openid pilots -> openid: {reason}\n      e\n" in told
    assert f"1 x scope: pilots crew: {reason}\n      f\n" in told
    assert "1 x secret_hash: unknown; did you mean client_secret_hash?" not in told
    assert "1 x secret_hash: unknown\n" in told
    assert "1 x client_secret: its method needs none\n      b" in told
    assert "1 x client_secret: it has expired\n      c" in told
    assert "6 clients would be imported" in told


def test_many_kinds_are_cut_and_counted(run: Commands, write: Write) -> None:
    lines = [machine(f"c{number}", **{f"foreign{number}": 1}) for number in range(105)]
    told = run.both("client", "import", "--dry-run", write(*lines)).err
    assert told.count(": unknown") == 100
    assert "and 5 more kinds (see --json)" in told
    report = json.loads(run("client", "import", "--dry-run", "--json", write(*lines)))
    assert len(report["dropped"]) == 105


def test_the_report_as_json(run: Commands, write: Write) -> None:
    lines = [machine("a", jwks={}), machine("b", foreign=1), machine("c", foreign=2), "{",
             machine("d", client_secret=None)]  # fmt: skip
    file = write(*lines)
    told = json.loads(run.both("client", "import", "--dry-run", "--json", file, status=1).out)
    assert json.loads(
        run.both("client", "import", "--skip-refused", "--json", file, status=1).out
    ) == told  # fmt: skip
    assert (told["imported"], told["already_there"]) == (3, 0)
    assert [each["client_id"] for each in told["refused"]] == [None, "d"]
    assert told["refused"][0]["reason"].startswith("it is not valid JSON")
    foreign = {"member": "foreign", "what": "unknown", "count": 2, "examples": ["b", "c"]}
    assert (told["mapped"], told["dropped"]) == ([], [foreign])
    assert sorted(listed(run)) == ["a", "b", "c"]
    again = json.loads(run.both("client", "import", "--dry-run", "--json", file, status=1).out)
    assert (again["imported"], again["already_there"]) == (0, 3)


def test_secrets_are_not_told_in_refusals(run: Commands, write: Write) -> None:
    told = run(
        "client", "import", write(machine("a", redirect_uris=["https://a.example/#"])), status=1
    )
    assert GENERATED not in told


def test_all_refusals_are_told_and_the_rest_may_come(run: Commands, write: Write) -> None:
    file = write("{", machine("a"), machine("a"), machine("b", client_secret=None))
    told = run("client", "import", file, status=1)
    assert [line.strip() for line in told.splitlines() if line.startswith("      ")] == [
        "line 1", "a (line 3)", "b (line 4)",
    ]  # fmt: skip
    assert "that of one before" in told
    told = run("client", "import", "--skip-refused", file, status=1)
    assert "1 client imported, 0 already there, 3 refused" in told
    assert listed(run) == ["a"]


def test_a_dry_run_writes_nothing(run: Commands, write: Write) -> None:
    told = run.both("client", "import", "--dry-run", write(machine("a"), machine("b")))
    assert (
        "2 clients would be imported, 0 already there, 0 refused; nothing was written" in told.err
    )
    assert listed(run) == []
    told = run("client", "import", "--dry-run", write("{"), status=1)
    assert "0 clients would be imported, 0 already there, 1 refused" in told


def test_what_is_there_is_left_as_it_is(run: Commands, write: Write) -> None:
    run("client", "import", write(machine("a", client_name="first")))
    told = run.both("client", "import", write(machine("a", client_name="second"), machine("b")))
    assert "1 client imported, 1 already there" in told.err
    assert json.loads(stored(run, "a"))["metadata"]["client_name"] == "first"


def test_a_policy_goes_with_them(
    run: Commands, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[policies.few.redirect]\nmax_count = 1\n")
    monkeypatch.setenv("DCR_CONFIG", str(config))
    two = {
        "client_id": "a",
        "redirect_uris": ["https://a.example/1", "https://a.example/2"],
        "token_endpoint_auth_method": "none",
    }
    assert "redirect_uris" in run("client", "import", "--policy", "few", write(two), status=1)
    with_its_own = two | {"bounds": {"scopes": ["openid"]}}
    refusal = run("client", "import", "--policy", "few", write(with_its_own), status=1)
    assert "redirect_uris" in refusal
    assert "no such policy" in run("client", "import", "--policy", "no", write(two), status=1)
    run(
        "client",
        "import",
        "--policy",
        "few",
        write(two | {"redirect_uris": two["redirect_uris"][:1]}),
    )
    assert json.loads(stored(run, "a"))["policy"] == "few"


def test_a_secret_that_must_be_readable_needs_a_key_and_itself(
    run: Commands, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        "[authorization_server]\n"
        'token_endpoint_auth_methods_supported = ["client_secret_jwt", "client_secret_basic"]\n'
    )
    monkeypatch.setenv("DCR_CONFIG", str(config))
    known = machine("a", token_endpoint_auth_method="client_secret_jwt")
    hashed = known | {"client_secret": None, "client_secret_hash": bcrypt.using(rounds=4).hash("x")}
    assert "client_secret_jwt" in run("client", "import", write(known), status=1)
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS", base64.b64encode(bytes(32)).decode())
    assert "must be readable" in run("client", "import", write(hashed), status=1)
    run("client", "import", write(known))
    assert listed(run) == ["a"]


def test_a_file_that_is_not_there_is_named(run: Commands) -> None:
    assert "No such file" in run("client", "import", "/nowhere.jsonl", status=1)


@pytest.mark.parametrize("given", [machine("a"), [machine("a"), machine("b")]])
def test_what_comes_through_a_pipe_is_imported(
    run: Commands, tmp_path: Path, given: dict[str, Any] | list[dict[str, Any]]
) -> None:
    done = subprocess.run(
        [*COMMAND, "client", "import", "-", "--json"],
        input=json.dumps(given).encode(),
        env=environment(DCR_DATABASE__URL=database_of(tmp_path)),
        capture_output=True,
        check=True,
    )
    count = len(given) if isinstance(given, list) else 1
    assert json.loads(done.stdout)["imported"] == count
    assert len(listed(run)) == count


def test_hashes_come_through_a_pipe_and_not_both(run: Commands, write: Write) -> None:
    reader, writer = os.pipe()
    os.write(writer, b'{"client_id": "a", "client_secret": "x"}\n')
    os.close(writer)
    told = run.both("client", "import", write(machine("a")), "--hashes", f"/dev/fd/{reader}")
    os.close(reader)
    assert "1 client imported" in told.err
    assert "only one of" in run("client", "import", "-", "--hashes", "-", status=1)


def test_an_import_that_was_killed_goes_on(run: Commands, write: Write, tmp_path: Path) -> None:
    """Batches are whole, and the same command again imports the rest."""
    count = 3000
    file = write(*(machine(f"c{number:05}") for number in range(count)))
    with Path(os.devnull).open("wb") as nowhere:
        process = started(
            ["dcrserver", "client", "import", file],
            tmp_path,
            environment(DCR_DATABASE__URL=database_of(tmp_path)),
            (nowhere.fileno(), nowhere.fileno()),
        )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not listed(run):
        time.sleep(0.02)
    process.kill()
    process.wait()
    before = _count(tmp_path)
    assert 0 < before < count
    assert before % 200 == 0
    told = run.both("client", "import", file)
    assert f"{count - before} clients imported, {before} already there" in told.err
    assert _count(tmp_path) == count


def _count(tmp_path: Path) -> int:
    return len(_digests(tmp_path))


def test_progress_is_shown_on_a_terminal(run: Commands, write: Write, tmp_path: Path) -> None:
    import pty  # noqa: PLC0415 - not everywhere

    leader, follower = pty.openpty()
    with Path(os.devnull).open("wb") as nowhere:
        process = started(
            ["dcrserver", "client", "import", write(*(machine(f"c{n}") for n in range(50)))],
            tmp_path,
            environment(DCR_DATABASE__URL=database_of(tmp_path), TERM="xterm"),
            (nowhere.fileno(), follower),
        )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
    except OSError:  # the other side is gone
        pass
    os.close(leader)
    assert process.wait(30) == 0
    assert b"judging" in shown
    assert b"importing" in shown
    assert b"100%" in shown
    assert listed(run)


@pytest.mark.parametrize("proxy", [proxies.nginx, proxies.haproxy])
def test_identifiers_of_others_pass_proxies_and_commands(
    run: Commands, write: Write, tmp_path: Path, proxy: Callable[..., Any]
) -> None:
    client_id = "https://app.example.org//a%2Fb c/ü"
    run("client", "import", write(machine(client_id, registration_access_token="their-token")))
    assert json.loads(stored(run, client_id))["client_id"] == client_id
    url = f"register/{quote(client_id, '')}"
    headers = {"Authorization": "Bearer their-token"}
    with serving(tmp_path, database_of(tmp_path)) as server, proxy(tmp_path, server) as front:
        read = httpx.get(f"{front}/{url}", headers=headers, trust_env=False)
        assert (read.status_code, read.json()["client_id"]) == (200, client_id)
        assert read.json()["registration_client_uri"].endswith(f"/{url}")
    run("client", "suspend", client_id)
    assert json.loads(stored(run, client_id))["status"] == "suspended"
    run("client", "delete", client_id)
    assert listed(run) == []


def test_a_table_of_hashes_that_is_none_is_named(
    run: Commands, write: Write, tmp_path: Path
) -> None:
    bad = tmp_path / "hashes.json"
    bad.write_text("{")
    told = run("client", "import", "--hashes", str(bad), write(machine("a")), status=1)
    assert f"{bad}: it is not valid JSON" in told
    assert listed(run) == []
