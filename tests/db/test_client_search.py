"""Searches of clients: what is found is what a filter in Python would find, in order, by pages."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr

from dcrserver.client_filters import FILTERS
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.queries import Queries
from dcrserver.errors import InvalidInput
from dcrserver.metadata.comparing import host_of, words_of
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Filter, Match, Sort, counting, search
from dcrserver.repositories.queries.clients import scope as scoping
from dcrserver.repositories.queries.clients.filters import (
    CLIENT_FILTERS,
    DOCUMENT_FILTERS,
    FACET_FILTERS,
    MEMBER,
)
from dcrserver.repositories.queries.clients.sorts import SortKey
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_client_id
from dcrserver.settings import DatabaseSettings
from harness.cases import each
from harness.long_run import rounds
from harness.rows import add, record

_CLIENTS = 60
_TIMES = (100, 200, 300)
_OPTIONAL = {
    "software_id": ("1", "2"),
    "software_version": ("1", "2"),
    "application_type": ("web", "native"),
}
_WORDS = ("acme", "Mail", "mailer", "Über", "100%", "a_b", "client")

_CREATED, _UPDATED = SortKey.CREATED, SortKey.UPDATED


@pytest.fixture
async def database(any_database: str) -> AsyncIterator[Database]:
    made = Database(open_driver(DatabaseSettings(url=SecretStr(any_database), pool_size=4)))
    yield made
    await made.close()


@pytest.fixture
async def lists(any_database: str, database: Database) -> AsyncIterator[Lists]:  # noqa: ARG001
    queries = Queries(DatabaseSettings(url=SecretStr(any_database)))
    yield Lists(queries)
    await queries.close()


def _random_client(tenant: str, chance: random.Random) -> ClientRecord:
    metadata: dict[str, Any] = {
        "client_name": " ".join(chance.choices(_WORDS, k=chance.randint(1, 3))),
        "token_endpoint_auth_method": chance.choice(["none", "private_key_jwt"]),
        "grant_types": chance.sample(["authorization_code", "refresh_token", "implicit"], k=2),
        "redirect_uris": [
            f"https://{host}:8443/cb"
            for host in chance.sample(["a.example", "B.example", "[::1]"], k=1)
        ],
        "require_pushed_authorization_requests": chance.random() < 0.5,
        "default_max_age": chance.choice([5, 50]),
        "contacts": chance.sample(["x@a.example", 'say "hi"', "true", "5"], k=2),
    }
    for name, values in {
        "software_id": "12",
        "software_version": "12",
        "application_type": ("web", "native"),
    }.items():
        if chance.random() < 0.7:
            metadata[name] = chance.choice(values)
    created = chance.choice(_TIMES)
    ends_at = chance.choice([0, *_TIMES])
    return record(
        tenant=tenant,
        metadata=json.dumps(metadata, ensure_ascii=False, separators=(",", ":")),
        issued_at=created,
        updated_at=created + chance.choice([0, 0, 50]),
        suspended_at=chance.choice([0, 0, 7]),
        owner=chance.choice([None, "alice", "bob"]),
        tags=chance.choice([None, " red ", " red blue "]),
        origin=chance.choice(["open", "import"]),
        bounds=chance.choice([None, '{"policy":"strict"}']),
        client_secrets=json.dumps([{"id": "1", "expires_at": ends_at}]) if ends_at else None,
        expires_at=chance.choice([None, 0, 2**40, *_TIMES]),
    )


_Uses = dict[str, int]


class _Seen(NamedTuple):
    client: ClientRecord
    metadata: dict[str, Any]
    used_at: int


_Oracle = Callable[[_Seen, Any], bool]


def _ends_at(client: ClientRecord) -> int:
    return int(json.loads(client.client_secrets)[0]["expires_at"]) if client.client_secrets else 0


def _has_words(name: str, wanted: str) -> bool:
    return all(any(word.startswith(w) for word in words_of(name)) for w in words_of(wanted))


# What each filter means, said once more and otherwise.
_MEANING: dict[str, _Oracle] = {
    "q": lambda s, v: _has_words(s.metadata["client_name"], v),
    "name": lambda s, v: words_of(s.metadata["client_name"]) == words_of(v),
    "status": lambda s, v: s.client.status == v,
    "origin": lambda s, v: s.client.origin == v,
    "owner": lambda s, v: s.client.owner == v,
    "tag": lambda s, v: v in (s.client.tags or "").split(),
    "software_id": lambda s, v: s.metadata.get("software_id") == v,
    "software_version": lambda s, v: s.metadata.get("software_version") == v,
    "method": lambda s, v: s.metadata["token_endpoint_auth_method"] == v,
    "grant": lambda s, v: v in s.metadata["grant_types"],
    "redirect_host": lambda s, v: v.lower() in map(host_of, s.metadata["redirect_uris"]),
    "application_type": lambda s, v: s.metadata.get("application_type") == v,
    "policy": lambda s, v: s.client.bounds is not None and v == "strict",
    "created_after": lambda s, v: s.client.issued_at >= v,
    "created_before": lambda s, v: s.client.issued_at < v,
    "updated_after": lambda s, v: s.client.updated_at >= v,
    "updated_before": lambda s, v: s.client.updated_at < v,
    "last_used_after": lambda s, v: s.used_at >= v,
    "last_used_before": lambda s, v: s.used_at < v,
    "secret_expires_after": lambda s, v: _ends_at(s.client) >= v,
    "secret_expires_before": lambda s, v: 0 < _ends_at(s.client) < v,
    "expires_after": lambda s, v: 0 < (s.client.expires_at or 0) >= v,
    "expires_before": lambda s, v: 0 < (s.client.expires_at or 0) < v,
    # Of these nobody is told: flows/test_connectors_over_http has some that are.
    "link_state": lambda _, __: False,
    "contains": lambda s, v: v.lower() in s.client.metadata.lower(),
}
_VALUES: dict[str, list[str]] = {
    "q": ["acme", "mail", "ma ac", "über", "100%", "%", "a_b", "_", "none of these"],
    "name": ["acme", "Mail ACME", "none of these"],
    "status": ["active", "suspended", "expired"],
    "origin": ["open", "import", "document"],
    "owner": ["alice", "Alice"],
    "tag": ["red", "blue", "re", "%"],
    "software_id": ["1", "3"],
    "software_version": ["2", "%"],
    "method": ["none", "private_key_jwt", "tls_client_auth"],
    "grant": ["implicit", "refresh_token", "refresh"],
    "redirect_host": ["a.example", "B.EXAMPLE", "::1", "example"],
    "application_type": ["native", "web"],
    "policy": ["strict", "other"],
    "link_state": ["applied", "pending"],
    "contains": ["ACME", "hi", "100%"],
}
_MEMBERS = {
    "require_pushed_authorization_requests": ["true", "false", "1"],
    "default_max_age": ["5", "50", "500"],
    "contacts": ["x@a.example", 'say "hi"', "true", "5", "x"],
    "software_id": ["1"],
    "client_name": ["acme", "ACME"],
    "nothing#de": ["x"],
}


def _is_member(metadata: dict[str, Any], name: str, text: str) -> bool:
    value = metadata.get(name)
    told = [json.dumps(each) for each in (value if isinstance(value, list) else [value])]
    return json.dumps(text) in told or (text in told and text != "null")


def _meant(client: ClientRecord, uses: _Uses, wanted: Filter) -> bool:
    seen = _Seen(client, json.loads(client.metadata), uses.get(client.client_id, 0))
    return all(_MEANING[name](seen, value) for name, value in wanted.values.items()) and all(
        _is_member(seen.metadata, name, text) for name, text in wanted.members.items()
    )


def _random_filter(chance: random.Random) -> Filter:
    given: list[tuple[str, str]] = []
    for name in chance.sample(sorted(FILTERS), k=chance.choice([0, 1, 1, 2, 3])):
        times = [str(time + shift) for time in _TIMES for shift in (-1, 0, 1)]
        given.append((name, chance.choice(_VALUES.get(name, times))))
    if chance.random() < 0.4:
        name = chance.choice(sorted(_MEMBERS))
        given.append((MEMBER + name, chance.choice(_MEMBERS[name])))
    return Filter.parse(given)


def test_every_filter_has_a_meaning_here() -> None:
    assert _MEANING.keys() == FILTERS.keys()


_KEYS: dict[SortKey, Callable[[ClientRecord, _Uses], Any]] = {
    SortKey.CREATED: lambda c, _: (c.issued_at, c.client_id),
    SortKey.UPDATED: lambda c, _: (c.updated_at, c.client_id),
    SortKey.LAST_USED: lambda c, uses: (uses.get(c.client_id, 0), c.client_id),
    # Of clients with one name the order is the database's own.
    SortKey.NAME: lambda c, _: words_of(json.loads(c.metadata)["client_name"]),
}


@pytest.mark.parametrize("limits", [(2000, 5000), (2000, 5), (0, 0)], ids=["few", "dense", "many"])
async def test_a_search_finds_what_a_filter_in_python_would(
    database: Database, lists: Lists, limits: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way is taken, by how many facets there are."""
    monkeypatch.setattr(scoping, "_MANY", limits[0])
    monkeypatch.setattr(scoping, "_DENSE", limits[1])
    monkeypatch.setattr(search, "_NAMES", 3)
    chance, tenant = random.Random(17), new_client_id()  # noqa: S311 - no secret
    made = [_random_client(tenant, chance) for _ in range(_CLIENTS)]
    uses = {each.client_id: chance.choice(_TIMES) for each in chance.sample(made, k=30)}
    await add(database, *made, *(_random_client(f"{tenant}x", chance) for _ in range(9)))
    await database.transact(lambda tx: _use(tx, tenant, uses, chance))
    for _ in range(rounds(15, long=40)):
        wanted = _random_filter(chance)
        sort = Sort(chance.choice(list(SortKey)), chance.random() < 0.5)
        expected = [client for client in made if _meant(client, uses, wanted)]
        found = await _all_pages(
            lists, tenant, wanted, sort, chance.choice([1, 7, 500]) if len(expected) < 20 else 40
        )
        told = f"{wanted} {sort}"
        assert {each.client_id for each in found} == {each.client_id for each in expected}, told
        assert len(found) == len(expected), told
        key = _KEYS[sort.key]
        keys = [key(client, uses) for client in found]
        if sort.key is not SortKey.NAME:
            assert keys == sorted(keys, reverse=sort.is_descending), told
        assert await lists.clients.total(tenant, wanted) == len(expected), told
        assert await lists.clients.count(tenant, wanted) == (len(expected), True), told


