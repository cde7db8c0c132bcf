"""The file of JSON lines: what is in it, and that nobody sees half of it."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from dcrserver.connectors.build import build
from dcrserver.connectors.client import Held, NewSecret, WantedClient
from dcrserver.connectors.failures import (
    TargetAway,
    TargetMisconfigured,
    TargetMissing,
    TargetTaken,
)
from dcrserver.connectors.json_file import JsonFile
from dcrserver.settings import ConfigurationError, ConnectorSettings

_HELD = Held("c1")


def _wanted(client_id: str = "c1", **values: Any) -> WantedClient:
    metadata = values.pop("metadata", {"client_name": "Ä"})
    return WantedClient("default", client_id, metadata, **values)


def _made(path: Path) -> JsonFile:
    return JsonFile("file", ConnectorSettings(kind="json_file", path=path))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


async def test_a_client_is_a_line_with_its_secret_and_goes_when_it_is_deleted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "clients.jsonl"
    file = _made(path)
    await file.create(_wanted(owner="o", tags=("a",)), NewSecret("s1", 9))
    (line,) = _lines(path)
    assert line == {
        "tenant": "default", "client_id": "c1", "mark": "dcrserver", "active": True, "owner": "o",
        "tags": ["a"], "client_name": "Ä", "client_secret": "s1", "client_secret_expires_at": 9,
    }  # fmt: skip
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await file.delete("default", "c1", _HELD)
    await file.delete("default", "c1", None)
    assert _lines(path) == []


async def test_a_change_keeps_the_secret_and_a_rotation_the_one_before_until_it_ends(
    tmp_path: Path,
) -> None:
    path = tmp_path / "clients.jsonl"
    file = _made(path)
    await file.create(_wanted(), NewSecret("s1"))
    await file.update(_wanted(metadata={"client_name": "b"}, is_active=False), _HELD, None)
    assert _lines(path)[0]["client_secret"] == "s1"
    assert _lines(path)[0]["active"] is False

    rotated = _wanted(previous_until=99)
    for _ in range(2):  # the answer was lost: sent again
        await file.update(rotated, _HELD, NewSecret("s2", 0, 99))
        line = _lines(path)[0]
        assert (line["client_secret"], line["previous_client_secret"]) == ("s2", "s1")
    assert file.fingerprint(rotated) != file.fingerprint(_wanted())
    await file.update(_wanted(), _HELD, None)
    assert "previous_client_secret" not in _lines(path)[0]
    await file.update(_wanted(metadata={"token_endpoint_auth_method": "none"}), _HELD, None)
    assert "client_secret" not in _lines(path)[0]


@pytest.mark.parametrize(("written", "mark"), [(',"mark":"me"', "me"), ("", None)])
async def test_lines_of_others_stay_as_they_are(
    tmp_path: Path, written: str, mark: str | None
) -> None:
    path = tmp_path / "clients.jsonl"
    foreign = f'{{"tenant":"default","client_id":"c1"{written}}}\n'
    path.write_text(foreign)
    file = _made(path)
    async with asyncio.timeout(5):
        with pytest.raises(TargetTaken):
            await file.create(_wanted(), None)
        await file.delete("default", "c1", None)
    assert path.read_text() == foreign
    found = [each async for each in file.list_all(["default"])]
    assert [(each.client_id, each.mark) for each in found] == [("c1", mark)]


async def test_many_at_once_from_two_processes_all_come_in(tmp_path: Path) -> None:
    path = tmp_path / "clients.jsonl"
    files = [_made(path), _made(path)]
    names = [f"c{number}" for number in range(60)]
    await asyncio.gather(
        *(files[number % 2].create(_wanted(name), None) for number, name in enumerate(names))
    )
    assert sorted(line["client_id"] for line in _lines(path)) == sorted(names)
    facts = (await files[0].discover(["default"])).facts
    assert facts == {"clients": 60, "clients_of_tenants": 60}
    for file in files:
        await file.close()


async def test_differences_are_told_by_member(tmp_path: Path) -> None:
    path = tmp_path / "clients.jsonl"
    file = _made(path)
    await file.create(_wanted(), NewSecret("s"))
    path.write_text(path.read_text("utf-8").replace("Ä", "x"))
    remote = await file.read("default", "c1", _HELD)
    assert remote is not None
    assert file.differences(_wanted(), remote) == ("client_name",)
    assert "client_secret" not in remote.document


async def test_what_the_file_cannot_do_is_told(tmp_path: Path) -> None:
    path = tmp_path / "clients.jsonl"
    with pytest.raises(TargetMissing):
        await _made(path).update(_wanted(), _HELD, None)
    good = '{"tenant":"default","client_id":"c2"}\n'
    for bad in ("garbage", '{"client_id":"c3"}', "[]", '{"tenant":[],"client_id":"c3"}'):
        path.write_text(f"{good}\n{bad}\n")
        with pytest.raises(TargetMisconfigured, match="line 3 is no JSON object with tenant"):
            await _made(path).create(_wanted(), None)
        assert path.read_text() == f"{good}\n{bad}\n"
    with pytest.raises(TargetAway):
        await _made(tmp_path / "absent" / "clients.jsonl").create(_wanted(), None)


def test_a_kind_without_a_connector_is_refused_by_name() -> None:
    settings = ConnectorSettings(kind="hydra", url="http://127.0.0.1:1")
    odd = settings.model_copy(update={"kind": "odd"})
    with pytest.raises(ConfigurationError, match=r"connectors.x: there is no kind odd"):
        build("x", odd)
