"""Presents one assertion before, and after, the clock of libfaketime went days ahead and back."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from dcrserver.settings import TelemetrySettings
from dcrserver.telemetry import configure_logging
from harness.application import Application, application
from harness.clients import assertion, new_key, public_jwk
from harness.databases import migrate


async def present(app: Application, proof: dict[str, str]) -> None:
    form = {"grant_type": "client_credentials"} | proof
    print((await app.http.post("/token", data=form)).status_code)


async def main(folder: Path) -> None:
    url = f"sqlite:///{folder}/some.db"
    await migrate(url)
    key = new_key()
    async with application(url) as app:
        made: dict[str, Any] = await app.register(
            grant_types=["client_credentials"],
            token_endpoint_auth_method="private_key_jwt",
            jwks={"keys": [public_jwk(key)]},
        )
        spent = assertion(made["client_id"], key)
        await present(app, spent)
        await present(app, spent)
        before = time.time()
        (folder / "clock").write_text("+3d", "ascii")
        print(round((time.time() - before) / 86400), "days ahead")
        await app.do_job("forget_expired")
        (folder / "clock").write_text("+0", "ascii")
        await present(app, spent)
        await present(app, assertion(made["client_id"], key))


configure_logging(TelemetrySettings())
asyncio.run(main(Path(sys.argv[1])))
