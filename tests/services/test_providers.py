"""Access tokens of an OpenID provider: which of them name an administrator, and of what."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from contextlib import suppress
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import MakeApplication
from dcrserver.errors import InsufficientScope, InvalidToken, Unavailable, UnknownToken
from dcrserver.fetch import HttpFetcher
from dcrserver.limits import UNLIMITED
from dcrserver.rate_limit import RateLimiter
from dcrserver.repositories.transaction import Database
from dcrserver.services.access import provider_keys
from dcrserver.services.access.actors import ActorKind
from dcrserver.services.access.administrators import Administrators
from dcrserver.services.access.providers import Providers
from dcrserver.services.access.scopes import ROLES, expanded
from dcrserver.settings import (
    AdminProviderSettings,
    ConfigurationError,
    OutboundSettings,
    RedisSettings,
    load,
)
from dcrserver.wiring.configured import Configured
from harness.application import Application
from harness.clients import new_key, public_jwk
from harness.properties import examples
from harness.provider import (
    AUDIENCE,
    DISCOVERY,
    ISSUER,
    JWKS,
    KEY,
    Publisher,
    providers,
    signed,
)

RSA = new_key("RS256")
OTHER = new_key()


async def actor(token: str, tenant: str = "default", **settings: Any) -> Any:
    return await providers(Publisher(k1=KEY), **settings).actor(token, tenant)


async def test_a_good_token_names_an_administrator() -> None:
    found = await actor(signed(KEY, name="Ada Lovelace"))
    assert found.kind is ActorKind.ADMINISTRATOR
    assert (found.id, found.name, found.tenant, found.owner) == (
        "corp:ada", "Ada Lovelace", None, None,
    )  # fmt: skip
    assert found.scopes == {"clients:read"}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"name": "Ada", "preferred_username": "al"}, "Ada"),
        ({"preferred_username": "al"}, "al"),
        ({}, "console"),
        ({"name": "a\nb\u202e" + "c" * 200}, "ab" + "c" * 124),
        ({"name": ["Ada"]}, "console"),
    ],
)
async def test_people_see_a_name(told: dict[str, Any], shown: str) -> None:
    assert (await actor(signed(KEY, **told))).name == shown


_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"aud": "https://other.example.com"}, "audience"),
    ({"aud": f"{AUDIENCE}/"}, "audience"),
    ({"aud": ["https://other.example.com"]}, "audience"),
    ({"aud": ...}, "audience"),
    ({"aud": {AUDIENCE: True}}, "audience"),
    ({"exp": ...}, "exp"),
    ({"exp": "tomorrow"}, "exp"),
    ({"exp": True}, "exp"),
    ({"exp": 1e300}, "exp"),
    ({"exp": int(time.time()) - 31}, "expired"),
    ({"iat": ...}, "iat"),
    ({"iat": int(time.time()) + 86_400}, "not good yet"),
    ({"nbf": int(time.time()) + 86_400}, "not good yet"),
    ({"nbf": "now"}, "not good yet"),
    ({"sub": ...}, "sub"),
    ({"sub": ""}, "sub"),
    ({"sub": "x" * 256}, "sub"),
    ({"sub": "a\nb"}, "sub"),
    ({"sub": 7}, "sub"),
    ({"client_id": ...}, "client_id"),
    ({"client_id": ..., "azp": "console"}, "client_id"),
    ({"cnf": {"jkt": "x"}}, "cnf"),
    ({"cnf": None}, "cnf"),
]


@pytest.mark.finding("J1")
@pytest.mark.requirement("R9068-4-03", "R9068-4-05")
@pytest.mark.parametrize(("changes", "told"), _REFUSED)
async def test_a_claim_that_is_wrong_or_missing_is_refused(
    changes: dict[str, Any], told: str
) -> None:
    """Before anybody is asked for a key."""
    publisher = Publisher(k1=KEY)
    with pytest.raises(InvalidToken, match=told):
        await providers(publisher).actor(signed(KEY, **changes), "default")
    assert publisher.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [AUDIENCE, "https://other.example.com"]},
        {"exp": -5},
        {"iat": 5},
        {"nbf": -5},
    ],
)
async def test_several_audiences_and_a_clock_a_little_off_are_fine(changes: dict[str, Any]) -> None:
    """Times are told from now, when the test runs."""
    now = int(time.time())
    told = {name: now + each if type(each) is int else each for name, each in changes.items()}
    assert await actor(signed(KEY, **told))


_HEADERS: list[tuple[dict[str, Any], str]] = [
    ({"typ": "JWT"}, "at\\+jwt"),
    ({"typ": ...}, "at\\+jwt"),
    ({"typ": "dpop+jwt"}, "at\\+jwt"),
    ({"typ": 1}, "at\\+jwt"),
    ({"kid": ...}, "kid"),
    ({"kid": ""}, "kid"),
    ({"kid": "x" * 129}, "kid"),
    ({"kid": "k2"}, "signature"),
    ({"crit": ["exp"], "exp": 1}, "accepted"),
    ({"b64": False}, "accepted"),
]


@pytest.mark.finding("J1")
@pytest.mark.requirement("R9068-4-01")
@pytest.mark.parametrize(("headers", "told"), _HEADERS)
async def test_a_header_that_is_wrong_is_refused(headers: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidToken, match=told):
        await actor(signed(KEY, headers=headers))


@pytest.mark.requirement("R9068-4-01")
@pytest.mark.parametrize("said", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_the_type_is_a_media_type(said: str) -> None:
    assert await actor(signed(KEY, headers={"typ": said}))


@pytest.mark.finding("J1")
@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
async def test_a_header_that_leads_to_a_key_leads_nowhere(name: str) -> None:
    publisher = Publisher(k1=KEY)
    evil = {
        "jku": "https://evil.example.com/jwks",
        "x5u": "https://evil.example.com/x5u",
        "jwk": public_jwk(OTHER, kid="k1"),
        "x5c": ["MIIB"],
    }
    with pytest.raises(InvalidToken, match="signature"):
        await providers(publisher).actor(signed(OTHER, headers={name: evil[name]}), "default")
    assert set(publisher.asked) == {DISCOVERY, JWKS}


@pytest.mark.finding("J1")
@pytest.mark.requirement("R9068-4-04")
async def test_a_symmetric_or_missing_signature_is_refused() -> None:
    """Also by the public key as a secret, whatever form it is written in."""
    public = json.dumps(public_jwk(KEY, kid="k1")).encode()
    for token in (
        signed(None, "none"),
        signed(public, "HS256"),
        signed(KEY, headers={"alg": "None"}),
        signed(KEY, headers={"alg": ...}),
        signed(KEY).rpartition(".")[0] + ".",
    ):
        with pytest.raises(InvalidToken):
            await actor(token)


async def test_the_algorithm_is_one_of_the_list_and_of_the_key() -> None:
    publisher = Publisher()
    publisher.documents[JWKS] = {"keys": [
        public_jwk(RSA, "RS256", kid="both"), public_jwk(RSA, "RS256", kid="one", alg="PS256"),
        public_jwk(RSA, "RS256", kid="enc", use="enc"),
    ]}  # fmt: skip
    made = providers(publisher, algorithms=["RS256", "PS256"])
    for kid, algorithm, good in (
        ("both", "RS256", True), ("both", "PS256", True), ("both", "RS512", False),
        ("one", "PS256", True), ("one", "RS256", False), ("enc", "RS256", False),
    ):  # fmt: skip
        token = signed(RSA, algorithm, kid=kid)
        if good:
            assert await made.actor(token, "default")
        else:
            with pytest.raises(InvalidToken):
                await made.actor(token, "default")


async def test_a_key_that_is_no_good_takes_nothing_from_its_neighbours() -> None:
    publisher = Publisher(k1=KEY)
    keys = publisher.documents[JWKS]["keys"]
    keys += [{"kty": "oct", "k": "c2VjcmV0", "kid": "s"}, {"kty": "RSA", "kid": "k1"}, 7]
    assert await providers(publisher).actor(signed(KEY), "default")
    with pytest.raises(InvalidToken):
        await providers(publisher).actor(signed(b"secret" * 8, "HS256", kid="s"), "default")


def _altered(token: str, place: int, octet: int) -> str:
    """One octet of what was signed, or of the signature, is another."""
    parts = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]
    joined, at = b"".join(parts), place % sum(map(len, parts))
    changed = joined[:at] + bytes([joined[at] ^ octet]) + joined[at + 1 :]
    made, begin = [], 0
    for part in parts:
        piece = changed[begin : begin + len(part)]
        made.append(base64.urlsafe_b64encode(piece).rstrip(b"=").decode())
        begin += len(part)
    return ".".join(made)


@pytest.mark.finding("J1")
@given(place=st.integers(0, 10_000), octet=st.integers(1, 255))
@examples(300)
def test_no_altered_octet_lets_anybody_in(place: int, octet: int) -> None:
    forged = _altered(signed(KEY), place, octet)

    async def tried() -> None:
        try:
            found = await actor(forged)
        except InvalidToken:
            return
        assert found is None  # its issuer is somebody else now

    asyncio.run(tried())


_CLAIM = st.sampled_from(["iss", "sub", "aud", "exp", "iat", "client_id", "nbf", "cnf", "scope"])
_VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20), st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)  # fmt: skip


@pytest.mark.finding("J1")
@given(
    changes=st.dictionaries(_CLAIM, _VALUE, max_size=4),
    headers=st.dictionaries(st.sampled_from(["typ", "kid", "jwk", "crit", "x"]), _VALUE),
)
@examples(300)
def test_what_another_key_signed_lets_nobody_in(
    changes: dict[str, Any], headers: dict[str, Any]
) -> None:
    """Whatever it says."""
    forged = signed(OTHER, headers=headers, **changes)

    async def tried() -> None:
        try:
            found = await actor(forged)
        except InvalidToken:
            return
        assert found is None

    asyncio.run(tried())


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c.d", "adm_abc", "iat_x"])
async def test_what_is_no_jwt_is_for_others(token: str) -> None:
    assert await actor(token) is None


@pytest.mark.requirement("R9068-4-02")
@pytest.mark.parametrize("iss", ["https://other.example.com", f"{ISSUER}/", ISSUER.upper(), ..., 7])
async def test_a_token_of_another_issuer_is_for_others(iss: Any) -> None:
    if iss == 7:
        iss = "7"
    assert await actor(signed(KEY, iss=iss)) is None


async def test_a_long_token_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidToken, match="too long"):
        await actor(signed(KEY, padding="x" * 20_000))


# --- providers that do not write at+jwt


@pytest.mark.parametrize("said", ["JWT", ..., "at+jwt"])
@pytest.mark.parametrize("client", ["client_id", "azp", "appid"])
async def test_a_provider_may_be_excused_from_writing_at_jwt(said: Any, client: str) -> None:
    changes = {"client_id": ..., client: "console", "typ": "Bearer"}
    token = signed(KEY, headers={"typ": said}, **changes)
    assert (await actor(token, require_at_jwt=False)).name == "console"


@pytest.mark.finding("J2")
@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        ({"typ": "JWT"}, {"nonce": "n"}),
        ({"typ": "JWT"}, {"at_hash": "h"}),
        ({"typ": "JWT"}, {"typ": "ID"}),
        ({"typ": "JWT"}, {"typ": "Refresh"}),
        ({"typ": "JWT"}, {"client_id": ...}),
        ({"typ": "logout+jwt"}, {}),
        ({"typ": "dpop+jwt"}, {}),
    ],
)
async def test_an_id_token_is_no_access_token(
    headers: dict[str, Any], changes: dict[str, Any]
) -> None:
    for required in (True, False):
        with pytest.raises(InvalidToken):
            await actor(signed(KEY, headers=headers, **changes), require_at_jwt=required)


# --- what it lets do


_MAPPED = {"dcr-admins": ["administrator"], "it:look": ["viewer", "events:read"]}


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({"scope": "openid clients:read internal_dcr_delete"}, {"clients:read", "clients:delete"}),
        ({"scope": ["clients:read", 7, "openid"]}, {"clients:read"}),
        ({"scope": ...}, set()),
        ({"scope": {"clients:read": True}}, set()),
        ({"scope": "administrator"}, set()),
        ({"scope": "it:look"}, {*ROLES["viewer"], "events:read"}),
        ({"scope": "", "realm_access": {"roles": ["dcr-admins"]}}, set(ROLES["administrator"])),
        ({"scope": "", "realm_access": {"roles": "dcr-admins"}}, set(ROLES["administrator"])),
        ({"scope": "", "realm_access": {"roles": ["administrator"]}}, set()),
        ({"scope": "", "realm_access": {"roles": ["clients:read"]}}, set()),
        ({"scope": "", "realm_access": ["roles"]}, set()),
        ({"scope": "clients:create clients:update"}, {"clients:create", "clients:update"}),
    ],
)
async def test_scopes_are_our_own_and_others_by_the_table(
    changes: dict[str, Any], scopes: set[str]
) -> None:
    """Neither our roles nor our scopes count where they stand among others' roles."""
    settings = {"roles_claim": "realm_access.roles", "scopes": _MAPPED}
    found = await actor(signed(KEY, **changes), **settings)
    assert found.scopes == expanded(scopes)


