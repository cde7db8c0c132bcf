"""The double of Hydra does what a real one was seen to do; each test cites what was seen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.cases import each
from harness.hydra import ADMIN, Hydra, Refused, Reply

CALLBACK = "https://client.example.org/cb"
KEY = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}


def call(double: Hydra, method: str, path: str, body: Any = None) -> Reply:
    return double.answer(
        method, f"{ADMIN}{path}", b"" if body is None else json.dumps(body).encode()
    )


def made(double: Hydra, **members: Any) -> dict[str, Any]:
    body = {"client_id": "c", "redirect_uris": [CALLBACK]} | members
    answer = call(double, "POST", "", body)
    assert answer.status == 201, answer
    told: dict[str, Any] = answer.body
    return told


def test_it_takes_an_identifier_and_a_secret() -> None:
    """POST: 201, the whole client, with its secret unless public."""
    told = made(Hydra(), client_secret="of-ours")
    assert (told["client_id"], told["client_secret"]) == ("c", "of-ours")
    assert "client_secret" not in made(Hydra(), token_endpoint_auth_method="none")


def test_without_them_it_makes_its_own() -> None:
    """No id: a UUID. No secret: 26 random characters."""
    told = call(Hydra(), "POST", "", {}).body
    assert len(told["client_id"]) == 36
    assert len(told["client_secret"]) == 26


def test_the_same_identifier_again_is_a_conflict() -> None:
    double = Hydra()
    made(double)
    assert call(double, "POST", "", {"client_id": "c"}).status == 409


def test_what_is_read_and_listed_has_no_secret() -> None:
    """GET: never a secret, a registration token or its URI."""
    double = Hydra()
    made(double)
    for told in (call(double, "GET", "/c").body, call(double, "GET", "").body[0]):
        assert not {"client_secret", "registration_access_token", "registration_client_uri"} & set(
            told
        )


def test_a_put_clears_what_it_omits_but_the_secret() -> None:
    """Omitted members fall to their defaults; the secret stays; unknown: 404 (no upsert)."""
    double = Hydra()
    made(
        double, client_secret="of-ours", owner="o", metadata={"a": 1}, skip_consent=True, scope="x"
    )
    told = call(double, "PUT", "/c", {"client_id": "other"}).body
    assert (told["client_id"], told["owner"], told["metadata"]) == ("c", "", {})
    assert (told["skip_consent"], told["redirect_uris"]) == (False, [])
    assert told["scope"] == "offline_access offline openid"
    assert double.authenticates("c", "of-ours")
    assert call(double, "PUT", "/unknown", {}).status == 404


def test_what_was_read_can_be_put_back() -> None:
    double = Hydra()
    made(double, jwks={"keys": [KEY]}, client_credentials_grant_access_token_lifespan="90s")
    before = call(double, "GET", "/c").body
    assert call(double, "PUT", "/c", before).body == before


@each("method, body", [("PUT", {}), ("PATCH", [])])
def test_a_change_kills_the_registration_access_token(method: str, body: Any) -> None:
    double = Hydra()
    made(double)
    call(double, "POST", "/c/secrets/rotate")
    call(double, "PUT", "/c/lifespans", {})
    assert "c" in double.registration_tokens  # neither of these does
    call(double, method, "/c", body)
    assert "c" not in double.registration_tokens


def test_a_patch_that_names_another_client_writes_over_it() -> None:
    """Never name client_id in a PATCH."""
    double = Hydra()
    made(double)
    made(double, client_id="victim", client_name="v")
    call(double, "PATCH", "/c", [{"op": "replace", "path": "/client_id", "value": "victim"}])
    assert call(double, "GET", "/victim").body["client_name"] == ""


@each(
    "body",
    [{"a": 1}, [{"op": "test", "path": "/owner", "value": "x"}], [{"op": "add", "path": "/id"}]],
)
def test_a_patch_that_is_none_is_its_own_fault(body: Any) -> None:
    double = Hydra()
    made(double)
    assert call(double, "PATCH", "/c", body).status == 500


def test_only_a_secret_of_its_own_leaves_the_old_one_at_work() -> None:
    """There is no overlap with a secret of your own; a wish in the body is ignored."""
    double = Hydra()
    made(double, client_secret="first-of-ours")
    told = call(double, "POST", "/c/secrets/rotate", {"client_secret": "a-wish"}).body
    assert told["client_secret"] != "a-wish"
    assert double.authenticates("c", told["client_secret"])
    assert double.authenticates("c", "first-of-ours")
    call(double, "PUT", "/c", {"client_secret": "second-of-ours"})
    assert double.authenticates("c", "second-of-ours")
    assert not double.authenticates("c", "first-of-ours")
    assert not double.authenticates("c", told["client_secret"])


def test_five_old_secrets_work_until_somebody_ends_them() -> None:
    double = Hydra()
    made(double, client_secret="number-0")
    rotated = [call(double, "POST", "/c/secrets/rotate").body for _ in range(6)]
    kept = ["number-0", *(each["client_secret"] for each in rotated)]
    assert [double.authenticates("c", each) for each in kept] == [False, *[True] * 6]
    for _ in range(2):
        assert call(double, "DELETE", "/c/secrets/rotate").status == 200
    assert [double.authenticates("c", each) for each in kept] == [*[False] * 6, True]


@each("method", ["none", "private_key_jwt"])
def test_only_secrets_are_rotated(method: str) -> None:
    """Of basic and post only, else 400."""
    double = Hydra()
    made(double, token_endpoint_auth_method=method, jwks={"keys": [KEY]})
    assert call(double, "POST", "/c/secrets/rotate").status == 400
    assert call(double, "DELETE", "/c/secrets/rotate").status == 400


def test_a_client_that_was_public_for_a_while_has_its_old_secret() -> None:
    double = Hydra()
    made(double, client_secret="of-ours")
    call(double, "PUT", "/c", {"token_endpoint_auth_method": "none"})
    assert not double.authenticates("c", "of-ours")
    call(double, "PUT", "/c", {"token_endpoint_auth_method": "client_secret_post"})
    assert double.authenticates("c", "of-ours")


@each("members, status", [
    ({"client_id": "x" * 256}, 500),
    ({"client_id": "x\0"}, 500),
    ({"token_endpoint_auth_method": "self_signed_tls_client_auth"}, 500),
    ({"request_object_signing_alg": "x" * 11}, 500),
    ({"client_secret": "short"}, 400),
    ({"redirect_uris": ["https://a.example/#x"]}, 400),
    ({"redirect_uris": ["nonsense"]}, 400),
    ({"post_logout_redirect_uris": ["https://other.example/"]}, 400),
    ({"redirect_uris": ["http://127.0.0.1:1/"],
      "post_logout_redirect_uris": ["http://127.0.0.1:2/"]}, 400),
    ({"userinfo_signed_response_alg": "ES256"}, 400),
    ({"jwks": {"keys": [KEY]}, "jwks_uri": "https://a.example/"}, 400),
    ({"jwks": {"keys": [{"kty": "oct", "k": "x"}]}}, 400),
    ({"jwks": {"keys": [{"kty": "OKP", "crv": "X25519", "x": "x"}]}}, 400),
    ({"token_endpoint_auth_method": "private_key_jwt"}, 400),
    ({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://a.example/",
      "token_endpoint_auth_signing_alg": "EdDSA"}, 400),
    ({"client_uri": "ftp://a.example/"}, 400),
    ({"grant_types": "authorization_code"}, 400),
    ({"id_token_lifetime": 5, "implicit_grant_id_token_lifespan": "5"}, 400),
])  # fmt: skip
def test_what_it_refuses(members: Any, status: int) -> None:
    """500: id over 255, method over 25, algorithm over 10 characters, NUL in the id."""
    assert (
        call(Hydra(), "POST", "", {"client_id": "c", "redirect_uris": [CALLBACK]} | members).status
        == status
    )


@each("members", [
    {"redirect_uris": ["javascript:alert(1)"]},
    {"scope": "*"},
    {"token_endpoint_auth_method": "tls_client_auth"},
    {"token_endpoint_auth_method": "client_secret_jwt"},
    {"token_endpoint_auth_method": "nonsense"},
    {"grant_types": ["nonsense"]},
    {"request_object_signing_alg": "HS256"},
    {"jwks_uri": "junk"},
    {"jwks": {"keys": [KEY | {"d": "d"}]}},
    {"jwks": {"keys": []}},
])  # fmt: skip
def test_what_it_stores_without_a_word(members: Any) -> None:
    told = made(Hydra(), **members)
    assert {name: told[name] for name in members} == members


def test_what_it_does_not_know_vanishes() -> None:
    """dpop_bound_access_tokens: true and its like vanish with a 201."""
    told = made(Hydra(), dpop_bound_access_tokens=True, **{"client_name#fr": "x"}, software_id="x",
                jwks={"keys": [KEY | {"ours": 1}]})  # fmt: skip
    assert not {"dpop_bound_access_tokens", "client_name#fr", "software_id"} & set(told)
    assert told["jwks"] == {"keys": [KEY]}


def test_times_come_back_as_go_writes_them() -> None:
    told = made(Hydra(), client_credentials_grant_access_token_lifespan="5400s")
    assert told["client_credentials_grant_access_token_lifespan"] == "1h30m0s"
    assert told["implicit_grant_id_token_lifespan"] is None


def test_location_is_encoded_twice() -> None:
    double = Hydra()
    answer = call(double, "POST", "", {"client_id": "https://c.example/x"})
    location = dict(answer.headers)["Location"]
    assert location == f"{ADMIN}/https%253A%252F%252Fc.example%252Fx"
    assert double.answer("GET", location).status == 404
    assert call(double, "GET", "/https%3A%2F%2Fc.example%2Fx").status == 200


@each("client_id, segment", [(".", "."), ("..", ".."), ("a/", "a%2F")])
def test_some_identifiers_can_be_made_and_never_be_read(client_id: str, segment: str) -> None:
    double = Hydra()
    made(double, client_id=client_id)
    assert call(double, "GET", f"/{segment}").status == 404
    assert call(double, "DELETE", f"/{segment}").status == 404


def test_lists_say_first_before_next_and_on_the_last_page_too() -> None:
    """page_size is at most 500, more is cut in silence; Link is relative; keyset."""
    double = Hydra()
    for number in range(3):
        made(double, client_id=f"c{number}", owner="o" if number else "")
    answer = call(double, "GET", "?page_size=2")
    (link,) = (value for name, value in answer.headers if name == "Link")
    first, after = link.split(",")
    assert first == f'<{ADMIN}?page_size=2>; rel="first"'
    assert after.endswith('; rel="next"')
    last = double.answer("GET", after.partition(">")[0][1:])
    assert [each["client_id"] for each in last.body] == ["c2"]
    assert 'rel="first"' in last.headers[0][1]
    assert 'rel="next"' not in last.headers[0][1]
    assert "page_size=500" in call(double, "GET", "?page_size=9999").headers[0][1]
    assert [each["client_id"] for each in call(double, "GET", "?owner=o").body] == ["c1", "c2"]


def test_deleted_is_204_then_404_and_can_be_made_again() -> None:
    double = Hydra()
    made(double)
    token, refresh = double.sign_in("c", CALLBACK)
    assert [call(double, "DELETE", "/c").status for _ in range(2)] == [204, 404]
    assert not double.is_live(token)
    with pytest.raises(Refused, match="invalid_client"):
        double.refresh(refresh)
    made(double)


def test_what_becomes_of_tokens() -> None:
    """Without redirect URIs a sign-in is refused at once; refresh without its grant; DELETE of
    tokens ends access tokens, not refresh tokens; grant_types [] suspends nothing.
    """
    double = Hydra()
    grants = ["authorization_code", "refresh_token"]
    made(double, grant_types=grants)
    token, refresh = double.sign_in("c", CALLBACK)
    call(double, "PUT", "/c", {"redirect_uris": [CALLBACK], "grant_types": []})
    double.sign_in("c", CALLBACK)
    call(double, "PUT", "/c", {"redirect_uris": [CALLBACK], "grant_types": ["suspended"]})
    with pytest.raises(Refused, match="after consent"):
        double.sign_in("c", CALLBACK)
    call(double, "PUT", "/c", {"grant_types": ["suspended"]})
    with pytest.raises(Refused, match="at once"):
        double.sign_in("c", CALLBACK)
    with pytest.raises(Refused, match="unauthorized_client"):
        double.refresh(refresh)
    assert double.is_live(token)
    assert double.answer("DELETE", "/admin/oauth2/tokens?client_id=c").status == 204
    assert not double.is_live(token)
    call(double, "PUT", "/c", {"redirect_uris": [CALLBACK], "grant_types": grants})
    assert double.is_live(double.refresh(refresh))
