"""Connector: a file of JSON lines, one a client, for servers that read their clients from a file.

The file is written anew with each change and put in place of the one before, so that a reader sees
one or the other, never half of one; what changes meanwhile is written together. Processes that
write the same file take turns by a lock beside it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, TypeAlias

from dcrserver.connectors.client import (
    Applied,
    Carriage,
    Discovered,
    Fate,
    Held,
    NewSecret,
    RemoteClient,
    Verdict,
    WantedClient,
)
from dcrserver.connectors.comparing import differing, digest
from dcrserver.connectors.failures import (
    TargetAway,
    TargetError,
    TargetMisconfigured,
    TargetMissing,
    TargetTaken,
)
from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.settings import ConnectorSettings
from dcrserver.strict_json import JsonObject, JsonValue, dumps_lines

_Key: TypeAlias = tuple[str, str]
_Lines: TypeAlias = dict[_Key, JsonObject]
_Change: TypeAlias = Callable[[_Lines], None]
# Beside the metadata; the secrets are not compared, as nobody here knows them any more.
_SECRETS = (
    "client_secret",
    "client_secret_expires_at",
    "previous_client_secret",
    "previous_client_secret_expires_at",
)
_OURS = frozenset({"tenant", "client_id", "mark", "active", "owner", "tags", *_SECRETS})


class JsonFile:
    """Tells a file."""

    kind: ClassVar[str] = "json_file"
    mints: ClassVar[bool] = False
    overlaps = True
    overlaps_by_own: ClassVar[bool] = False
    lists: ClassVar[bool] = True

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        assert settings.path is not None  # noqa: S101 - of its kind
        self._name = name
        self._path = settings.path
        self._mark = settings.mark
        self._waiting: list[tuple[_Change, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    def carriage(self) -> Mapping[str, Carriage]:
        """All that is known is written, under its own name."""
        return {name: Carriage(Fate.CARRIED) for name in PARAMETERS}

    def judge(self, client: WantedClient) -> Verdict:
        """A file takes all."""
        return Verdict()

    def fingerprint(self, client: WantedClient) -> str:
        """Of the line, and of when a secret in it ends."""
        return digest([self._line(client), client.previous_until])

    async def discover(self, tenants: Sequence[str]) -> Discovered:
        """How many lines there are, and how many of these ``tenants``."""
        lines = await asyncio.to_thread(self._read)
        mine = sum(1 for tenant, _ in lines if tenant in tenants)
        facts = {"clients": len(lines), "clients_of_tenants": mine}
        return Discovered(f"JSON lines in {self._path}", facts=facts)

    async def create(self, client: WantedClient, secret: NewSecret | None) -> Applied:
        """A new line, or one of ours written anew.

        Raises:
            TargetTaken: there is a line of others.
        """
        return await self._put(client, secret)

    async def update(self, client: WantedClient, held: Held, secret: NewSecret | None) -> Applied:
        """The line written anew.

        Raises:
            TargetMissing: the file has no such client.
        """
        if await self.read(client.tenant, client.client_id, held) is None:
            raise TargetMissing(f"{self._name}: no line of the client")
        return await self._put(client, secret)

    async def delete(self, tenant: str, client_id: str, held: Held | None) -> None:
        """The line is gone, if it is ours."""

        def change(lines: _Lines) -> None:
            if lines.get((tenant, client_id), {}).get("mark") == self._mark:
                del lines[tenant, client_id]

        await self._change(change)

    async def read(self, tenant: str, client_id: str, held: Held | None) -> RemoteClient | None:
        """The client's line."""
        lines = await asyncio.to_thread(self._read)
        line = lines.get((tenant, client_id))
        return None if line is None else _remote(line)

    async def list_all(self, tenants: Sequence[str]) -> AsyncIterator[RemoteClient]:
        """All lines of these tenants."""
        for line in (await asyncio.to_thread(self._read)).values():
            if line.get("tenant") in tenants:
                yield _remote(line)

    def differences(self, client: WantedClient, remote: RemoteClient) -> tuple[str, ...]:
        """The members that differ; secrets are not known here any more."""
        wanted = self._line(client)
        names = sorted((wanted.keys() | remote.document.keys()) - {*_SECRETS})
        return differing(names, wanted, remote.document)

    async def close(self) -> None:
        """Writes what waits."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    def _line(self, client: WantedClient) -> JsonObject:
        return {
            "tenant": client.tenant,
            "client_id": client.client_id,
            "mark": self._mark,
            "active": client.is_active,
            "owner": client.owner,
            "tags": list[JsonValue](client.tags),
            **{name: value for name, value in client.metadata.items() if name not in _OURS},
        }

    async def _put(self, client: WantedClient, secret: NewSecret | None) -> Applied:
        line = self._line(client)

        def change(lines: _Lines) -> None:
            key = client.tenant, client.client_id
            if lines.get(key, line).get("mark") != self._mark:
                raise TargetTaken(
                    f"{self._name}: a line of this client_id is not ours", "client_id is taken"
                )
            lines[key] = line | _secrets(lines.get(key, {}), client, secret)

        await self._change(change)
        return Applied(Held(client.client_id))

    async def _change(self, change: _Change) -> None:
        """Makes it in the file; what comes while the file is written is written together."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((change, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            changes = [change for change, _ in batch]
            try:
                failures = await asyncio.to_thread(self._write, changes)
            except TargetMisconfigured as error:
                failures = [error] * len(batch)
            except OSError as error:
                away = TargetAway(f"{self._name}: {self._path}: {error.strerror}")
                failures = [away] * len(batch)
            for (_, done), failure in zip(batch, failures, strict=True):
                if done.done():  # nobody waits any more
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)

    def _write(self, changes: Sequence[_Change]) -> Sequence[TargetError | None]:
        """What came of each."""
        failures: list[TargetError | None] = []
        with _locked(self._path):
            lines = self._read()
            for change in changes:
                try:
                    change(lines)
                except TargetError as error:
                    failures.append(error)
                else:
                    failures.append(None)
            _replace(self._path, dumps_lines(lines.values()))
        return failures

    def _read(self) -> _Lines:
        """
        Raises:
            TargetMisconfigured: it is no file of JSON lines, or not readable.
        """
        try:
            text = self._path.read_text("utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise TargetMisconfigured(f"{self._name}: {self._path}: {error}") from None
        lines: _Lines = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not line:
                continue
            try:
                read = json.loads(line)
                lines[read["tenant"], read["client_id"]] = read
            except (ValueError, KeyError, TypeError):
                raise TargetMisconfigured(
                    f"{self._name}: {self._path}: line {number} is no JSON object with tenant and"
                    " client_id"
                ) from None
        return lines


def _secrets(there: JsonObject, client: WantedClient, secret: NewSecret | None) -> JsonObject:
    """Those of the line: what is there stays unless a new one comes, and the one before ends when
    it is to.
    """
    if client.metadata.get("token_endpoint_auth_method") == "none":
        return {}
    kept = {name: there[name] for name in _SECRETS if name in there}
    if secret is not None:
        before = kept.get("client_secret")
        kept = {
            "client_secret": secret.value,
            "client_secret_expires_at": secret.expires_at,
        }
        if before is not None and before != secret.value and secret.previous_until:
            kept["previous_client_secret"] = before
            kept["previous_client_secret_expires_at"] = secret.previous_until
        elif before == secret.value:  # the answer was lost, and it is sent again
            kept |= {name: there[name] for name in _SECRETS[2:] if name in there}
    if not client.previous_until:
        kept.pop("previous_client_secret", None)
        kept.pop("previous_client_secret_expires_at", None)
    return kept


def _remote(line: JsonObject) -> RemoteClient:
    mark = line.get("mark")
    shown = {name: value for name, value in line.items() if name not in _SECRETS}
    return RemoteClient(
        remote_id=str(line["client_id"]),
        client_id=str(line["client_id"]),
        mark=mark if isinstance(mark, str) else None,
        document=shown,
        metadata={name: value for name, value in shown.items() if name not in _OURS},
        is_active=line.get("active") is not False,
        tenant=str(line["tenant"]),
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time, of whichever process."""
    lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _replace(path: Path, octets: bytes) -> None:
    """On the disk when it returns; readable by its owner alone, as there are secrets in it."""
    new = f"{path}.new"
    file = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(octets)
        opened.flush()
        os.fsync(opened.fileno())
    if path.exists():  # whoever reads it goes on to
        Path(new).chmod(path.stat().st_mode & 0o777)
    Path(new).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