async def test_a_claim_may_be_called_as_a_url_is() -> None:
    claim = "https://example.com/roles"
    found = await actor(
        signed(KEY, **{"scope": ..., claim: ["dcr-admins"]}), roles_claim=claim, scopes=_MAPPED
    )
    assert found.may("clients:write")


async def test_without_a_scope_nothing_may_be_done() -> None:
    with pytest.raises(InsufficientScope):
        (await actor(signed(KEY, scope="openid"))).require("clients:read")


_OWNERS = {
    "owner_claim": "department",
    "roles_claim": "roles",
    "scopes": {"own": ["owner"], "look": ["viewer"], "all": ["administrator"]},
}


@pytest.mark.finding("J3")
@pytest.mark.parametrize(
    ("changes", "owner"),
    [
        ({"roles": ["own"], "department": "sales"}, "sales"),
        ({"roles": ["own", "look"], "department": "sales"}, "sales"),
        ({"roles": [], "scope": "clients:write", "department": "sales"}, "sales"),
        ({"roles": ["look"], "scope": "clients:delete", "department": "sales"}, "sales"),
        ({"roles": ["look"], "scope": "clients:read", "department": "sales"}, None),
        ({"roles": ["all"], "department": "sales"}, None),
        ({"roles": ["all", "own"]}, None),
        ({"roles": ["look"]}, None),
    ],
)
async def test_a_token_is_bound_to_an_owner_unless_roles_give_all_of_it(
    changes: dict[str, Any], owner: str | None
) -> None:
    found = await actor(signed(KEY, **{"scope": ..., **changes}), **_OWNERS)
    assert found.owner == owner


