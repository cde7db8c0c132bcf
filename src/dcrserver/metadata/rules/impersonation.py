"""What people are shown, where the policy refuses what it could tell (RFC 7591 5)."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.metadata.impersonation import DISPLAYED, NAMES, foreign_pages, mixed_names
from dcrserver.metadata.model import Draft, Finding, Rule, Terms
from dcrserver.metadata.rules.definition import rule


def names_are_of_one_script(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if terms.policy.text.mixed_scripts == "reject":
        yield from mixing(draft, terms)


def mixing(draft: Draft, _: Terms) -> Iterator[Finding]:
    """Also what the preview tells where it is not refused."""
    for member, scripts in mixed_names(draft.members):
        yield member, f"mixes scripts in one word: {' and '.join(scripts)}"


def pages_are_of_the_client(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if terms.policy.uris.foreign_domain == "reject":
        yield from foreign(draft, terms)


def foreign(draft: Draft, _: Terms) -> Iterator[Finding]:
    """As ``mixing``."""
    for member in foreign_pages(draft.members):
        yield member, "is on another domain than every redirect URI"


RULES: tuple[Rule, ...] = (
    rule(
        names_are_of_one_script,
        "POL-57",
        "UTS #39 5.2",
        "each word of a name is of one script, where the policy says so",
        about=NAMES,
    ),
    rule(
        pages_are_of_the_client,
        "POL-58",
        "RFC 7591 5",
        "pages and images for people are on the domain of a redirect URI, where the policy says so",
        uses=["redirect_uris"],
        about=DISPLAYED,
    ),
)
