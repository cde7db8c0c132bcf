"""All commands, whatever they are: help, examples, forms of output, completion, what is loaded."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dcrserver import cli
from dcrserver.cli.output import table
from dcrserver.cli.shared import seconds
from harness.commands import Commands
from harness.commands_stage import Stage
from harness.process import environment, free_port, started, wait_for_port
from harness.waiting import until

ROOT: Any = typer.main.get_command(cli.application())


def _walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _walk(inner, (*path, name))


COMMANDS = dict(_walk(ROOT))
LEAVES = {path: each for path, each in COMMANDS.items() if not hasattr(each, "commands")}
# What prints and changes nothing.
PRINTERS = (
    "client list", "client search billing", "client count", "client show CLIENT_ID",
    "client secrets CLIENT_ID", "client deleted", "token list", "keys list", "tenant list",
    "tenant left", "tenant show default", "policy list", "policy show filed", "job show ENDED_ID",
    "job list", "statistics", "config show",
)  # fmt: skip
EXAMPLES = [
    line.removeprefix("  dcrserver ")
    for command in LEAVES.values()
    for line in (command.epilog or "").splitlines()
    if line.startswith("  dcrserver ")
]


def test_the_walk_finds_the_commands() -> None:
    assert {("serve",), ("client", "import"), ("keys", "generate"), ("config", "init")} <= set(
        LEAVES
    )


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_explains_itself(run_anything: Any, path: tuple[str, ...]) -> None:
    help_ = run_anything(*path, "--help")
    assert run_anything(*path, "-h") == help_
    assert help_.startswith(f"Usage: {' '.join(('dcrserver', *path))} ")
    command = COMMANDS[path]
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{parameter.name} says nothing of itself"
    if path in LEAVES:
        assert f"Examples:\n    dcrserver {' '.join(path)}" in help_


@pytest.fixture
def run_anything(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys, "sqlite://")


def test_a_command_without_a_database_loads_none_of_it() -> None:
    """Half a second at most: what takes long is not loaded, whatever the machine."""
    paths = [(*path, "--help") for path in COMMANDS]
    paths += [("version",), ("keys", "generate"), ("completion", "bash")]
    code = f"""
import sys
from typer.main import get_command
from dcrserver.cli import application
command = get_command(application())  # once: a hundred of them would be most of the time
def loaded(*names):
    return [name for name in names if name in sys.modules]
heavy = "sqlalchemy", "alembic", "fastapi", "starlette", "uvicorn", "httpx", "dns", "limits", "rich"
for path in {paths}:
    command(list(path), prog_name="dcrserver", standalone_mode=False)
    assert not loaded(*heavy, "pydantic_settings"), (path, loaded(*heavy, "pydantic_settings"))
command(["config", "init"], prog_name="dcrserver", standalone_mode=False)
assert not loaded(*heavy), loaded(*heavy)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# What each must not have loaded when it is done.
_EVERYBODY = (
    "alembic", "rich", "structlog", "fastapi", "starlette", "uvicorn", "httpx", "httpcore", "dns",
    "redis", "asyncpg", "asyncmy", "jinja2", "prometheus_client",
    "sqlalchemy.orm", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.mysql",
)  # fmt: skip
# What judges metadata, and what reads keys, certificates and hashes of others.
_JUDGES = (
    "dcrserver.metadata.catalogue", "dcrserver.metadata.validation", "dcrserver.schemas.wire",
    "cryptography.x509", "jwt", "idna", "passlib",
)  # fmt: skip
_WITHOUT_DATABASE = ("sqlite3", "dcrserver.repositories.transaction", "sqlalchemy.dialects.sqlite")
_LOADED_BY_NONE = {
    "client check client.json": (*_EVERYBODY, *_WITHOUT_DATABASE, "sqlalchemy"),
    "client list": (*_EVERYBODY, *_JUDGES),
    "keys list": (*_EVERYBODY, *_JUDGES),
    "token list": (*_EVERYBODY, *_JUDGES),
    "tenant list": (*_EVERYBODY, *_JUDGES),
    "config check --offline": (*_EVERYBODY, *_WITHOUT_DATABASE),
    "config check": _EVERYBODY,
}


@pytest.fixture(scope="module")
def with_a_database(
    tmp_path_factory: pytest.TempPathFactory, sqlite_file: bytes
) -> tuple[Path, dict[str, str]]:
    """A folder with what the commands name, and the environment to run them in."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / "client.json").write_text(json.dumps(Stage.client()))
    (folder / "d.db").write_bytes(sqlite_file)
    return folder, environment() | {"DCR_DATABASE__URL": f"sqlite:///{folder}/d.db"}


_EACH_BY_ITSELF = """
import gc, os, sys
from dcrserver import cli
failed = []
for line, names in LOADED_BY_NONE.items():
    if child := os.fork():
        failed += [line] * (os.waitpid(child, 0)[1] != 0)
        continue
    sys.argv = ["dcrserver", *line.split()]
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code, (line, end.code)
    loaded = [name for name in names if name in sys.modules]
    assert not loaded, (line, loaded)
    left = len(gc.get_objects())
    assert left < 1000, f"{line}: {left} objects are looked at once more when the interpreter ends"
    os._exit(0)