@pytest.mark.finding("J3")
async def test_an_owner_may_nothing_but_what_clients_need_unless_a_role_says_so() -> None:
    """Or a token of ours could be issued that is bound to nobody."""
    scope = "clients:write tokens:write policies:write secrets:write"
    token = signed(KEY, scope=scope, roles=["look"], department="sales")
    found = await actor(token, **_OWNERS)
    assert found.owner == "sales"
    assert found.scopes == expanded({"clients:write", "secrets:write", *ROLES["viewer"]})


@pytest.mark.finding("J3")
@pytest.mark.parametrize("department", [..., "", 7, ["sales"], "x" * 256, "a\nb"])
async def test_a_token_that_is_to_be_bound_and_names_no_owner_is_refused(department: Any) -> None:
    with pytest.raises(InsufficientScope, match="owner"):
        await actor(signed(KEY, scope=..., roles=["own"], department=department), **_OWNERS)


@pytest.mark.parametrize(
    ("settings", "changes", "tenant", "found"),
    [
        ({}, {}, "acme", None),
        ({"tenants": ["acme"]}, {}, "acme", "acme"),
        ({"tenants": ["acme"]}, {}, "beta", ...),
        ({"tenant_claim": "t"}, {"t": "acme"}, "acme", "acme"),
        ({"tenant_claim": "t"}, {"t": ["acme", "beta"]}, "beta", "beta"),
        ({"tenant_claim": "t"}, {"t": "acme"}, "beta", ...),
        ({"tenant_claim": "t"}, {}, "acme", ...),
        ({"tenant_claim": "t"}, {"t": "*"}, "acme", None),
        ({"tenant_claim": "t", "tenants": ["acme"]}, {"t": "*"}, "acme", ...),
        ({"tenant_claim": "t", "tenants": ["acme"]}, {"t": "beta"}, "beta", ...),
        ({"tenant_claim": "t", "tenants": ["acme"]}, {"t": ["acme"]}, "acme", "acme"),
    ],
)
async def test_a_token_is_for_the_tenants_that_both_name(
    settings: dict[str, Any], changes: dict[str, Any], tenant: str, found: Any
) -> None:
    token = signed(KEY, **changes)
    if found is ...:
        with pytest.raises(InsufficientScope, match="not for this tenant"):
            await actor(token, tenant, **settings)
    else:
        assert (await actor(token, tenant, **settings)).tenant == found


