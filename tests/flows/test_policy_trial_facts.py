"""What `policy test` looks up for a registration: counts, names of the address, statements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conftest import MakeApplication
from dcrserver.security import new_client_id
from flows.test_admin_policies import POLICIES
from flows.test_admin_tenants import Administrator, administrator
from harness.application import CALLBACK, Application
from harness.name_server import name_server
from harness.statements import FORGERIES, ISSUER, SOFTWARE, STRICT, statement, trusting

FEW = {"name": "few", "then": {"limit": {"by": "software_id", "clients": 2}}}
MANY = {"name": "many", "when": {"clients.tenant": {"from": 1}}, "then": {"tag": ["many"]}}
OURS = {"name": "ours", "when": {"address.host": "*.example.com"}, "then": {"tag": ["ours"]}}
BANK = {"name": "bank", "when": {"statement.role": "bank"}, "then": {"hold": True}}


async def _drafted(app: Application, *statements: Any, **policy: Any) -> tuple[Administrator, str]:
    admin = await administrator(app, "policies:read", "policies:write", tenant="default")
    name = new_client_id()
    document = {"statements": [*statements], **policy}
    await admin.ask("PUT", f"{POLICIES}/{name}", 200, document)
    return admin, f"{POLICIES}/{name}/test"


def _body(origin: str = "open", address: str | None = None, **request: Any) -> dict[str, Any]:
    whole = {"redirect_uris": [CALLBACK]} | request
    return {"request": whole, "origin": origin, "address": address}


async def test_how_many_clients_there_are_is_told_where_a_statement_counts(
    any_app: Application,
) -> None:
    software = new_client_id()
    admin, where = await _drafted(any_app, FEW, MANY)
    decided = []
    for there in range(3):
        told = await admin.ask("POST", where, 200, _body(software_id=software))
        assert told["clients"]["software_id"] == there
        assert told["clients"]["tenant"] <= 2, "no more are counted than decide"
        assert ("many" in told["tags"]) is (told["clients"]["tenant"] > 0 and there < 2)
        decided.append((told["decision"], *told["statements"]))
        await any_app.register(software_id=software)
    assert [each[0] for each in decided] == ["accept", "accept", "reject"]
    assert decided[2] == ("reject", "few")
    requests = [_body(software_id=software), _body(software_id=f"{software}-other")]
    told = await admin.ask("POST", f"{where}/requests", 200, {"requests": requests})
    assert told["counts"] == {"accept": 1, "reject": 1}
    told = await admin.ask("POST", where, 200, _body())
    assert "software_id" not in told["clients"], "without one there is nothing to count"


async def test_the_names_of_the_address_are_told(make_app: MakeApplication) -> None:
    zone = {"9.2.0.192.in-addr.arpa": "a.example.com.", "a.example.com": "192.0.2.9"}
    async with name_server(zone) as (where, _):
        app = await make_app(outbound={"nameservers": [where]})
        admin, place = await _drafted(app, OURS)
        told = await admin.ask("POST", place, 200, _body(address="192.0.2.9"))
    assert (told["address_names"], told["tags"]) == (["a.example.com"], ["ours"])


async def test_the_statement_of_a_registration_is_verified(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    app = await make_app(**trusting(tmp_path, **STRICT))
    admin, where = await _drafted(app, BANK, statements_mode="required")

    async def tried(origin: str = "open", **request: Any) -> Any:
        return await admin.ask("POST", where, 200, _body(origin, **request))

    for origin in ("open", "initial_access_token", "software_statement", "administrator"):
        told = await tried(origin, software_statement=statement(role="bank"))
        assert (told["decision"], told["statements"]) == ("hold", ["bank"]), origin
        assert told["result"]["software_id"] == SOFTWARE
        assert told["result"]["software_statement_issuer"] == ISSUER
    assert (await tried(software_statement=statement()))["decision"] == "accept"
    for code, forged in FORGERIES.values():
        told = await tried(software_statement=forged())
        assert (told["decision"], told["result"]["error"]) == ("reject", code), forged
    assert (await tried())["result"]["error"] == "invalid_software_statement"
    # A client that changes has its statement already.
    assert (await tried("update"))["decision"] == "accept"
    # To try spends nothing; to register does.
    once = statement()
    assert (await tried(software_statement=once))["decision"] == "accept"
    await app.register(software_statement=once)
    told = await tried(software_statement=once)
    assert "used before" in told["result"]["error_description"]


async def test_a_statement_makes_the_origin_of_who_registers_itself(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    app = await make_app(**trusting(tmp_path))
    vouched = {"name": "vouched", "when": {"origin": "software_statement"},
               "then": {"tag": ["vouched"]}}  # fmt: skip
    admin, where = await _drafted(app, vouched, statements_mode="allowed")
    for origin, tags in (("open", ["vouched"]), ("administrator", [])):
        body = _body(origin, software_statement=statement())
        assert (await admin.ask("POST", where, 200, body))["tags"] == tags
