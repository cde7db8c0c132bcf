"""What a submission is with its software statement; a dictionary stands in for the database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any, cast

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from dcrserver import jose
from dcrserver.errors import (
    InvalidClientMetadata,
    InvalidSoftwareStatement,
    UnapprovedSoftwareStatement,
)
from dcrserver.fetch import HttpFetcher
from dcrserver.metadata import ClientMetadata, Policy, Terms
from dcrserver.names import ClientOrigin
from dcrserver.repositories.access_tokens import SpentIdentifier
from dcrserver.repositories.transaction import AlreadyThere, Database
from dcrserver.services.audit import EventType
from dcrserver.services.authentication.replay import digest_of
from dcrserver.services.software_statements import reader
from dcrserver.services.software_statements.keys import StatementKeys
from dcrserver.services.software_statements.reader import (
    UNSTATED,
    SoftwareStatements,
    Submitted,
    of_elsewhere,
)
from dcrserver.settings import OutboundSettings, StatementIssuerSettings
from dcrserver.signing import public_jwk
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant, TrustedIssuer
from harness.statements import ISSUER, claims, key_set, statement
from services.test_statement_verification import OURS, stated, tenant

KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
RSA, EC = key_set()["keys"]
USED = "software_statement was used before"
MISSING = "software_statement must be sent: a trusted issuer has to vouch for the software"
FORGED = "the signature of software_statement is not that of a key of its issuer"
NOT_ITS_OWN = "the signature of the request is not that of a key that its statement names"
NOT_HERE = (
    "the signature of software_statement is of no key in a file of its issuer's entry; none is"
    " fetched here"
)


class Spent:
    """Stands in for the database: what was spent, by tenant and digest."""

    def __init__(self) -> None:
        self.there: set[tuple[str, str]] = set()
        self.spent_identifiers = self

    @asynccontextmanager
    async def read(self) -> Any:
        yield self

    async def has(self, tenant_name: str, digest: str) -> bool:
        return (tenant_name, digest) in self.there

    def spend(self, made: Submitted) -> None:
        self.there |= {(each.tenant, each.digest) for each in made.spent}


@pytest.fixture
def spent() -> Spent:
    return Spent()


@pytest.fixture
def statements(spent: Spent) -> SoftwareStatements:
    # Keys are in files, so that nothing is fetched.
    keys = StatementKeys(HttpFetcher(OutboundSettings()), OutboundSettings())
    return SoftwareStatements(cast("Database", spent), keys)


def trusting(**more: Any) -> Tenant:
    """By keys of a file: two, of which one signed."""
    entry = StatementIssuerSettings.model_validate(
        {"issuer": ISSUER, "jwks_uri": "https://a.example/jwks"} | more
    )
    return tenant(statement_issuers={ISSUER: TrustedIssuer(entry, keys=(RSA, EC))})


def terms(mode: str = "allowed", *, administrator: bool = False, **choices: Any) -> Terms:
    policy = Policy.model_validate({"statements_mode": mode, "software_statements": choices})
    return Terms(policy, administrator=administrator)


def sent(*, text: Any, **members: Any) -> JsonObject:
    return {"client_name": "Sent", "software_statement": text} | members


async def test_claims_win_and_what_was_sent_is_kept_as_it_is(
    statements: SoftwareStatements,
) -> None:
    text = statement(jti="one", exp=4_000_000_000, iat=...)
    judged = terms(maximum_lifetime=2**40)
    made = await statements.read(trusting(), sent(text=text), judged)
    assert made.members["client_name"] == "From the statement"
    assert made.overruled == ("client_name",)
    assert made.kept == {"software_statement": text, "software_statement_issuer": ISSUER}
    assert made.is_new
    assert made.born(ClientOrigin.OPEN) is ClientOrigin.SOFTWARE_STATEMENT
    digest = digest_of(f"software_statement:{ISSUER}", "one")
    assert made.spent == (SpentIdentifier("t", digest, 4_000_000_031),)
    software = made.claims["software_id"]
    told = {"issuer": ISSUER, "software_id": software, "jti": "one"}
    assert made.told() == {"software_statement": told}


async def test_a_statement_is_used_once_at_each_tenant(
    statements: SoftwareStatements, spent: Spent
) -> None:
    text = statement(jti="one")
    spent.spend(await statements.read(trusting(), sent(text=text), terms()))
    with pytest.raises(InvalidSoftwareStatement) as refused:
        await statements.read(trusting(), sent(text=text), terms())
    assert refused.value.description == USED
    assert (await statements.read(trusting(), sent(text=statement(jti="two")), terms())).spent
    reusable = trusting(reusable=True)
    assert (await statements.read(reusable, sent(text=text), terms())).spent == ()


async def test_what_the_policy_says_of_its_age_ends_what_is_remembered(
    statements: SoftwareStatements,
) -> None:
    said = claims(jti="one", exp=...)
    text = statement(**{**said, "exp": ...})
    made = await statements.read(trusting(), sent(text=text), terms(maximum_age=500))
    assert made.spent[0].expires_at == said["iat"] + 531


async def test_without_a_statement_there_is_none_or_no_registration(
    statements: SoftwareStatements,
) -> None:
    for text in (None, ""):
        made = await statements.read(trusting(), sent(text=text), terms())
        assert made.members == {"client_name": "Sent"}
        assert made.terms.policy.statements_mode == "allowed"
        assert (made.kept, made.claims, made.told(), made.spent) == ({}, {}, {}, ())
        assert made.born(ClientOrigin.OPEN) is ClientOrigin.OPEN
        with pytest.raises(InvalidSoftwareStatement) as refused:
            await statements.read(trusting(), sent(text=text), terms("required"))
        assert refused.value.description == MISSING
    excused = await statements.read(trusting(), sent(text=None), terms("required"), excused=True)
    assert excused.excused
    assert excused.members == {"client_name": "Sent"}
    assert excused.terms.policy.statements_mode != "required"
    assert excused.told() == {"without_software_statement": True}


async def test_where_none_is_read_a_member_of_that_name_is_as_any(
    statements: SoftwareStatements,
) -> None:
    members, judged = sent(text="x"), terms("ignored")
    made = await statements.read(trusting(), members, judged)
    assert made == Submitted(members, judged)
    assert of_elsewhere(trusting(), members, judged) == Submitted(members, judged)


async def test_the_key_that_is_named_must_have_signed(statements: SoftwareStatements) -> None:
    """Without a name any of its kind; a name of another key is no signature of that."""
    for header in ({}, {"kid": None}):
        made = await statements.read(trusting(), sent(text=statement(header=header)), terms())
        assert made.statement is not None
    forged = (
        statement(header={"kid": "ss-2"}),
        statement("ES256", header={"kid": "ss-1"}),
    )
    for text in forged:
        with pytest.raises(InvalidSoftwareStatement) as refused:
            await statements.read(trusting(), sent(text=text), terms())
        assert refused.value.description == FORGED
        with pytest.raises(InvalidSoftwareStatement) as unknown:
            of_elsewhere(trusting(), sent(text=text), terms())
        assert unknown.value.description == NOT_HERE


async def test_what_was_held_stays_and_is_told_once(statements: SoftwareStatements) -> None:
    text = statement(jti="one", exp=1)  # however short its life was
    before = ClientMetadata({"software_statement": text, "software_statement_issuer": ISSUER})
    for again in (text, None):
        made = await statements.read(trusting(), sent(text=again), terms(), before)
        assert made.statement is not None
        assert (made.is_new, made.spent, made.told()) == (False, (), {})
        assert made.members["client_name"] == "From the statement"
        assert made.claims["jti"] == "one"
    taken = terms(administrator=True)
    assert (await statements.read(trusting(), sent(text=None), taken, before)).statement is None


async def test_what_cannot_be_accepted_is_refused_whichever_way_it_comes(
    statements: SoftwareStatements,
) -> None:
    """At a registration, and of a client of elsewhere."""
    stranger = statement(iss="https://other.example")
    refused = (
        (statement(header={"typ": "at+jwt"}), InvalidSoftwareStatement),
        (statement(software_id="blocked"), UnapprovedSoftwareStatement),
        (statement(client_secret="x"), InvalidSoftwareStatement),
        (stranger, UnapprovedSoftwareStatement),
    )
    by = trusting(blocked_software_ids=["blocked"])
    for text, error in refused:
        with pytest.raises(error):
            await statements.read(by, sent(text=text), terms())
        with pytest.raises(error):
            of_elsewhere(by, sent(text=text), terms())
    with pytest.raises(InvalidSoftwareStatement, match="has expired"):
        await statements.read(by, sent(text=statement(exp=1)), terms())
    assert (await statements.read(by, sent(text=statement(aud=OURS)), terms())).statement
    made = await statements.read(by, sent(text=stranger), terms(unknown_issuer="ignore"))
    assert made.statement is None


def _held(text: str) -> ClientMetadata:
    return ClientMetadata({"software_statement": text, "software_statement_issuer": ISSUER})


async def test_another_statement_is_of_the_same_software_and_issuer(
    statements: SoftwareStatements,
) -> None:
    before = _held(statement(software_id="s", iss="https://before.example"))
    other, same = statement(software_id="t"), statement(software_id="s")
    with pytest.raises(UnapprovedSoftwareStatement, match="is for other software"):
        await statements.read(trusting(), sent(text=other), terms(), before)
    with pytest.raises(UnapprovedSoftwareStatement, match="is of another issuer"):
        await statements.read(trusting(), sent(text=same), terms(), before)
    by = terms(administrator=True)
    made = await statements.read(trusting(), sent(text=same), by, before)
    assert made.is_new
    newer = statement(software_id="s")
    assert (await statements.read(trusting(), sent(text=newer), terms(), _held(same))).is_new


async def test_software_that_is_blocked_meanwhile_is_not_approved(
    statements: SoftwareStatements,
) -> None:
    held = statement(software_id="s")
    by = trusting(blocked_software_ids=["s"])
    for text in (held, None):
        with pytest.raises(UnapprovedSoftwareStatement):
            await statements.read(by, sent(text=text), terms(), _held(held))


async def test_keys_of_other_algorithms_take_no_place(statements: SoftwareStatements) -> None:
    """No more keys are tried than 32."""
    entry = StatementIssuerSettings(issuer=ISSUER, jwks_uri="https://a.example/jwks")
    unnamed = {name: value for name, value in RSA.items() if name != "kid"}
    issuer = TrustedIssuer(entry, keys=(*(unnamed,) * 32, EC))
    by = tenant(statement_issuers={ISSUER: issuer})
    text = statement("ES256")
    assert (await statements.read(by, sent(text=text), terms())).statement
    assert of_elsewhere(by, sent(text=text), terms()).statement
    own = public_jwk(KEY.public_key()) | {"kid": "mine"}
    edwards = public_jwk(ed25519.Ed25519PrivateKey.generate().public_key())
    vouched = statement("ES256", software_id="s", jwks={"keys": [edwards] * 32 + [own]})
    request = _request(KEY, software_statement=vouched)
    assert (await statements.read_signed(by, request, terms())).spent


def _request(key: Any, jti: Any = "r", kid: str | None = "mine", **more: Any) -> jose.Jws:
    said = {"iss": "s", "jti": jti, "exp": 4_000_000_000, "client_name": "Sent"} | more
    header = {"kid": kid} if kid else {}
    return jose.parse(jwt.encode(said, key, "ES256", headers=header))


def _vouched(**more: Any) -> str:
    own = public_jwk(KEY.public_key()) | {"kid": "mine", "use": "sig"}
    return statement(software_id="s", jwks={"keys": [own]}, **more)


async def test_a_request_is_signed_by_a_key_of_its_statement_and_used_once(
    statements: SoftwareStatements, spent: Spent
) -> None:
    by = trusting(reusable=True)
    text = _vouched()
    made = await statements.read_signed(by, _request(KEY, software_statement=text), terms())
    digest = digest_of("registration_request:s", "r")
    assert made.spent == (SpentIdentifier("t", digest, 4_000_000_031),)
    spent.spend(made)
    with pytest.raises(InvalidClientMetadata) as again:
        await statements.read_signed(by, _request(KEY, software_statement=text), terms())
    assert again.value.description == "the request was used before"
    other = await statements.read_signed(by, _request(KEY, "q", software_statement=text), terms())
    assert len(other.spent) == 1
    forged = (
        _request(OTHER, "p", software_statement=text),
        _request(KEY, "p", "other", software_statement=text),
    )
    for request in forged:
        with pytest.raises(InvalidClientMetadata) as refused:
            await statements.read_signed(by, request, terms())
        assert refused.value.description == NOT_ITS_OWN
    with pytest.raises(InvalidSoftwareStatement) as missing:
        await statements.read_signed(by, _request(KEY), terms())
    assert missing.value.description == MISSING


async def test_who_sends_a_request_is_the_software_of_its_statement(
    statements: SoftwareStatements,
) -> None:
    text = _vouched()
    with pytest.raises(InvalidClientMetadata, match="is not the software_id"):
        await statements.read_signed(
            trusting(), _request(KEY, iss="t", software_statement=text), terms()
        )
    # An update is by the statement that the client has, where it sends none.
    made = await statements.read_signed(trusting(), _request(KEY), terms(), _held(text))
    assert made.statement is not None
    assert made.statement.text == text


async def test_a_request_spends_its_statement_too(statements: SoftwareStatements) -> None:
    text = _vouched(jti="one")
    made = await statements.read_signed(trusting(), _request(KEY, software_statement=text), terms())
    assert len(made.spent) == 2


def test_elsewhere_a_statement_is_judged_by_keys_of_ours_whenever_it_was() -> None:
    old = statement(exp=1, iat=1)
    made = of_elsewhere(trusting(), sent(text=old), terms())
    assert made.kept == {"software_statement": old, "software_statement_issuer": ISSUER}
    assert made.members["client_name"] == "From the statement"
    with pytest.raises(InvalidSoftwareStatement) as refused:
        of_elsewhere(trusting(), sent(text=old), terms(), 1_800_000_000)
    assert refused.value.description == "software_statement has expired"
    for_us = statement(aud=OURS)
    assert of_elsewhere(trusting(), sent(text=for_us), terms(), claims()["iat"]).statement
    with pytest.raises(InvalidSoftwareStatement) as refused:
        of_elsewhere(trusting(), sent(text=statement(client_secret="x")), terms())
    assert refused.value.description == "software_statement must not hold client_secret"


def test_elsewhere_a_stranger_counts_as_not_sent_where_the_policy_says_so() -> None:
    members = sent(text=statement(iss="https://other.example"), software_statement_issuer="x")
    judged = terms(unknown_issuer="ignore")
    assert of_elsewhere(trusting(), members, judged) == Submitted({"client_name": "Sent"}, judged)
    unsent = sent(text=None)
    assert of_elsewhere(trusting(), unsent, judged) == Submitted(unsent, judged)


class Adding:
    """Stands in for a transaction."""

    def __init__(self) -> None:
        self.added: list[tuple[str, str, int]] = []
        self.spent_identifiers = self

    def add(self, *row: Any) -> None:
        self.added.append(row)


def test_what_is_spent_is_written_with_the_registration() -> None:
    rows = (SpentIdentifier("t", "d", 1), SpentIdentifier("t", "e", 2))
    tx = Adding()
    made = UNSTATED._replace(spent=rows)
    made.spend(cast("Any", tx))
    assert tx.added == [("t", "d", 1), ("t", "e", 2)]
    with pytest.raises(InvalidSoftwareStatement) as refused:
        made.check_spent()
    assert refused.value.description == USED
    UNSTATED.check_spent()
    members, _, kept = UNSTATED.judged()
    assert (members, kept) == ({}, {})
    assert isinstance(UNSTATED.terms, Terms)


async def test_another_collision_than_of_the_statement_is_told_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[Any] = []

    async def collide(*arguments: Any) -> bool:
        given.append(arguments)
        raise AlreadyThere

    monkeypatch.setattr(reader, "replace_client", collide)
    made = UNSTATED._replace(statement=stated({"jti": "j"}), is_new=True)
    write = cast("Any", ("writer", "old", "new", "origin", {"why": "x"}))
    with pytest.raises(AlreadyThere):
        await made.replace(*write)
    assert given[0][:5] == ("writer", "old", "new", EventType.CLIENT_UPDATED, "origin")
    told = given[0][5]
    assert told["why"] == "x"
    assert told["software_statement"]["jti"] == "j"
    spent = made._replace(spent=(SpentIdentifier("t", "d", 1),))
    with pytest.raises(InvalidSoftwareStatement):
        await spent.replace(*write)
    assert len(given[1][6]) == 1


def test_what_says_nothing_is_not_told() -> None:
    made = UNSTATED._replace(statement=stated({"software_id": ""}), is_new=True)
    assert made.told() == {"software_statement": {"issuer": "https://ss-issuer.example"}}
    assert UNSTATED._replace(is_new=True).told() == {}
    assert UNSTATED._replace(statement=stated()).told() == {}