# --- its keys


class _Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + self._ahead)

    def pass_by(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    return _Clock(monkeypatch)


async def test_keys_are_read_once_for_many() -> None:
    publisher = Publisher(k1=KEY)
    made = providers(publisher)
    await asyncio.gather(*(made.actor(signed(KEY), "default") for _ in range(20)))
    assert publisher.asked == [DISCOVERY, JWKS]
    assert made.looked_at == {("corp", "accepted"): 20}


async def test_a_rotation_works_at_once_for_all_who_come() -> None:
    publisher = Publisher(k1=KEY)
    made = providers(publisher)
    assert await made.actor(signed(KEY), "default")
    publisher.publish(k2=OTHER)
    tokens = [signed(OTHER, kid="k2") for _ in range(20)]
    assert all(await asyncio.gather(*(made.actor(token, "default") for token in tokens)))
    assert publisher.asked == [DISCOVERY, JWKS] * 2
    with pytest.raises(InvalidToken, match="signature"):
        await made.actor(signed(KEY), "default")


@pytest.mark.finding("J1")
async def test_a_key_that_the_provider_withdrew_is_good_no_longer_than_it_is_remembered(
    clock: _Clock,
) -> None:
    """Also while nobody comes with another one, which would make us look."""
    publisher = Publisher(k1=KEY)
    made = providers(publisher)
    assert await made.actor(signed(KEY), "default")
    publisher.publish(k2=OTHER)
    for _ in range(2):  # the first who come late are let in while it is read anew
        clock.pass_by(600)
        with suppress(InvalidToken):
            await made.actor(signed(KEY), "default")
        await asyncio.sleep(0)
    with pytest.raises(InvalidToken, match="signature"):
        await made.actor(signed(KEY), "default")


async def test_whoever_lost_a_role_has_nothing_of_it_by_the_next_token() -> None:
    """What a token said before is remembered for nobody."""
    made = providers(Publisher(k1=KEY), scopes={"dcr": ["administrator"]})
    before = await made.actor(signed(KEY, scope="dcr"), "default")
    after = await made.actor(signed(KEY, scope="guest"), "default")
    assert before is not None
    assert after is not None
    assert (before.may("clients:delete"), after.scopes) == (True, frozenset())


@pytest.mark.finding("J4")
async def test_invented_kids_do_not_make_us_fetch(clock: _Clock) -> None:
    publisher = Publisher(k1=KEY)
    publisher.max_age = 0
    made = providers(publisher)
    for _ in range(3):
        before = len(publisher.asked)
        for number in range(50):
            with pytest.raises(InvalidToken):
                await made.actor(signed(OTHER, kid=f"evil{number}"), "default")
        assert len(publisher.asked) - before <= 4
        clock.pass_by(provider_keys.REFETCH_SECONDS)


async def test_a_provider_that_is_away_keeps_nobody_out_for_a_while(clock: _Clock) -> None:
    publisher = Publisher(k1=KEY)
    made = providers(publisher)
    assert await made.actor(signed(KEY), "default")
    publisher.away = True
    clock.pass_by(600)
    assert await made.actor(signed(KEY), "default")
    clock.pass_by(3600)
    with pytest.raises(Unavailable, match="the keys of the provider corp cannot be read") as away:
        await made.actor(signed(KEY), "default")
    assert away.value.retry_after > 0
    assert "nobody there" not in away.value.description
    publisher.away = False
    clock.pass_by(6)
    assert await made.actor(signed(KEY), "default")
    assert made.looked_at == {("corp", "accepted"): 3, ("corp", "temporarily_unavailable"): 1}


async def test_a_silent_provider_holds_up_nobody_whose_key_is_known(
    clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_keys, "_PATIENCE_SECONDS", 0.01)
    publisher = Publisher(k1=KEY)
    made = providers(publisher)
    assert await made.actor(signed(KEY), "default")
    clock.pass_by(600)
    publisher.silent = asyncio.Event()
    assert await made.actor(signed(KEY), "default")
    unknown = asyncio.create_task(made.actor(signed(OTHER, kid="k2"), "default"))
    publisher.publish(k1=KEY, k2=OTHER)
    publisher.silent.set()
    assert await unknown


async def test_nobody_is_called_a_forger_while_the_provider_is_away() -> None:
    """At the start, and where a key may be new."""
    publisher = Publisher(k1=KEY)
    made = providers(publisher)
    publisher.away = True
    with pytest.raises(Unavailable):
        await made.actor(signed(KEY), "default")
    late = providers(publisher)
    publisher.away = False
    assert await late.actor(signed(KEY), "default")
    publisher.away = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            await late.actor(signed(OTHER, kid="k2"), "default")
    assert await late.actor(signed(KEY), "default")


@pytest.mark.parametrize("said", [b"<html>", b"[]", {"keys": "none"}, {}, b""])
async def test_one_bad_answer_takes_no_key_away(clock: _Clock, said: Any) -> None:
    publisher = Publisher(k1=KEY)
    made = providers(publisher)
    assert await made.actor(signed(KEY), "default")
    for url in (JWKS, DISCOVERY):
        publisher.documents[url] = said
        clock.pass_by(600)
        assert await made.actor(signed(KEY), "default")


@pytest.mark.finding("J5")
@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example.com", "jwks_uri": JWKS},
        {"jwks_uri": JWKS},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": "http://id.example.com/jwks"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER, "jwks_uri": 7},
    ],
)
async def test_a_document_that_is_not_the_providers_names_no_keys(metadata: Any) -> None:
    publisher = Publisher(k1=KEY)
    publisher.documents |= {DISCOVERY: metadata, "http://id.example.com/jwks": {"keys": []}}
    with pytest.raises(Unavailable):
        await providers(publisher).actor(signed(KEY), "default")


