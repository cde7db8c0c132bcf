"""What somebody did at a real Keycloak by hand is told, and put right where that is asked."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.keycloak import ACCOUNT, ACCOUNT_SECRET, OTHER_REALM, Keycloak
from harness.keycloak_administrator import Administrator
from harness.long_run import only_long
from harness.process import run_to_end, serving
from harness.targets import encryption_key
from harness.waiting import until

pytestmark = [only_long, pytest.mark.timeout(600)]

BODY = {"redirect_uris": ["https://client.example.org/cb"], "client_name": "Example"}


def test_drift_is_told_and_repaired_and_clients_of_others_stay_as_they_are(
    server: Keycloak, admin: Administrator, tmp_path: Path
) -> None:
    mark = f"mark-{uuid.uuid4()}"  # others of this run have clients in the same realm
    target = {
        "kind": "keycloak", "url": server.url, "realm": OTHER_REALM, "client_id": ACCOUNT,
        "client_secret": ACCOUNT_SECRET, "timeout": 60, "mark": mark,
    }  # fmt: skip
    settings = {
        "DCR_CONNECTORS": json.dumps({"front": target}),
        "DCR_SECRETS__ENCRYPTION_KEYS": json.dumps([encryption_key().get_secret_value()]),
        "DCR_DATABASE__URL": f"sqlite:///{tmp_path}/dcrserver.db",
    }

    def command(*arguments: str) -> Any:
        done = run_to_end("connector", *arguments, env=settings)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def there(client_id: str) -> dict[str, Any] | None:
        return admin.client(client_id, OTHER_REALM)

    with serving(tmp_path, settings["DCR_DATABASE__URL"], env=settings, fresh=True) as dcrserver:
        made = [
            httpx.post(f"{dcrserver.base_url}/register", json=BODY, trust_env=False, timeout=60)
            for _ in range(3)
        ]
        same, changed, removed = (each.json()["client_id"] for each in made)
        assert command("test", "front", "--json")["ok"]

        known = there(changed)
        assert known
        orphaned, foreign = f"orphaned-{uuid.uuid4()}", f"foreign-{uuid.uuid4()}"
        marks = known["attributes"] | {"dcrserver.client_id": orphaned}
        admin.make(OTHER_REALM, clientId=orphaned, attributes=marks)
        admin.make(OTHER_REALM, clientId=foreign, redirectUris=["https://foreign.example/*"])
        before = there(foreign)
        admin.change(changed, OTHER_REALM, name="Evil", redirectUris=["https://evil.example/*"])
        admin.call("DELETE", f"/{OTHER_REALM}/clients/{(there(removed) or {})['id']}")

        for _ in range(2):  # to tell changes nothing
            found = command("reconcile", "front", "--dry-run", "--json")
            assert foreign in found.pop("foreign")
            told = {kind: found[kind] for kind in ("missing", "changed", "orphaned")}
            assert told == {"missing": [removed], "changed": [changed], "orphaned": [orphaned]}
            assert found["differences"] == {changed: ["client_name", "redirect_uris"]}

        command("reconcile", "front", "--drift", "repair", "--json")
        until(lambda: there(removed), "it was made again")
        until(lambda: (there(changed) or {}).get("name") == "Example", "it was put right")
        assert there(orphaned) is None
        assert there(foreign) == before
        found = command("reconcile", "front", "--dry-run", "--json")
        assert [found[kind] for kind in ("missing", "changed", "orphaned")] == [[], [], []]
        assert there(same)
