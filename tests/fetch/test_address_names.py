"""Names of addresses: what a reverse zone says counts where the name leads back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from dcrserver.fetch import address_names
from dcrserver.fetch.address_names import AddressNames
from dcrserver.fetch.resolver import NameResolver
from dcrserver.settings import OutboundSettings
from harness.cases import each
from harness.name_server import name_server

SETTINGS = OutboundSettings(timeout=5.0)
HERE = "192.0.2.9"
OTHER = "198.51.100.1"


class Zones:
    """What DNS says: names of addresses, addresses of names; ``None`` in place of an answer is
    silence.
    """

    def __init__(
        self,
        names: Mapping[str, list[str] | None],
        addresses: Mapping[str, list[str] | None] | None = None,
    ) -> None:
        self._names, self._addresses = names, addresses or {}
        self.asked: list[str] = []
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def names(self, address: str, seconds: float) -> list[str]:
        return await self._answer(address, self._names, seconds)

    async def addresses(self, host: str, seconds: float) -> list[str]:
        return await self._answer(host, self._addresses, seconds)

    async def _answer(
        self, name: str, said: Mapping[str, list[str] | None], seconds: float
    ) -> list[str]:
        assert seconds == 2.0
        self.asked.append(name)
        await self.goes_on.wait()
        found = said.get(name, [])
        if found is None:
            raise OSError("nobody answers")
        return found


def _names_of(zones: Zones, text: str | None) -> frozenset[str]:
    return asyncio.run(AddressNames(zones, SETTINGS).of(text))


@pytest.mark.finding("N8")
@each(
    "names, addresses, expected",
    [
        (["a.example.com."], {"a.example.com": [HERE]}, {"a.example.com"}),
        (["A.Example.COM"], {"a.example.com": [OTHER, HERE]}, {"a.example.com"}),
        (["a.example.com"], {"a.example.com": [f"::ffff:{HERE}"]}, {"a.example.com"}),
        # Anybody writes any name into the zone of an address.
        (["a.example.com."], {"a.example.com": [OTHER]}, set()),
        (["a.example.com."], {}, set()),
        ([], {}, set()),
        (["evil.example", "a.example.com"], {"a.example.com": [HERE], "evil.example": [OTHER]},
         {"a.example.com"}),
        (["x.example", "y.example"], {"x.example": [HERE], "y.example": [HERE]},
         {"x.example", "y.example"}),
        # One is confirmed, whatever the other's name server does.
        (["x.example", "y.example"], {"x.example": [HERE], "y.example": None}, {"x.example"}),
        # What is no name of a host is not asked for.
        ([HERE, "", "a b", "..", "*.example.com", "x" * 300], {HERE: [HERE]}, set()),
    ],
)  # fmt: skip
def test_a_name_counts_that_leads_back(
    names: list[str], addresses: Mapping[str, list[str] | None], expected: set[str]
) -> None:
    for text in (HERE, f"::ffff:{HERE}"):
        assert _names_of(Zones({HERE: names}, addresses), text) == expected


async def test_of_many_names_a_few_are_looked_at() -> None:
    names = [f"n{number}.example" for number in range(1000)]
    zones = Zones({HERE: names}, {name: [HERE] for name in names})
    found = await AddressNames(zones, SETTINGS).of(HERE)
    assert len(found) == 8
    assert len(zones.asked) == 9


@each("text", [None, "", "unix", "a.example", "192.0.2.0/24"])
def test_what_is_no_address_has_no_names_and_is_not_asked_about(text: str | None) -> None:
    zones = Zones({})
    assert _names_of(zones, text) == frozenset()
    assert zones.asked == []


@each(
    "zones",
    [
        {"names": {HERE: None}},
        {"names": {HERE: ["a.example"]}, "addresses": {"a.example": None}},
    ],
)
def test_silence_is_no_name_and_is_told(
    zones: dict[str, Mapping[str, list[str] | None]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _names_of(Zones(**zones), HERE) == frozenset()
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line).items() >= {"event": "address_names_unknown", "address": HERE}.items()


async def test_who_never_answers_is_waited_for_no_longer_than_a_look_up_may_take(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Silent(Zones):
        async def names(self, _: str, __: float) -> list[str]:
            await asyncio.Event().wait()
            raise AssertionError

    assert await AddressNames(Silent({}), OutboundSettings(timeout=0.02)).of(HERE) == frozenset()
    assert "no answer in time" in capsys.readouterr().err


async def test_an_answer_is_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(address_names.time, "monotonic", lambda: now)
    zones = Zones({HERE: ["a.example"], "192.0.2.3": None}, {"a.example": [HERE]})
    names = AddressNames(zones, SETTINGS)
    for address, expected, seconds in (
        (HERE, {"a.example"}, 300), (OTHER, set(), 60), ("192.0.2.3", set(), 10),
    ):  # fmt: skip
        for _ in range(3):
            assert await names.of(address) == expected
        assert zones.asked.count(address) == 1, address
        now += seconds - 1
        await names.of(address)
        assert zones.asked.count(address) == 1, address
        now += 2
        assert await names.of(address) == expected
        assert zones.asked.count(address) == 2, address


async def test_those_who_wait_share_one_look_up_and_who_leaves_does_not_end_it() -> None:
    zones = Zones({HERE: ["a.example"]}, {"a.example": [HERE]})
    names = AddressNames(zones, SETTINGS)
    zones.goes_on.clear()
    waiting = [asyncio.create_task(names.of(HERE)) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    zones.goes_on.set()
    assert await asyncio.gather(*waiting[1:]) == [{"a.example"}] * 19
    assert zones.asked == [HERE, "a.example"]


async def test_no_more_is_remembered_and_waited_for_than_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(address_names, "_REMEMBERED", 3)
    monkeypatch.setattr(address_names, "_WAITING", 2)
    zones = Zones({})
    names = AddressNames(zones, SETTINGS)
    for number in range(6):
        await names.of(f"192.0.2.{number}")
    assert len(names._known) == 3  # noqa: SLF001 - what is bounded
    zones.goes_on.clear()
    waiting = [asyncio.create_task(names.of(f"198.51.100.{number}")) for number in range(3)]
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [False, False, True]
    assert "too many wait" in capsys.readouterr().err
    await names.close()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_name_server_is_asked_for_both() -> None:
    said = {
        "9.2.0.192.in-addr.arpa": "a.example.com. b.example.com.",
        "a.example.com": HERE,
        "b.example.com": OTHER,
        f"7.{'0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa": "six.example.com.",
        "six.example.com": "2001:db8::7",
    }
    async with name_server(said) as (where, _):
        settings = OutboundSettings(nameservers=(where,))
        names = AddressNames(NameResolver(settings), settings)
        assert await names.of(HERE) == {"a.example.com"}
        assert await names.of("2001:DB8:0::7") == {"six.example.com"}
