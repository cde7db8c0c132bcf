"""Lifetimes of what a client is given, where a statement says so."""

from __future__ import annotations

from typing import Any

from dcrserver.policies.statements.circumstances import Circumstances
from dcrserver.policies.statements.lifetimes import lasting, lifetime
from harness.cases import each
from policies.statement_support import policy_of, statement

PUBLIC = {"token_endpoint_auth_method": "none"}


@each(
    "groups, members, secret, token",
    [
        ({}, PUBLIC, 600, 50),
        ({}, {}, 1000, 50),
        ({"secrets": {"lifetime": 300}}, PUBLIC, 300, 50),
        ({"secrets": {"lifetime": 700}}, PUBLIC, 600, 50),
        ({"management": {"registration_access_token_lifetime": 40}}, {}, 1000, 40),
    ],
)
def test_the_shortest_counts(
    groups: dict[str, Any], members: dict[str, Any], secret: int, token: int
) -> None:
    expire = {"secret": 1000, "registration_access_token": 50}
    policy = policy_of(
        statement({"expire": expire}, "a"),
        statement({"expire": {"secret": 600}}, "b", token_endpoint_auth_method="none"),
        statement({"tag": ["x"]}, "c"),
        **groups,
    )
    made = lasting(policy, Circumstances(), members)
    assert made.secrets.lifetime == secret
    assert made.management.registration_access_token_lifetime == token
    assert made.secrets.overlap == policy.secrets.overlap


def test_a_client_that_no_statement_is_about_has_the_policys_own() -> None:
    policy = policy_of(statement({"expire": {"secret": 9}}, client_name="x"))
    assert lasting(policy, Circumstances(), {}) is policy


def test_what_no_statement_ends_has_no_end() -> None:
    policy = policy_of(statement({"expire": {"registration_access_token": 50}}, origin="open"))
    made = lasting(policy, Circumstances(), {})
    assert (made.secrets.lifetime, made.management.registration_access_token_lifetime) == (0, 50)
    imported = Circumstances(origins=frozenset({"import"}))
    assert lasting(policy, imported, {}) is policy


def test_a_client_itself_lives_as_long_as_the_shortest_says() -> None:
    policy = policy_of(
        statement({"expire": {"client": 100}}, "a", origin="open"),
        statement({"expire": {"client": 60}}, "b", client_name="short"),
        statement({"expire": {"secret": 5}}, "c"),
    )
    imported = Circumstances(origins=frozenset({"import"}))
    assert lifetime(policy, Circumstances(), {}) == 100
    assert lifetime(policy, Circumstances(), {"client_name": "short"}) == 60
    assert lifetime(policy, imported, {"client_name": "short"}) == 60
    assert lifetime(policy, imported, {}) is None