async def _use(tx: Transaction, tenant: str, uses: _Uses, chance: random.Random) -> None:
    rows = {(tenant, client_id, ""): moment for client_id, moment in uses.items()}
    for client_id, moment in uses.items():
        if chance.random() < 0.5:
            rows[tenant, client_id, "s1"] = chance.choice([moment, 1])
    await tx.last_uses.write(rows)


async def _all_pages(
    lists: Lists, tenant: str, wanted: Filter, sort: Sort, limit: int
) -> list[ClientRecord]:
    found: list[Match] = []
    while page := await lists.clients.first(
        tenant, wanted, sort, found[-1].place if found else None, limit=limit
    ):
        assert len(page) <= limit
        found += page
    return [each.record for each in found]


async def test_names_are_in_order(database: Database, lists: Lists) -> None:
    tenant = new_client_id()
    names = ["beta", "Alpha", "alpha", "gamma", "Beta two"]
    await add(
        database, *(record(tenant=tenant, metadata=json.dumps({"client_name": n})) for n in names)
    )
    for is_descending in (False, True):
        sort = Sort(SortKey.NAME, is_descending)
        found = await _all_pages(lists, tenant, Filter(), sort, 2)
        told = [words_of(json.loads(each.metadata)["client_name"]) for each in found]
        assert told == sorted(map(words_of, names), reverse=is_descending)