sys.exit(f"in these commands: {failed}" if failed else 0)
"""


def test_a_command_loads_only_what_it_uses(with_a_database: tuple[Path, dict[str, str]]) -> None:
    """Half a second as well, whatever the machine: by the entry point, as an operator runs it."""
    folder, variables = with_a_database
    code = f"LOADED_BY_NONE = {_LOADED_BY_NONE}{_EACH_BY_ITSELF}"
    # What measures the tests' coverage loads modules of its own, sqlite3 among them.
    plain = {name: value for name, value in variables.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=plain, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_each_example_works(run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(run, tmp_path, monkeypatch)
    for example in EXAMPLES:
        arguments = stage.arguments(example)
        if arguments[0] == "serve":
            _serve(arguments)
            continue
        if arguments[0] == "server":  # of which no database knows: tests/cli/test_remote.py
            continue
        if arguments[0] == "worker":
            _work(arguments)
            continue
        *arguments, file = arguments if ">" in arguments else (*arguments, "")
        if "<" in arguments:
            *arguments, _, source = arguments
            given = io.TextIOWrapper(io.BytesIO(Path(source).read_bytes()))
            monkeypatch.setattr(sys, "stdin", given)
        status = 5 if arguments[:2] == ["policy", "posture"] else 0
        printed = run.both(*[each for each in arguments if each != ">"], status=status)
        if file:
            assert Path(file).read_text() == printed.out


def _serve(arguments: list[str]) -> None:
    port = str(free_port())
    given = arguments[: arguments.index("--port")] if "--port" in arguments else arguments
    with Path("serve.log").open("wb") as log:
        process = started(
            ["dcrserver", *given, "--port", port], Path.cwd(), environment(), 2 * (log.fileno(),)
        )
    try:
        wait_for_port(int(port), process)
    finally:
        process.terminate()
        process.wait(20)


def _work(arguments: list[str]) -> None:
    env = environment(DCR_DATABASE__URL=os.environ["DCR_DATABASE__URL"])
    told = Path("worker.log")
    with told.open("wb") as log:
        process = started(["dcrserver", *arguments], Path.cwd(), env, 2 * (log.fileno(),))
    try:
        until(lambda: "worker_started" in told.read_text(), "it works")
    finally:
        process.terminate()
    assert process.wait(20) == 0


def test_a_table_on_a_terminal_and_json_in_a_pipe(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(run, tmp_path, monkeypatch)
    stage.token_id()
    stage.kid()
    stage.deleted_id()
    stage.client_id()
    for line in PRINTERS:
        arguments = stage.arguments(line)
        piped = run(*arguments)
        assert _is_json(piped), line
        assert not _times(piped), line
        shown = run(*arguments, "--output", "table")
        assert shown
        assert not _is_json(shown), line
        with monkeypatch.context() as terminal:
            terminal.setattr(sys.stdout, "isatty", lambda: True)
            assert run(*arguments) == shown
            for form in (("-o", "json"), ("--output", "json"), ("--json",)):
                assert run(*arguments, *form) == piped


def _is_json(text: str) -> bool:
    try:
        for document in [text] if "\n " in text else text.splitlines():
            json.loads(document)
    except ValueError:
        return False
    return True


def _times(text: str) -> list[str]:
    """Members that look like seconds or milliseconds since 1970."""
    return re.findall(r'"\w+_at\w*": [0-9]+', text)


def test_a_table_has_a_head_and_obeys_nobody() -> None:
    rows: list[dict[str, Any]] = [
        {"name": "a", "on": True, "scopes": ["x", "y"]},
        {"name": "\x1b[2J\x9bm", "on": False, "more": {"b": 1}},
    ]
    head, first, second = table(rows)
    assert head.split() == ["NAME", "ON", "SCOPES", "MORE"]
    assert first.split() == ["a", "yes", "x,", "y", "-"]
    assert second.isprintable()
    assert r"\x1b[2J\x9bm" in second
    assert table([]) == []


def test_a_table_tells_who_it_was_by_name() -> None:
    """By the label of the token; whoever has none is told by the identifier alone."""
    ada = {"kind": "administrator", "id": "8abc", "name": "Ada\x1b[2J"}
    operator = {"kind": "operator", "id": "root", "name": None}
    _, first, second = table([{"actor": ada}, {"actor": operator}])
    assert first == r"administrator:8abc (Ada\x1b[2J)"
    assert second == "operator:root"


@pytest.mark.parametrize(
    ("text", "length"), [("90d", 7_776_000), ("12h", 43_200), ("45m", 2700), ("59s", 59), ("0", 0)]
)
def test_durations_are_read(text: str, length: int) -> None:
    assert seconds(text, "--x") == length


def _completed(words: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dcrserver"],
        env=environment(**variables, _TYPER_COMPLETE_ARGS=words),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.stdout


def test_bash_completes(tmp_path: Path) -> None:
    script = f"""
dcrserver() {{ {shlex.quote(sys.executable)} -m dcrserver "$@"; }}
dcrserver completion bash > completion
source ./completion
COMP_WORDS=(dcrserver keys gen) COMP_CWORD=2
# What bash runs is a program: here, that of this environment.
printf '#!/bin/sh\\nexec {sys.executable} -m dcrserver "$@"\\n' > program; chmod +x program
_dcrserver_completion ./program
echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "generate"


def test_zsh_and_fish_complete(run_anything: Commands) -> None:
    for shell in ("zsh", "fish"):
        assert f"_DCRSERVER_COMPLETE=complete_{shell}" in run_anything("completion", shell)
    zsh = _completed("dcrserver keys gen", _DCRSERVER_COMPLETE="complete_zsh")
    assert "generate" in zsh
    fish = _completed(
        "dcrserver token issue ad",
        _DCRSERVER_COMPLETE="complete_fish",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert fish.split() == ["admin"]
