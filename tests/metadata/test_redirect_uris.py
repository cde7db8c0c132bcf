"""RFC 6749 3.1.2, RFC 7591 5, RFC 8252 7, OpenID Connect Registration 2, POL-10 to POL-19."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from dcrserver.errors import InvalidRedirectUri
from dcrserver.metadata import examine, validate
from dcrserver.metadata.model import Unacceptable
from dcrserver.metadata.redirect_uris import check_all, is_private_use
from dcrserver.policies import RedirectPolicy
from dcrserver.strict_json import JsonObject
from harness.cases import each
from metadata.support import TERMS, issues_of, terms

requirement = pytest.mark.requirement

HTTPS = [
    "https://client.example.org",
    "https://client.example.org/",
    "https://client.example.org/cb",
    "HTTPS://Client.Example.ORG/cb",
    "https://client.example.org:8443/cb",
    "https://client.example.org:443/cb",
    "https://client.example.org/cb?x=1&y=2",
    "https://client.example.org/cb?",
    "https://client.example.org/a%20b/%C3%A9",
    "https://client.example.org//cb",
    "https://client.example.org/...",
    "https://xn--bcher-kva.example/cb",
    "https://localhost.evil.example/cb",  # a host like any other when it comes with TLS
]
LOOPBACK = [
    "http://127.0.0.1/cb",
    "http://127.0.0.1",
    "http://127.0.0.1:1/cb",
    "http://127.0.0.1:65535/cb?x",
    "http://[::1]/cb",
    "http://[::1]:8080/cb",
    "http://localhost/cb",
    "http://LOCALHOST:3000/cb",
    "HTTP://localhost/cb",
]
PRIVATE_USE = [
    "com.example.app:/cb",
    "com.example.app:cb",
    "com.example.app:/cb?x=1",
    "com.example.app://host/cb",
    "com.example.app://host",
    "com.example.app://host:99/cb",
    "com.example.app:///cb",
    "Com.Example.App:/cb",
    "com.example-app.x+y:/cb",
    "cursor://a/b",
    "CURSOR://a/b",
    "vscode://publisher.extension/cb",
    "vscode-insiders://publisher.extension/cb",
]

FRAGMENTS = [
    "https://client.example.org/cb#",
    "https://client.example.org/cb#x",
    "https://client.example.org#/cb",
    "http://127.0.0.1/cb#",
    "com.example.app:/cb#x",
    "com.example.app:/cb#",
]
PLAIN_HTTP = [
    "http://client.example.org/cb",
    "http://localhost.evil.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://evil-localhost/cb",
    "http://localhost.localdomain/cb",
    "http://127.0.0.2/cb",
    "http://192.168.1.5/cb",
    "http://[::]/cb",
    "http://[::2]/cb",
    "http://[::ffff:127.0.0.1]/cb",
    "http:cb",
    "http:/127.0.0.1/cb",
]
DANGEROUS_SCHEMES = [
    "javascript", "JavaScript", "JAVASCRIPT", "jAvAsCrIpT", "data", "Data", "vbscript", "VBScript",
    "file", "FILE", "blob", "Blob", "about", "ftp", "FTPS", "mailto", "ws", "WSS", "view-source",
    "View-Source", "filesystem", "chrome", "chrome-extension", "moz-extension", "edge", "resource",
    "intent", "jar", "content", "tel", "sms", "ssh", "urn", "livescript", "mhtml", "opera",
    "safari-web-extension", "ms-browser-extension", "devtools", "gopher", "ldap", "telnet",
]  # fmt: skip
UNPARSABLE = [
    "",
    "/cb",
    "//client.example.org/cb",
    "client.example.org/cb",
    "https://",
    "https:///x",
    "https://?x",
    "https://:443/cb",
    "https:\\\\client.example.org\\cb",
    "https://client.example.org\\@evil.example/",
    "https://client.example.org@evil.example@x.example/",
    "https://client.example.org/c\tb",
    "https://client.example.org/c\nb",
    "https://client.example.org/c b",
    " https://client.example.org/cb",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    "https://*.example.org/cb",
    "https://client.example.org/*",
    "https://client.example.org/../cb",
    "https://client.example.org/x/./cb",
    "https://client.example.org/%2e%2E/cb",
    "https://client.example.org/x/.%2e",
    "https://client.example.org/%00",
    "https://client.example.org/%0d%0aX:1",
    "https://client.example.org/cb?%7F",
    "https://client.example.org/%zz",
    "https://b\u00fccher.example/cb",
    "https://xn--a.example/cb",
    "https://client.example.org/\u00e9",
    "http://127.1/cb",
    "http://0x7f000001/cb",
    "http://2130706433/cb",
    "http://0177.0.0.1/cb",
    "http://[::1/cb",
    "http://[::g]/cb",
    "http://[::1%25lo]/cb",
    "http://[::1]evil.example/cb",
    "http://127.0.0.1:0/cb",
    "http://127.0.0.1:65536/cb",
    "http://127.0.0.1:abc/cb",
    "http://127.0.0.1:/cb",
    "com.example.app:/../cb",
    "com.example.app://h:0/cb",
]


def refusal(value: str, **choices: Any) -> str:
    with pytest.raises(Unacceptable) as caught:
        check_all([value], RedirectPolicy(**choices))
    return str(caught.value)


@requirement("R7591-5-03")
@each("value", [*HTTPS, *LOOPBACK, *PRIVATE_USE])
def test_some_client_may_have_it(value: str) -> None:
    check_all([value], RedirectPolicy())


@each("value", [*HTTPS, *LOOPBACK])
def test_web_uris_are_not_private_use(value: str) -> None:
    assert not is_private_use(value)


@each("value", PRIVATE_USE)
def test_the_scheme_of_an_app_is_private_use(value: str) -> None:
    assert is_private_use(value)


@requirement("R7591-3.2.2-05")
@each("value", FRAGMENTS)
def test_fragments_are_refused(value: str) -> None:
    assert refusal(value) == "element 0 holds a fragment"


@requirement("R7591-5-03", "OIDR-2-09")
@each("value", PLAIN_HTTP)
def test_http_is_for_the_local_machine(value: str) -> None:
    assert refusal(value).startswith("element 0 uses http outside of the local machine")


@requirement("R7591-5-03", "R7591-5-08")
@each("scheme", DANGEROUS_SCHEMES)
@each("rest", ["alert(1)", "//host/cb", "/cb"])
def test_schemes_that_others_act_upon_are_refused(scheme: str, rest: str) -> None:
    """Whatever the policy says about other schemes."""
    text = f"element 0 uses the scheme {scheme.lower()}, which is not for redirection"
    assert refusal(f"{scheme}:{rest}") == text
    loose = {"require_dot_in_scheme": False, "undotted_schemes": frozenset({scheme.lower()})}
    assert refusal(f"{scheme}:{rest}", **loose) == text


@requirement("POL-16", "POL-19")
@each("value", UNPARSABLE)
def test_what_parsers_disagree_about_is_refused(value: str) -> None:
    assert refusal(value).startswith("element 0 ")


@requirement("POL-14")
@each("value", ["myapp:/cb", "exampleapp://oauth", "x:y", "cursorx://a/b"])
def test_a_scheme_without_a_dot_is_refused(value: str) -> None:
    scheme = value.partition(":")[0]
    assert refusal(value).startswith(f"element 0 uses the scheme {scheme}; a private-use scheme")
    check_all([value], RedirectPolicy(require_dot_in_scheme=False))
    check_all([value], RedirectPolicy(undotted_schemes=frozenset({scheme})))


@requirement("POL-14")
def test_the_schemes_that_are_let_through_can_be_emptied() -> None:
    assert "a reversed domain name" in refusal("cursor://a/b", undotted_schemes=frozenset())


@each("value", ["https:x", "https:/x", "https:?x"])
def test_https_needs_an_authority(value: str) -> None:
    assert refusal(value) == "element 0 has no host"


@each(
    "value",
    [
        "com.example.app:",
        "com.example.app:/",
        "com.example.app://",
        "com.example.app:///",
        "com.example.app:?x",
    ],
)
def test_a_private_use_scheme_needs_something_behind_it(value: str) -> None:
    assert refusal(value) == "element 0 has nothing behind its scheme"


@requirement("POL-23")
def test_a_uri_named_twice_is_registered_once() -> None:
    """By its exact spelling; MCP Inspector sends one twice."""
    value = "https://client.example.org/cb"
    others = [value.upper().replace("HTTPS", "https"), f"{value}/"]
    draft, issues = examine({"redirect_uris": [value, *others, value]}, TERMS)
    assert not issues
    assert draft.members["redirect_uris"] == [value, *others]
    strict = terms(array={"duplicates": "reject"})
    _, issues = examine({"redirect_uris": [value, *others, value]}, strict)
    assert [issue.text for issue in issues] == ["redirect_uris must not name a value twice"]


@requirement("POL-14")
def test_any_scheme_is_for_public_native_clients() -> None:
    judged_by = terms(redirect={"undotted_schemes": "any"})
    public = {"token_endpoint_auth_method": "none"}
    own = {"redirect_uris": ["systemprompt://oauth/callback", "myapp://callback"]}
    draft, issues = examine(own | public, judged_by)
    assert not issues
    assert draft.members["application_type"] == "native"
    told = [issue.text for issue in issues_of(own, judged_by)]
    assert told == [
        f"redirect_uris element {place} uses the scheme {scheme} without a dot, which is for"
        " public clients"
        for place, scheme in enumerate(("systemprompt", "myapp"))
    ]
    # What every client may use by default it may use here, too.
    assert not issues_of({"redirect_uris": ["cursor://anysphere.cursor-mcp/cb"]}, judged_by)
    for scheme in ("javascript", "data", "intent", "ws"):
        assert issues_of({"redirect_uris": [f"{scheme}://x/y"]} | public, judged_by)


@requirement("POL-12")
def test_a_wrong_application_type_is_corrected_by_choice() -> None:
    judged_by = terms(registration={"correct_application_type": True})
    web: JsonObject = {"application_type": "web"}
    own: JsonObject = {"redirect_uris": ["com.example.app:/cb", "http://localhost:8/cb"]}
    draft, issues = examine(web | own, judged_by)
    assert not issues
    assert draft.members["application_type"] == "native"
    assert issues_of(web | own)
    mixed: JsonObject = {"redirect_uris": ["com.example.app:/cb", "https://client.example.org/"]}
    assert issues_of(web | mixed, judged_by)


@requirement("POL-15")
@each("bound", [1, 50])
def test_their_number_is_bounded(bound: int) -> None:
    values = [f"https://client.example.org/{number}" for number in range(bound + 1)]
    check_all(values[:bound], RedirectPolicy(max_count=bound))
    with pytest.raises(Unacceptable, match=rf"^must not have more than {bound} elements$"):
        check_all(values, RedirectPolicy(max_count=bound))


@requirement("POL-15")
@each("bound", [30, 2000])
def test_their_length_is_bounded(bound: int) -> None:
    value = "https://client.example.org/".ljust(bound, "x")
    check_all([value], RedirectPolicy(max_length=bound))
    assert refusal(f"{value}x", max_length=bound) == (
        f"element 0 is longer than {bound} characters"
    )


@requirement("OIDR-2-10")
def test_all_bad_ones_are_named_by_their_positions() -> None:
    good = ["https://client.example.org/cb", "com.example.app:/cb"]
    told = (
        "element 2 holds a fragment, element 3 uses the scheme data, which is not for redirection"
    )
    with pytest.raises(Unacceptable, match=f"^{told}$"):
        check_all([*good, "https://a.example/#", "data:x"], RedirectPolicy())


def test_of_many_bad_ones_some_are_named() -> None:
    with pytest.raises(Unacceptable) as caught:
        check_all([f"https://a.example/{number}#" for number in range(12)], RedirectPolicy())
    told = str(caught.value)
    assert told.startswith("element 0 holds a fragment, element 1 ")
    assert told.endswith("element 9 holds a fragment and 2 more")


def test_no_uris_are_no_problem_of_theirs() -> None:
    check_all([], RedirectPolicy())


# ---- by application type -------------------------------------------------------------------


def problems(value: str, **members: Any) -> list[str]:
    """What is told about ``redirect_uris`` when a client of this kind sends ``value``."""
    submission: JsonObject = {"redirect_uris": [value], **members}
    found = issues_of(submission, terms(grants={"implicit": True}))
    assert all(issue.member == "redirect_uris" for issue in found)
    assert all(issue.error is InvalidRedirectUri for issue in found)
    return [issue.reason for issue in found]


IMPLICIT: JsonObject = {"grant_types": ["implicit"], "response_types": ["token"]}
HYBRID: JsonObject = {
    "grant_types": ["authorization_code", "implicit"],
    "response_types": ["code id_token"],
}


@each("members", [{}, IMPLICIT, HYBRID])
@each("value", HTTPS)
def test_web_clients_use_https(value: str, members: JsonObject) -> None:
    assert problems(value, application_type="web", **members) == []


@requirement("POL-11", "R7591-5-03")
@each("value", LOOPBACK)
def test_web_clients_with_code_may_use_the_local_machine(value: str) -> None:
    assert problems(value, application_type="web") == []


@requirement("OIDR-2-06")
@each("members", [IMPLICIT, HYBRID])
@each("value", [*LOOPBACK, *PRIVATE_USE])
def test_web_clients_with_the_implicit_grant_use_https_only(
    value: str, members: JsonObject
) -> None:
    expected = ["element 0 must use https with the implicit grant"]
    assert problems(value, application_type="web", **members) == expected


@requirement("OIDR-2-07")
@each("value", ["https://localhost/cb", "https://LocalHost:8443/cb"])
def test_web_clients_with_the_implicit_grant_never_use_localhost(value: str) -> None:
    expected = ["element 0 uses the host localhost, which the implicit grant forbids"]
    assert problems(value, application_type="web", **IMPLICIT) == expected
    assert problems(value, application_type="web") == []


@requirement("POL-12")
@each("value", PRIVATE_USE)
def test_web_clients_use_no_private_scheme(value: str) -> None:
    reason = "must use https; a private-use scheme is for application_type native"
    assert problems(value, application_type="web") == [f"element 0 {reason}"]


@requirement("OIDR-2-08", "POL-13", "POL-18")
@each("members", [{}, IMPLICIT])
@each("value", [*HTTPS, *LOOPBACK, *PRIVATE_USE])
def test_native_clients_use_all_three(value: str, members: JsonObject) -> None:
    assert problems(value, application_type="native", **members) == []


@requirement("OIDR-2-10")
def test_each_uri_is_judged_and_named() -> None:
    values = ["https://a.example/cb", "com.example.app:/a", "https://b.example", "cursor://a/b"]
    found = issues_of({"redirect_uris": [*values], "application_type": "web"})
    assert [issue.reason[:9] for issue in found] == ["element 1", "element 3"]


# ---- switches ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """A client that some switch lets in or keeps out."""

    values: list[str]
    application_type: str | None = "web"
    more: JsonObject = field(default_factory=dict)

    def is_accepted(self, **groups: Any) -> bool:
        submission: JsonObject = {"redirect_uris": [*self.values], **self.more}
        if self.application_type:
            submission["application_type"] = self.application_type
        return not issues_of(submission, terms(**groups))


LONG = "https://a.example/".ljust(2000, "x")
PROBES = {
    "https": Probe(["https://a.example/cb"]),
    "user information": Probe(["https://user@a.example/cb"]),
    "127.0.0.1, web": Probe(["http://127.0.0.1/cb"]),
    "[::1], web": Probe(["http://[::1]/cb"]),
    "localhost, web": Probe(["http://localhost/cb"]),
    "private-use, web": Probe(["com.example.app:/cb"]),
    "private-use, untold": Probe(["com.example.app:/cb"], None),
    "private-use, native": Probe(["com.example.app:/cb"], "native"),
    "https, native": Probe(["https://a.example/cb"], "native"),
    "no dot, native": Probe(["myapp:/cb"], "native"),
    "known without a dot, native": Probe(["cursor://a/b"], "native"),
    "127.0.0.1, native": Probe(["http://127.0.0.1/cb"], "native"),
    "[::1], native": Probe(["http://[::1]/cb"], "native"),
    "localhost, native": Probe(["http://localhost/cb"], "native"),
    "query": Probe(["https://a.example/cb?x=1"]),
    "empty query": Probe(["https://a.example/cb?"]),
    "https by IPv4 address": Probe(["https://192.0.2.1/cb"]),
    "https by IPv6 address": Probe(["https://[2001:db8::1]/cb"]),
    "50 URIs": Probe([f"https://a.example/{number}" for number in range(50)]),
    "51 URIs": Probe([f"https://a.example/{number}" for number in range(51)]),
    "2000 characters": Probe([LONG]),
    "2001 characters": Probe([f"{LONG}x"]),
    "none": Probe([], None, {"grant_types": ["client_credentials"]}),
    # No switch lets these in.
    "U-label": Probe(["https://b\u00fccher.example/cb"]),
    "dot segment": Probe(["https://a.example/../cb"]),
    "encoded control": Probe(["https://a.example/%0a"]),
    "fragment": Probe(["https://a.example/cb#"]),
    "javascript": Probe(["javascript:alert(1)"], "native"),
    "http": Probe(["http://a.example/cb"], "native"),
    "https without host": Probe(["https:/cb"]),
}
ACCEPTED = {
    "https",
    "127.0.0.1, web",
    "[::1], web",
    "localhost, web",
    "private-use, untold",
    "private-use, native",
    "https, native",
    "known without a dot, native",
    "127.0.0.1, native",
    "[::1], native",
    "localhost, native",
    "query",
    "empty query",
    "50 URIs",
    "2000 characters",
    "none",
}


def accepted(**groups: Any) -> set[str]:
    return {name for name, probe in PROBES.items() if probe.is_accepted(**groups)}


@requirement("POL-10", "POL-11", "POL-12", "POL-13", "POL-14", "POL-15", "POL-16", "POL-17")
@requirement("POL-18", "POL-19")
def test_the_defaults() -> None:
    assert accepted() == ACCEPTED


# Each switch away from its default, and the only probes whose verdict it turns.
SWITCHES: list[tuple[dict[str, Any], set[str]]] = [
    ({"redirect": {"allow_userinfo": True}}, {"user information"}),
    (
        {"redirect": {"web_loopback_http": False}},
        {"127.0.0.1, web", "[::1], web", "localhost, web"},
    ),
    ({"redirect": {"web_custom_scheme": True}}, {"private-use, web"}),
    ({"registration": {"infer_application_type": False}}, {"private-use, untold"}),
    ({"redirect": {"native_claimed_https": False}}, {"https, native"}),
    ({"redirect": {"require_dot_in_scheme": False}}, {"no dot, native"}),
    ({"redirect": {"undotted_schemes": []}}, {"known without a dot, native"}),
    ({"redirect": {"max_count": 51}}, {"51 URIs"}),
    ({"redirect": {"max_length": 2001}}, {"2001 characters"}),
    ({"redirect": {"query": False}}, {"query", "empty query"}),
    ({"redirect": {"ip_literal_https": True}}, {"https by IPv4 address", "https by IPv6 address"}),
    ({"redirect": {"localhost_name": False}}, {"localhost, native"}),
    ({"redirect": {"always_required": True}}, {"none"}),
    (
        {"redirect": {"https_only": True}},
        {
            name
            for name in ACCEPTED
            if name.startswith(("127.", "[::1]", "localhost", "private-use", "known without"))
        },
    ),
]


@requirement(
    "OIDR-2-01", "OIDR-2-08", "OIDR-2-09", "POL-10", "POL-11", "POL-12", "POL-13", "POL-14"
)
@requirement("POL-15", "POL-17", "POL-18")
@each("groups, turned", SWITCHES)
def test_a_switch_turns_its_own_verdict_only(groups: dict[str, Any], turned: set[str]) -> None:
    assert accepted(**groups) ^ ACCEPTED == turned


def test_each_switch_is_turned() -> None:
    turned = {name for groups, _ in SWITCHES for name in groups.get("redirect", {})}
    assert turned == set(RedirectPolicy.model_fields)


@requirement("POL-11", "POL-13", "POL-18")
def test_what_a_closed_switch_says() -> None:
    def told(value: str, application_type: str, **redirect: bool) -> list[str]:
        submission: JsonObject = {"redirect_uris": [value], "application_type": application_type}
        return [issue.reason for issue in issues_of(submission, terms(redirect=redirect))]

    assert told("http://[::1]/", "web", web_loopback_http=False) == [
        "element 0 must use https; http on the local machine is for application_type native"
    ]
    assert told("https://a.example/", "native", native_claimed_https=False) == [
        "element 0 must use a private-use scheme or http on the local machine for native clients"
    ]
    assert told("http://localhost/", "native", localhost_name=False) == [
        "element 0 must use 127.0.0.1 or [::1] in place of localhost"
    ]


@requirement("OIDR-2-06", "OIDR-2-07")
@each("value", ["http://127.0.0.1/cb", "com.example.app:/cb"])
def test_no_switch_weakens_the_implicit_grant_of_web_clients(value: str) -> None:
    loose = terms(redirect={"web_custom_scheme": True, "web_loopback_http": True})
    submission: JsonObject = {"redirect_uris": [value], "application_type": "web", **IMPLICIT}
    assert [issue.reason for issue in issues_of(submission, loose)] == [
        "element 0 must use https with the implicit grant"
    ]


@requirement("OIDR-3.2-01", "OIDR-6-01")
def test_accepted_uris_are_kept_byte_for_byte() -> None:
    values = [*HTTPS, *LOOPBACK, *PRIVATE_USE]
    kept = validate({"redirect_uris": [*values], "application_type": "native"}, terms())
    assert kept.texts("redirect_uris") == values
