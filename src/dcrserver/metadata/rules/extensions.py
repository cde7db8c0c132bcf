"""What an administrator decides about a client, beside what is registered."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.metadata.catalogue.extensions import PUBLIC_CLIENT
from dcrserver.metadata.model import Draft, Finding, Rule, Terms
from dcrserver.metadata.rules.definition import rule

_SECTION = "docs/extensions.md"


def public_clients_have_no_secret(draft: Draft, _: Terms) -> Iterator[Finding]:
    if draft.members[PUBLIC_CLIENT] is not draft.is_public:
        says = "true" if draft.members[PUBLIC_CLIENT] else "false"
        method = draft.text("token_endpoint_auth_method")
        yield PUBLIC_CLIENT, f"must not be {says} beside token_endpoint_auth_method {method}"


RULES: tuple[Rule, ...] = (
    rule(
        public_clients_have_no_secret,
        "EXT-01",
        _SECTION,
        "public_client is true beside token_endpoint_auth_method none, false beside another",
        uses=["token_endpoint_auth_method"],
        about=[PUBLIC_CLIENT],
    ),
)
