"""Conditions on the software statement and on the administrator, of whoever writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conftest import MakeApplication
from harness.administration import administrator
from harness.application import CALLBACK, bearer, update_of
from harness.statements import ISSUER, statement, trusting

MARK = "https://marks.example/certified"
STATEMENTS = [
    {"name": "unmarked", "when": {"statement.iss": ISSUER, "statement.trust_marks": {"not": MARK}},
     "then": {"reject": {"error": "unapproved_software_statement", "description": "no mark"}}},
    {"name": "banks", "when": {"statement.org.role": "bank"}, "then": {"tag": ["bank"]}},
    {"name": "no-hooks", "when": {"statement.org.role": "bank", "scope": "admin"},
     "then": {"reject": {"description": "no admin for banks"}}},
    {"name": "small", "when": {"actor": "administrator", "actor.scopes": {"not": "policies:read"}},
     "then": {"force": {"client_name": "Small"}}},
]  # fmt: skip


async def test_claims_count_at_every_write_of_the_client(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    groups = trusting(tmp_path)
    groups["policy"]["statements"] = STATEMENTS
    app = await make_app(**groups, authorization_server={"scopes_supported": ["read", "admin"]})

    def sent(**claims: Any) -> dict[str, Any]:
        return {"redirect_uris": [CALLBACK], "software_statement": statement(**claims)}

    refused = await app.http.post("/register", json=sent(trust_marks=["https://other.example"]))
    assert refused.json() == {
        "error": "unapproved_software_statement", "error_description": "no mark",
    }  # fmt: skip
    marks = [{"trust_mark_type": MARK, "trust_mark": "e30.e30.x"}]
    made = await app.register(**sent(trust_marks=marks, org={"role": "bank"}), scope="read")
    assert (await app.client(made["client_id"])).tags == ["bank"]
    # The statement that is held is asked at each later write, sent back or not.
    for change in ({"scope": "admin"}, {"scope": "admin", "software_statement": ""}):
        answer = await app.http.put(
            made["registration_client_uri"], json=update_of(made, **change), headers=bearer(made)
        )
        assert answer.json()["error_description"] == "no admin for banks"


async def test_the_scopes_of_an_administrator_are_asked(make_app: MakeApplication) -> None:
    app = await make_app(policy={"statements": STATEMENTS[3:]})
    body = {"metadata": {"redirect_uris": [CALLBACK], "client_name": "Big"}}
    named = []
    for scopes in (["clients:create"], ["clients:create", "policies:read"]):
        made = await (await administrator(app, *scopes)).post("/clients", 201, json=body)
        named.append(made["metadata"]["client_name"])
    assert named == ["Small", "Big"]
