"""What clients are found by follows from what they registered, alike for both sides of a search."""

from __future__ import annotations

from dcrserver.db.tables import client_facets
from dcrserver.metadata.comparing import LONGEST, exact, host_of, name_key, words_of
from dcrserver.metadata.facets import facets_of
from dcrserver.strict_json import JsonObject
from harness.cases import each

# They follow from how the client came to be, and from whether it is there.
_OTHERS = {"tenant", "id", "origin", "policy", "retired_at"}


def test_every_facet_is_a_column_and_every_column_a_facet() -> None:
    assert set(client_facets.columns.keys()) == facets_of({}).keys() | _OTHERS


def test_facets_of_a_registration() -> None:
    made = facets_of(
        {
            "client_name": "Straße-Mail  2000!",
            "redirect_uris": [
                "https://Client.example:8443/cb",
                "http://[::1]:1234/cb",
                "com.example.app:/cb",
                "https://client.example/other",
            ],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
            "software_id": "4NRB1",
        }
    )
    assert made == {
        "name_key": " strasse mail 2000",
        "redirect_hosts": " client.example ::1 ",
        "grant_types": " authorization_code refresh_token ",
        "auth_method": "none",
        "software_id": "4NRB1",
        "software_version": None,
        "application_type": None,
    }


def test_what_has_another_shape_is_no_facet() -> None:
    odd: JsonObject = {"client_name": 7, "redirect_uris": "https://a.example", "grant_types": [7]}
    assert set(facets_of(odd).values()) == {None}


@each(
    "text, words",
    [
        ("ACME mail", ["acme", "mail"]),
        ("acme_mail", ["acme", "mail"]),
        ("\uff21\uff23ME", ["acme"]),
        ("日本語 クライアント", ["日本語", "クライアント"]),
        ("🚀 !", ["🚀", "!"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_long_text_keeps_what_tells_it_from_others() -> None:
    one, other = "x" * 300 + "1", "x" * 300 + "2"
    assert len(exact(one)) == LONGEST
    assert exact(one) != exact(other)
    assert exact("x" * LONGEST) == "x" * LONGEST
    assert len(name_key("word " * 100)) <= LONGEST


@each("uri", ["https://[::1", "nothing", "urn:x"])
def test_a_uri_without_a_host(uri: str) -> None:
    assert host_of(uri) == ""
