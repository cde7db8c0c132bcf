"""All tenants of a process: how they are found, and that nobody keeps one of before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import MakeApplication
from dcrserver.metadata import Terms
from dcrserver.metadata.model import once
from dcrserver.metadata.plan import plan_for
from dcrserver.security import SecretBox
from dcrserver.tenants import Tenant, TenantConflict, TenantRegistry, TenantSnapshot
from dcrserver.wiring.tenants import TenantFactory
from harness.application import BASE_URL, CALLBACK, settings

HOST = "https://a.example"
OAUTH = "/.well-known/oauth-authorization-server"


def tenant(name: str, path: str, terms: Terms | None = None) -> Tenant:
    return Tenant(
        name=name,
        issuer=f"{HOST}{path}",
        members={"issuer": f"{HOST}{path}"},
        terms=terms or Terms(),
        webfinger=frozenset(),
        issues_tokens=True,
    )


def registry(*paths: str, base: str = "") -> TenantRegistry:
    return TenantRegistry(
        [tenant("default", base), *(tenant(f"at {path}", path) for path in paths)]
    )


PATHS = st.lists(st.sampled_from(["/a", "/b", "/c"]), max_size=4).map("".join)


@given(st.lists(PATHS.filter(bool), max_size=6), PATHS, PATHS, st.sampled_from(["", "/", "//"]))
def test_a_path_belongs_to_the_tenant_that_it_is_below(
    paths: list[str], base: str, asked: str, end: str
) -> None:
    """As asking all of them would say, the longest path first."""
    try:
        tenants = registry(*set(paths) - {base}, base=base)
    except TenantConflict:
        return
    path = asked + end
    matches = [each for each in tenants if path.startswith(f"{each.path}/") and each.path]
    longest = max(matches, key=lambda each: len(each.path), default=None)
    expected = (longest, path[len(longest.path) :]) if longest else (tenants.now.default, path)
    assert tenants.now.at(path) == expected


class Counted(dict[str, Tenant]):
    asked = 0

    def get(self, key: str, _: object = None) -> Tenant | None:  # type: ignore[override]
        self.asked += 1
        return super().get(key)


def test_a_look_up_asks_no_more_often_than_paths_are_deep() -> None:
    """However many tenants there are, and however many slashes somebody sends."""
    made = registry(*(f"/t/{number}" for number in range(1000))).now
    counted = Counted(made.by_path)
    snapshot = TenantSnapshot(made.default, made.by_name, counted, {}, 2)
    assert snapshot.at("/t/999/register")[0].name == "at /t/999"
    assert snapshot.at("/" * 60_000)[0].name == "default"
    assert counted.asked == 4


@pytest.mark.parametrize("path", ["/register", "/register/x", "/auth/register", "/auth/register/x"])
def test_what_is_reserved_is_refused_now_and_later(path: str) -> None:
    tenants = registry(path, base="/auth")
    with pytest.raises(TenantConflict, match=f"the path {path} cannot be that of a tenant"):
        tenants.reserve({"register"})
    later = registry("/fine", base="/auth")
    later.reserve({"register"})
    with pytest.raises(TenantConflict, match="cannot be that of a tenant"):
        later.update([tenant("late", path)])
    assert set(later.now.by_name) == {"default", "at /fine"}


def test_a_name_that_only_begins_like_ours_is_free() -> None:
    registry("/registered", "/authregister", base="/auth").reserve({"register"})


def test_a_snapshot_stays_as_it_is() -> None:
    tenants = registry("/a")
    before = tenants.now
    tenants.update([tenant("at /a", "/b")])
    assert before.at("/a/x")[0].path == "/a"
    assert (tenants.now.at("/a/x")[0].name, tenants.now.at("/b/x")[0].path) == ("default", "/b")


async def test_a_tenant_that_comes_and_goes_is_everywhere_and_nowhere(
    make_app: MakeApplication,
) -> None:
    app = await make_app(tokens={"enabled": False})
    late = TenantFactory(
        settings("sqlite://", tenants={"late": {"webfinger": ["late.example"]}}), SecretBox([])
    ).tenant("late", None)
    finger = "/.well-known/webfinger?resource=https://late.example"
    for there in (False, True, False):
        if there:
            app.runtime.tenants.update([late])
        elif "late" in app.runtime.tenants.now.by_name:
            app.runtime.tenants.replace([app.runtime.default_tenant])
        found = await app.http.get(f"/t/late{OAUTH}")
        inserted = await app.http.get(f"{OAUTH}/t/late")
        made = await app.http.post("/t/late/register", json={"redirect_uris": [CALLBACK]})
        webfinger = await app.http.get(finger)
        described = (await app.http.get("/openapi.json")).json()["paths"]
        assert [each.status_code for each in (found, inserted, webfinger, made)] == (
            [200, 200, 200, 201] if there else [404] * 4
        )
        assert ("/token" in described) is there
        if there:
            assert found.json()["issuer"] == f"{BASE_URL}/t/late"


def test_terms_of_many_tenants_are_worked_out_once_each() -> None:
    """A cache of so many entries would be emptied by tenants that take turns."""
    many = [Terms() for _ in range(2000)]
    first = [plan_for(terms) for terms in many]
    assert all(plan_for(terms) is plan for terms, plan in zip(many, first, strict=True))


def test_what_is_worked_out_of_terms_is_kept_in_them() -> None:
    asked = []

    @once
    def counted(terms: Terms) -> list[Terms]:
        asked.append(terms)
        return asked

    terms = Terms()
    assert counted(terms) is counted(terms)
    assert asked == [terms]
    assert list(terms.derived.values()) == [asked]


def test_tenants_without_a_server_of_their_own_share_their_terms() -> None:
    made = settings(
        "sqlite://",
        tenants={"a": {}, "b": {}, "closed": {"mode": "closed"}, "other": {"policy": "strict"},
                 "own": {"authorization_server": {"scopes_supported": ["x"]}}},
        policies={"strict": {}},
    )  # fmt: skip
    all_of_them = {each.name: each for each in TenantFactory(made, SecretBox([])).all({})}
    terms = {name: each.terms for name, each in all_of_them.items()}
    assert terms["a"] is terms["b"]
    assert len({id(each) for each in terms.values()}) == len(terms) - 1
    assert all_of_them["a"].policies["strict"] is terms["other"]
    assert terms["own"].server.supported("scopes_supported") == ("x",)


def _calls(work: Callable[[], object]) -> int:
    """How many functions are called: what a busy machine cannot blur."""
    counted = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


def _made(tenants: int) -> Iterator[Tenant]:
    named = {f"t{number}": {"webfinger": [f"{number}.example"]} for number in range(tenants)}
    return TenantFactory(settings("sqlite://", tenants=named), SecretBox([])).all({})


def test_many_tenants_cost_in_proportion() -> None:
    """Reading the configuration, making them and comparing them with each other."""
    few, many = (_calls(lambda n=number: TenantRegistry(_made(n))) for number in (250, 1000))
    assert many < 4.5 * few
