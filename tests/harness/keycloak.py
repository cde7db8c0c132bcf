"""A real Keycloak on loopback, fetched and built once, shared by all workers of a run.

``DCR_TEST_KEYCLOAK_URL`` names one that runs already, as ``python tests/harness/keycloak.py PORT``
starts it (with PYTHONPATH=src:tests): each start of one takes ten seconds.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from harness import builds
from harness.environment import environment
from harness.process import free_port, lasting_port
from harness.programs import program

_VERSION = "26.7.3"
_ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{_VERSION}:tar.gz"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
_START_SECONDS = 180
_STOP_SECONDS = 30
ADMIN, ADMIN_SECRET = "tests", "of-the-tests"
# Half of the processor's time: none of these servers lives long enough for the second compiler.
_JAVA = {
    "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
    "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx320m",
    "KC_BOOTSTRAP_ADMIN_CLIENT_ID": ADMIN,
    "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET": ADMIN_SECRET,
}
REALM, OTHER_REALM, ROTATING_REALM = "acme", "globex", "rotating"
ACCOUNT, ACCOUNT_SECRET = "dcr", "secret-of-dcr"
PERSON, PASSWORD = "alice", "alice-of-the-tests"


@dataclass(frozen=True)
class Keycloak:
    """Where it is: realms REALM, OTHER_REALM and ROTATING_REALM, each with ACCOUNT and PERSON."""

    url: str

    def endpoint(self, name: str, realm: str = REALM) -> str:
        return f"{self.url}/realms/{realm}/protocol/openid-connect/{name}"


@contextmanager
def shared(folder: Path) -> Iterator[Keycloak]:
    """One for all who share ``folder``: who comes first starts it, who goes last stops it."""
    if url := os.environ.get("DCR_TEST_KEYCLOAK_URL"):
        yield Keycloak(url)
        return
    built = _built()
    door, place = folder / "keycloak.door", folder / "keycloak.json"
    with (folder / "keycloak.users").open("a") as users:
        with _locked(door):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not place.exists():
                place.write_text(json.dumps(_started(built, folder)), "utf-8")
        running = json.loads(place.read_text("utf-8"))
        try:
            yield Keycloak(running["url"])
        finally:
            with _locked(door), suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused: somebody is there
                _stop(running["pid"])
                place.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _built() -> Path:
    program("java")
    return builds.built("keycloak", [Path(__file__)], _build)


def _build(folder: Path) -> None:
    """Its files, built for the embedded database, which knows our realms already."""
    fetched = [program("mvn"), "-q", "-B", _PLUGIN, f"-Dartifact={_ARTIFACT}"]
    builds.fetch([*fetched, f"-DoutputDirectory={folder}"], folder)
    archive = next(folder.glob("*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    archive.unlink()
    home = _home(folder)
    options = ["--db=dev-file", "--health-enabled=true", "--features=client-secret-rotation"]
    builds.step([str(home / "bin" / "kc.sh"), "build", *options], home)
    imported = home / "data" / "import"
    imported.mkdir(parents=True)
    for name in (REALM, OTHER_REALM, ROTATING_REALM):
        (imported / f"{name}-realm.json").write_text(json.dumps(_realm(name)), "utf-8")
    _stop(_start(home, free_port(), folder / "first.log"))


def _home(folder: Path) -> Path:
    return folder / f"keycloak-{_VERSION}"


def _started(built: Path, folder: Path) -> dict[str, Any]:
    home = Path(shutil.copytree(_home(built), folder / "keycloak", symlinks=True))
    port = lasting_port()
    return {"url": f"http://127.0.0.1:{port}", "pid": _start(home, port, folder / "keycloak.log")}


def _start(home: Path, port: int, log: Path) -> int:
    """Its process, once it is ready. The shell between leaves nobody with a child to wait for."""
    management = free_port()
    command = [
        "bin/kc.sh", "start", "--optimized", "--import-realm", "--cache=local",
        "--http-enabled=true", "--hostname-strict=false", "--http-host=127.0.0.1",
        f"--http-port={port}", f"--http-management-port={management}",
    ]  # fmt: skip
    begun = subprocess.run(
        ["sh", "-c", '"$@" >"$0" 2>&1 </dev/null & echo $!', str(log), *command],
        cwd=home, env=environment(**_JAVA), stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    process = int(begun.stdout)
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(trust_env=False, verify=False) as http:  # noqa: S501 - plain HTTP
        while time.monotonic() < deadline and _lives(process):
            with suppress(httpx.TransportError):
                if http.get(f"http://127.0.0.1:{management}/health/ready").is_success:
                    return process
            time.sleep(0.1)
    raise AssertionError(f"Keycloak did not start:\n{log.read_text('utf-8')[-3000:]}")


def _stop(process: int) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    os.kill(process, 15)
    while _lives(process):
        assert time.monotonic() < deadline, "Keycloak did not stop"
        time.sleep(0.05)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # An orphan whose new parent does not care.
    return ") Z " not in Path(f"/proc/{process}/stat").read_text("utf-8")


def _realm(name: str) -> dict[str, Any]:
    account = {
        "clientId": ACCOUNT, "secret": ACCOUNT_SECRET, "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
    }  # fmt: skip
    person = {
        "username": PERSON, "enabled": True, "email": "alice@example.org", "firstName": "Alice",
        "lastName": "Adams", "credentials": [{"type": "password", "value": PASSWORD}],
    }  # fmt: skip
    of_account = {
        "username": f"service-account-{ACCOUNT}", "enabled": True,
        "serviceAccountClientId": ACCOUNT, "clientRoles": {"realm-management": ["manage-clients"]},
    }  # fmt: skip
    realm = {"realm": name, "enabled": True, "clients": [account], "users": [person, of_account]}
    return realm | (_ROTATION if name == ROTATING_REALM else {})


_ROTATION = {
    "clientProfiles": {"profiles": [{"name": "rotation", "executors": [{
        "executor": "secret-rotation", "configuration": {
            "expiration-period": 2592000, "rotated-expiration-period": 172800,
            "remaining-rotation-period": 864000,
        },
    }]}]},
    "clientPolicies": {"policies": [{
        "name": "rotation", "enabled": True, "profiles": ["rotation"], "conditions": [
            {"condition": "client-access-type", "configuration": {"type": ["confidential"]}},
        ],
    }]},
}  # fmt: skip


def _serve(port: int) -> None:
    home = _home(_built())
    copied = Path(f"/tmp/keycloak-{port}")  # noqa: S108 - of a developer
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(home, copied, symlinks=True)
    process = _start(copied, port, copied / "log")
    print(f"export DCR_TEST_KEYCLOAK_URL=http://127.0.0.1:{port}  # stop: kill {process}")


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
