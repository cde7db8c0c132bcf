"""/admin/v1/statistics: how many clients there are of each kind, and when they came."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from dcrserver.repositories.queries.clients.statistics import Kind
from dcrserver.services.access.actors import ANONYMOUS
from dcrserver.services.clients.statistics import ClientStatisticsService, Step, Wanted
from harness.application import Application
from harness.rows import add, record

STATISTICS = "/admin/v1/statistics"


@pytest.mark.parametrize("by", list(Kind))
async def test_clients_are_counted_by_each_of_their_properties(
    any_app: Application, by: Kind
) -> None:
    registered = await any_app.register(software_id=f"counted by {by}")
    headers = await any_app.admin_token("statistics:read")
    answer = await any_app.http.get(STATISTICS, headers=headers, params={"by": by.value})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    value = {
        Kind.ORIGIN: "open",
        Kind.STATUS: "active",
        Kind.METHOD: registered["token_endpoint_auth_method"],
        Kind.SOFTWARE: f"counted by {by}",
    }[by]
    counts = {share["value"]: share["clients"] for share in told["clients"]}
    assert counts[value] >= 1
    assert sum(counts.values()) == told["total"]["value"]
    today = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime())
    assert {"at": today, "value": value} in [
        {"at": each["at"], "value": each["value"]} for each in told["registrations"]
    ]
    assert told["since"] < today < told["until"]


async def test_registrations_are_counted_hour_by_hour(any_app: Application) -> None:
    tenant = replace(any_app.runtime.tenants.now.by_name["default"], name="statistics")
    database, lists = any_app.runtime.database, any_app.runtime.lists
    hours = [7200, 7200 + 3599, 3 * 3600, 9 * 3600]
    await add(database, *(record(tenant="statistics", issued_at=moment) for moment in hours))
    service = ClientStatisticsService(lists)
    wanted = Wanted(by=Kind.STATUS, step=Step.HOUR, since=7300, until=5 * 3600 - 1)
    found = await service.statistics(tenant, wanted, ANONYMOUS)
    assert (found.since, found.until) == (7200, 5 * 3600)
    assert [tuple(each) for each in found.registrations] == [
        (7200, "active", 2),
        (3 * 3600, "active", 1),
    ]
    assert [tuple(each) for each in found.clients] == [("active", 4)]
    await add(database, record(tenant="statistics", issued_at=7200))
    assert await service.statistics(tenant, wanted, ANONYMOUS) is found  # for ten seconds
    owner = ANONYMOUS._replace(owner="alice")
    assert (await service.statistics(tenant, wanted, owner)).total.value == 0


@pytest.mark.parametrize(
    "query", ["by=colour", "step=week", "since=soon", "since=200&until=100",
              "step=hour&since=0&until=99999999"]
)  # fmt: skip
async def test_what_cannot_be_counted_is_refused(any_app: Application, query: str) -> None:
    headers = await any_app.admin_token("statistics:read")
    answer = await any_app.http.get(f"{STATISTICS}?{query}", headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
