"""Secrets that a machine mounts as files: each setting that is one has a ``_file`` beside it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, SecretStr

from dcrserver.db.urls import database_url
from dcrserver.settings import ConfigurationError, Settings, load
from dcrserver.settings.values import Group

pytestmark = pytest.mark.finding("F7")


def _is_secret(hint: object) -> bool:
    return hint is SecretStr or any(_is_secret(each) for each in get_args(hint))


def _groups(hint: object) -> list[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        below = [each.annotation for each in hint.model_fields.values()]
        return [hint, *(group for each in below for group in _groups(each))]
    return [group for each in get_args(hint) for group in _groups(each)]


def test_every_secret_may_be_in_a_file() -> None:
    secrets = [
        (group, name)
        for group in _groups(Settings)
        for name, field in group.model_fields.items()
        if _is_secret(field.annotation)
    ]
    assert len(secrets) >= 4
    for group, name in secrets:
        assert issubclass(group, Group)
        assert f"{name}_file" in group.model_fields, f"{group.__name__}.{name}"


def test_files_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the images of databases: DCR_..._FILE; the line's end is not a part of a secret."""
    key = base64.b64encode(bytes(32)).decode()
    for variable, content in {
        "DCR_DATABASE__URL_FILE": "postgresql://dcr@db/dcr\n",
        "DCR_DATABASE__PASSWORD_FILE": "# /@%:é \r\n",
        "DCR_REDIS__URL_FILE": "redis://:secret@redis",
        "DCR_SECRETS__ENCRYPTION_KEYS_FILE": f"# newest first\n{key}\n\n",
    }.items():
        (tmp_path / variable).write_text(content, "utf-8")
        monkeypatch.setenv(variable, str(tmp_path / variable))
    settings = load()
    url = database_url(settings.database)
    assert (url.host, url.username, url.password) == ("db", "dcr", "# /@%:é ")
    assert settings.redis.url is not None
    assert settings.redis.url.get_secret_value() == "redis://:secret@redis"
    assert [each.get_secret_value() for each in settings.secrets.encryption_keys] == [key]
    shown = settings.model_dump_json()
    for secret in ("# /@%:é ", ":secret", key):
        assert secret not in shown


@pytest.mark.parametrize(
    ("content", "others", "told"),
    [
        (None, "", "database.url_file: {file}: No such file or directory"),
        (b"", "", "database.url_file: {file} holds nothing"),
        (b"\xffsecret", "", "database.url_file: {file} is no text"),
        (b"sqlite://", "url = 'sqlite://'", "database.url_file: url and url_file are exclusive"),
    ],
)
def test_a_file_that_cannot_be_meant_is_told_in_a_line(
    tmp_path: Path, content: bytes | None, others: str, told: str
) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    (tmp_path / "c.toml").write_text(f"[database]\nurl_file = 'url'\n{others}\n")
    with pytest.raises(ConfigurationError) as refusal:
        load(tmp_path / "c.toml")
    place = f" (from {tmp_path}/c.toml, line 2)"
    assert str(refusal.value) == told.format(file=file) + place


@pytest.mark.parametrize("url", ["sqlite:///x", "postgresql://h/d", "mysql://u:p@h/d"])
def test_a_password_goes_with_a_user_alone(url: str) -> None:
    settings = load(database={"url": url, "password": "x"})
    with pytest.raises(ConfigurationError, match=r"^database.password: [^\n]+$"):
        database_url(settings.database)