async def test_metadata_may_be_where_oauth_has_them() -> None:
    publisher = Publisher(k1=KEY)
    where = "https://id.example.com/.well-known/oauth-authorization-server/corp"
    publisher.documents[where] = publisher.documents.pop(DISCOVERY)
    assert await providers(publisher).actor(signed(KEY), "default")
    assert publisher.asked == [DISCOVERY, where, JWKS]


@pytest.mark.finding("J5")
async def test_only_what_the_operator_named_may_be_inside() -> None:
    """What a document of the provider's names is asked as what a client names."""
    elsewhere = "https://keys.example.net/jwks"
    publisher = Publisher(k1=KEY)
    publisher.documents[elsewhere] = publisher.documents[JWKS]
    publisher.documents[DISCOVERY]["jwks_uri"] = elsewhere
    assert await providers(publisher).actor(signed(KEY), "default")
    assert publisher.as_operator == {DISCOVERY}
    assert await providers(publisher, jwks_uri=elsewhere).actor(signed(KEY), "default")
    assert publisher.as_operator == {DISCOVERY, elsewhere}


@pytest.mark.finding("J6")
async def test_two_providers_have_keys_and_people_of_their_own() -> None:
    publisher = Publisher(k1=KEY)
    second = "https://login.example.org"
    publisher.documents |= {
        f"{second}/.well-known/openid-configuration": {
            "issuer": second, "jwks_uri": f"{second}/jwks",
        },
        f"{second}/jwks": {"keys": [public_jwk(OTHER, kid="k1")]},
    }  # fmt: skip
    settings = {
        name: AdminProviderSettings(issuer=issuer, audience=AUDIENCE)
        for name, issuer in (("corp", ISSUER), ("partner", second))
    }
    made = Providers(settings, cast("HttpFetcher", publisher), OutboundSettings())
    assert (await made.actor(signed(KEY), "default")).id == "corp:ada"
    assert (await made.actor(signed(OTHER, iss=second), "default")).id == "partner:ada"
    for key, issuer in ((OTHER, ISSUER), (KEY, second)):
        with pytest.raises(InvalidToken, match="signature"):
            await made.actor(signed(key, iss=issuer), "default")


