"""A PostgreSQL that takes encrypted connections alone, certified by an authority of ours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url
from test_postgresql import opened

from dcrserver.db.protocol.drivers.postgresql_connect import connect_options
from dcrserver.db.urls import database_url
from dcrserver.errors import Unavailable
from dcrserver.settings import ConfigurationError, DatabaseSettings
from harness.databases import migrate
from harness.postgresql import alone
from harness.rows import add, find, record
from harness.tls import certified

_MODES = ("ssl_mode", "sslmode", "ssl")


@dataclass(frozen=True)
class Encrypted:
    port: int
    folder: Path

    def url(self, options: dict[str, str]) -> str:
        named = {
            name: value if name in _MODES else str(self.folder / value)
            for name, value in options.items()
        }
        url = make_url(f"postgresql://root@127.0.0.1:{self.port}/postgres")
        return url.update_query_dict(named).render_as_string()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    folder = tmp_path_factory.mktemp("tls")
    (folder / "other").mkdir()
    certified(folder)
    certified(folder / "other")
    with alone() as made:
        for name in ("ca.pem", "server.pem"):
            shutil.copy(folder / name, made.folder)
            (made.folder / name).chmod(0o600)
            shutil.chown(made.folder / name, "postgres", "postgres")
        made.options.update(ssl="on", ssl_ca_file=str(made.folder / "ca.pem"),
                            **dict.fromkeys(("ssl_cert_file", "ssl_key_file"),
                                            str(made.folder / "server.pem")))  # fmt: skip
        (made.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
        made.start()
        yield Encrypted(made.port, folder)


@pytest.mark.finding("F7")
@pytest.mark.parametrize(
    "options",
    [{"ssl_ca": "ca.pem"}, {"ssl_ca": "ca.pem", "ssl_mode": "verify-ca"}, {"sslmode": "prefer"},
     {"sslmode": "require"}, {"sslmode": "verify-full", "sslrootcert": "ca.pem"}, {},
     {"ssl_ca": "ca.pem", "sslcert": "server.pem", "sslkey": "server.pem"}],
)  # fmt: skip
async def test_the_connection_is_encrypted(server: Encrypted, options: dict[str, str]) -> None:
    """In migrations as in serving."""
    url = server.url(options)
    await migrate(url)
    async with opened(url, pool_timeout=20) as database:
        one = record()
        await add(database, one)
        assert await find(database, one.client_id) == one


@pytest.mark.finding("F7")
@pytest.mark.parametrize(
    "options",
    [{"ssl_ca": "other/ca.pem"}, {"sslrootcert": "other/ca.pem", "sslmode": "require"},
     {"ssl": "verify-full"}, {"ssl_mode": "disabled"}],
)  # fmt: skip
async def test_who_cannot_be_verified_or_takes_no_plain_text_is_away(
    server: Encrypted, options: dict[str, str]
) -> None:
    async with opened(server.url(options)) as database:
        with pytest.raises(Unavailable):
            await find(database, "absent")


@pytest.mark.finding("F7")
@pytest.mark.parametrize(
    "query",
    ["ssl_mode=wrong", "sslrootcert=/nowhere.pem", "sslkey=/nowhere.pem", "ssl_ca=a&ssl_ca=b"],
)
def test_options_that_cannot_be_meant_are_told_in_a_line(query: str) -> None:
    settings = DatabaseSettings(url=SecretStr(f"postgresql://u:p@127.0.0.1/db?{query}"))
    with pytest.raises(ConfigurationError, match=r"^database.url: ssl_[^\n]+$"):
        connect_options(database_url(settings))