async def test_few_of_many_names_are_found_by_name_at_once(
    database: Database, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many names nobody of them has."""
    monkeypatch.setattr(search, "_NAMES", 2)
    monkeypatch.setattr(search, "_MAX_NAMES", 4)
    tenant = new_client_id()
    made = [
        record(
            tenant=tenant, metadata=f'{{"client_name":"{n:02}"}}', owner="bob" if n > 17 else None
        )
        for n in range(20)
    ]
    await add(database, *made)
    found = await _all_pages(
        lists, tenant, Filter({"owner": "bob"}), Sort(SortKey.NAME, is_descending=False), 1
    )
    assert found == made[-2:]


async def test_an_owner_sees_own_clients_whatever_the_filter(
    database: Database, lists: Lists
) -> None:
    tenant = new_client_id()
    mine, other = record(tenant=tenant, owner="alice"), record(tenant=tenant, owner="bob")
    await add(database, mine, other)
    for given in ([], [("owner", "bob")]):
        found = await lists.clients.first(tenant, Filter.parse(given), limit=9, owner="alice")
        assert [each.record for each in found] == ([] if given else [mine])
        assert (await lists.clients.count(tenant, Filter.parse(given), owner="alice")).value == len(
            found
        )


async def test_many_are_estimated_and_told_so(
    database: Database, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "EXACT", 5)
    tenant = new_client_id()
    await add(database, *(record(tenant=tenant) for _ in range(20)))
    found = await lists.clients.count(tenant)
    assert found.value >= 6
    assert not found.is_exact or found.value == 20


async def test_those_whom_no_index_tells_of_are_found_part_by_part(
    database: Database, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where more are of one second than are read at a time, and a part may have none."""
    monkeypatch.setattr("dcrserver.repositories.queries.clients.windows.FIRST", 3)
    monkeypatch.setattr("dcrserver.repositories.queries.clients._SECONDS", 0)
    tenant = new_client_id()
    rare, common = '{"client_uri":"https://rare.example/"}', "{}"
    made = [
        record(
            tenant=tenant,
            metadata=common if number % 9 else rare,
            issued_at=number // 7,
            updated_at=number // 7 + (number % 2) * (number % 5),
        )
        for number in range(40)
    ]
    await add(database, *made)
    for name in ("metadata.client_uri", "contains"):
        wanted = Filter.parse([(name, "https://rare.example/")])
        for sort in (Sort(key, way) for key in (_CREATED, _UPDATED) for way in (False, True)):
            column = "issued_at" if sort.key is _CREATED else "updated_at"
            meant = [each for each in made if each.metadata == rare]
            meant.sort(key=lambda it, c=column: (getattr(it, c), it.client_id))
            found: list[Match] = []
            place, parts = None, 0
            while place is not None or not parts:
                part = await lists.clients.part(tenant, wanted, sort, place, limit=2)
                found, place, parts = [*found, *part.matches], part.next, parts + 1
            assert [each.record for each in found] == (meant[::-1] if sort.is_descending else meant)
            assert 4 < parts < 20
            complete = await lists.clients.first(tenant, wanted, sort, limit=9)
            assert complete == found


async def test_a_stream_goes_on_where_it_was(database: Database, lists: Lists) -> None:
    tenant = new_client_id()
    made = [record(tenant=tenant, issued_at=number // 3, updated_at=9) for number in range(20)]
    await add(database, *made)
    sort = Sort(SortKey.UPDATED, is_descending=False)
    first = await lists.clients.first(tenant, sort=sort, limit=7)
    rest = [
        each.record
        async for page in lists.clients.stream(tenant, sort=sort, after=first[-1].place)
        for each in page
    ]
    everyone = [*(each.record for each in first), *rest]
    assert sorted(everyone) == sorted(made)


@each(
    "name, value, reason",
    [
        ("colour", "x", "there is no such filter"),
        ("status", "alive", "must be one of"),
        ("created_after", "yesterday", "must be a moment"),
        ("q", "", "must be a text"),
        ("q", "x" * 513, "must be a text"),
        ("owner", "a\0", "must be a text"),
        ("metadata.a'b", "x", "there is no member of that name"),
        ("metadata.", "x", "there is no member of that name"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(name: str, value: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        Filter.parse([(name, value)])


def test_a_filter_is_there_once() -> None:
    with pytest.raises(InvalidInput, match="must be there once"):
        Filter.parse([("owner", "a"), ("owner", "b")])


@each(
    "text, moment",
    [
        ("1970-01-01T00:01:40Z", 100), ("1970-01-01T01:01:40+01:00", 100), ("100", 100),
        ("1970-01-02", 86400), ("9" * 30, 999999999999),
    ],
)  # fmt: skip
def test_moments(text: str, moment: int) -> None:
    assert Filter.parse([("created_after", text)]).values == {"created_after": moment}


@each("sort", ["", "-", "owner", "--name"])
def test_a_sort_that_does_not_exist_is_refused(sort: str) -> None:
    with pytest.raises(InvalidInput, match="must be one of"):
        Sort.parse(sort)


async def test_a_place_of_another_list_is_refused(lists: Lists) -> None:
    for place in ((1,), ("a", 1), (1, None), (1, "a", "b")):
        with pytest.raises(InvalidInput, match="cursor"):
            await lists.clients.first("none", after=place, limit=1)


def test_each_filter_has_a_condition() -> None:
    assert sorted([*FACET_FILTERS, *CLIENT_FILTERS, *DOCUMENT_FILTERS]) == sorted(FILTERS)