async def test_nobody_asks_the_database_about_a_jwt() -> None:
    who = Administrators(
        cast("Database", None),
        providers(Publisher(k1=KEY)),
        RateLimiter(RedisSettings()),
        UNLIMITED,
    )
    assert (await who.find("default", signed(KEY))).id == "corp:ada"
    assert who.are_told_by(signed(KEY))
    with pytest.raises(UnknownToken):
        await who.find("default", signed(KEY, iss="https://other.example.com"))


async def test_what_is_no_jwt_goes_where_it_went_before(app: Application) -> None:
    who = app.runtime.administrators
    headers = await app.admin_token("clients:read")
    found = await who.find("default", headers["Authorization"].removeprefix("Bearer "))
    assert found.may("clients:read")
    assert not who.are_told_by(signed(KEY))
    assert not who.are_told_by("iat_x")
    with pytest.raises(UnknownToken):
        await who.find("default", signed(KEY))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"scopes": {"x": ["clients:raed"]}},
            "scopes: clients:raed: no such scope or role; did you mean clients:read?",
        ),
        ({"scopes": {"x": ["admin"]}}, "scopes: admin: no such scope or role"),
        ({"scopes": {"x": ["owner"]}}, "owner_claim: the role owner needs a claim"),
    ],
)
def test_what_a_provider_is_to_give_must_be_something(settings: dict[str, Any], told: str) -> None:
    made = {"issuer": ISSUER, "audience": AUDIENCE} | settings
    with pytest.raises(ConfigurationError) as refusal:
        Configured(load(admin={"providers": {"corp": made}}))
    assert f"admin.providers.corp.{told}" in str(refusal.value)


async def test_tokens_of_providers_are_counted(make_app: MakeApplication) -> None:
    made = {"issuer": ISSUER, "audience": AUDIENCE}
    app = await make_app(admin={"providers": {"corp": made}})
    answer = await app.http.get(
        "/authorization-server/clients/x",
        headers={"Authorization": f"Bearer {signed(KEY, aud='x')}"},
    )
    assert answer.status_code == 401
    scrape = (await app.http.get("/metrics")).text
    counted = 'dcrserver_admin_provider_tokens_total{outcome="invalid_token",provider="corp"} 1.0'
    assert counted in scrape
