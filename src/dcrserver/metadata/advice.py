"""What is acceptable and still not good: told by the preview, never a reason to refuse."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.metadata import algorithms, uris
from dcrserver.metadata.impersonation import DISPLAYED, NAMES
from dcrserver.metadata.model import Draft, Finding, Rule, Terms
from dcrserver.metadata.rules import impersonation
from dcrserver.metadata.rules.definition import rule
from dcrserver.metadata.rules.protection import SECRET_METHODS
from dcrserver.metadata.rules.redirection import REDIRECT_GRANTS


def localhost_by_name(draft: Draft, _: Terms) -> Iterator[Finding]:
    for position, value in enumerate(draft.texts("redirect_uris")):
        if uris.parse(value).host == "localhost":
            yield "redirect_uris", f"element {position} is safer with 127.0.0.1 or [::1]"


def outdated_grants(draft: Draft, _: Terms) -> Iterator[Finding]:
    for grant in ("implicit", "password"):
        if grant in draft.texts("grant_types"):
            yield "grant_types", f"'{grant}' is out of date; use authorization_code with PKCE"


def secrets_of_native_apps(draft: Draft, _: Terms) -> Iterator[Finding]:
    if (
        draft.text("application_type") == "native"
        and draft.text("token_endpoint_auth_method") in SECRET_METHODS
    ):
        reason = "is a method with a secret, which a native app cannot keep; use none and PKCE"
        yield "token_endpoint_auth_method", reason


def nameless_clients(draft: Draft, _: Terms) -> Iterator[Finding]:
    if REDIRECT_GRANTS.intersection(draft.texts("grant_types")) and not draft.has("client_name"):
        yield "client_name", "is missing; a person who is asked for consent sees the client_id"


def idle_assertion_algorithm(draft: Draft, _: Terms) -> Iterator[Finding]:
    method = draft.text("token_endpoint_auth_method")
    if method not in algorithms.OF_METHOD:
        yield "token_endpoint_auth_signing_alg", f"means nothing with {method}"


def mixed_names(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if terms.policy.text.mixed_scripts == "flag":
        yield from impersonation.mixing(draft, terms)


def foreign_pages(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if terms.policy.uris.foreign_domain == "flag":
        yield from impersonation.foreign(draft, terms)


ADVICE: tuple[Rule, ...] = (
    rule(
        localhost_by_name,
        "R8252-8.3",
        "RFC 8252 8.3",
        "the loopback address is safer than the name localhost",
        about=["redirect_uris"],
    ),
    rule(
        outdated_grants,
        "R9700-2.1.2",
        "RFC 9700 2.1.2 and 2.4",
        "implicit and password grants are out of date",
        about=["grant_types"],
    ),
    rule(
        secrets_of_native_apps,
        "R8252-8.5",
        "RFC 8252 8.5",
        "an app on a person's device cannot keep a secret",
        uses=["application_type"],
        about=["token_endpoint_auth_method"],
    ),
    rule(
        nameless_clients,
        "R7591-2-01",
        "RFC 7591 2",
        "without client_name a person is shown the client_id",
        uses=["grant_types", "client_name"],
    ),
    rule(
        idle_assertion_algorithm,
        "CF-34..35",
        "OpenID Connect Registration 2",
        "token_endpoint_auth_signing_alg means something beside an assertion method only",
        uses=["token_endpoint_auth_method"],
        about=["token_endpoint_auth_signing_alg"],
    ),
    rule(
        mixed_names,
        "POL-57",
        "UTS #39 5.2",
        "a word of two scripts can be read as another one",
        about=NAMES,
    ),
    rule(
        foreign_pages,
        "POL-58",
        "RFC 7591 5",
        "pages and images on another domain than the redirect URIs prove nothing about the client",
        uses=["redirect_uris"],
        about=DISPLAYED,
    ),
)
