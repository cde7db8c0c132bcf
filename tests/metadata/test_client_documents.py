"""Client ID metadata documents: which URLs name clients, and what documents may say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dcrserver.metadata.documents import BadDocument, members_in, names_document, url_problem
from dcrserver.security import new_client_id

_URL = "https://app.example/client.json"


def read(members: Any, media_type: str = "application/json", url: str = _URL) -> Any:
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return members_in(body, media_type, url)


@pytest.mark.requirement("CIMD-3-01")
@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/a",
        "https://app.example",
        "https://app.example/a/../b",
        "https://app.example/a/./b",
        "https://app.example/%2e%2E/b",
        "https://app.example/a#f",
        "https://app.example/a#",
        "https://u@app.example/a",
        "https://u:p@app.example/a",
        "https:///a",
        "https://app.example:99999/a",
        "https://app.example\\@evil.example/a",
        "HTTPS//app.example/a",
    ],
)
def test_these_urls_name_no_document(url: str) -> None:
    assert url_problem(url) is not None


@pytest.mark.requirement("CIMD-3-02")
@pytest.mark.parametrize(
    "url", [_URL, "https://app.example/", "https://app.example:8443/a?b=c", "https://[2001:4::1]/a"]
)
def test_these_do(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.requirement("CIMD-6.9-01")
def test_no_identifier_of_ours_is_taken_for_a_url() -> None:
    assert not any(names_document(new_client_id()) for _ in range(1000))


@pytest.mark.requirement("CIMD-4.1-01")
@pytest.mark.parametrize(
    "named",
    [
        "https://app.example/client.json/",
        "https://APP.example/client.json",
        "https://app.example:443/client.json",
        "https://app.example/client%2Ejson",
        "http://app.example/client.json",
        None,
        ["https://app.example/client.json"],
    ],
)
def test_the_client_id_inside_is_the_url_octet_by_octet(named: Any) -> None:
    with pytest.raises(BadDocument, match="octet by octet"):
        read({"client_id": named})


@pytest.mark.requirement("CIMD-4.1-02", "CIMD-4.1-03")
@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"token_endpoint_auth_method": "client_secret_basic"}, "holds no secret"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "holds no secret"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "holds no secret"),
        ({"client_secret": "x"}, "everybody can read it"),
        ({"client_secret_expires_at": 0}, "everybody can read it"),
        ({"token_endpoint_auth_methods_supported": ["client_secret_jwt"]}, "a secret alone"),
    ],
)
def test_nothing_is_secret_that_everybody_reads(members: dict[str, Any], told: str) -> None:
    with pytest.raises(BadDocument, match=told):
        read({"client_id": _URL} | members)


@pytest.mark.requirement("CIMD-4.1-02")
def test_a_method_that_is_not_named_is_none() -> None:
    assert read({"client_id": _URL}) == {"token_endpoint_auth_method": "none"}
    named = {"token_endpoint_auth_method": "private_key_jwt"}
    assert read({"client_id": _URL} | named) == named


def test_of_methods_to_choose_from_those_with_a_secret_are_left_out() -> None:
    methods = ["client_secret_basic", "private_key_jwt", "none"]
    read_ = read({"client_id": _URL, "token_endpoint_auth_methods_supported": methods})
    assert read_ == {"token_endpoint_auth_methods_supported": ["private_key_jwt", "none"]}


@pytest.mark.requirement("CIMD-4.1-04")
@pytest.mark.parametrize("media_type", ["text/html", "", "application/jsonp", "text/json"])
def test_what_is_not_sent_as_json_is_none(media_type: str) -> None:
    with pytest.raises(BadDocument, match="Content-Type"):
        read({"client_id": _URL}, media_type)


@pytest.mark.parametrize("media_type", ["application/json", "application/oauth-client+json"])
def test_json_has_several_names(media_type: str) -> None:
    assert read({"client_id": _URL}, media_type)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"a": 1, "a": 2}', b"\xff"])
def test_what_is_no_json_object_is_told_so(body: bytes) -> None:
    with pytest.raises(BadDocument, match="no JSON object"):
        read(body)
