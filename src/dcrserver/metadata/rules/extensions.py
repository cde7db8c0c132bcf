"""What an administrator decides about a client, beside what is registered."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.metadata.catalogue.extensions import PUBLIC_CLIENT
from dcrserver.metadata.model import Draft, Finding, Rule, Terms
from dcrserver.metadata.rules.definition import rule
from dcrserver.metadata.rules.protection import SECRET_METHODS
from dcrserver.names import PUBLISHED

_SECTION = "docs/extensions.md"


def public_clients_have_no_secret(draft: Draft, _: Terms) -> Iterator[Finding]:
    if draft.members[PUBLIC_CLIENT] is not draft.is_public:
        says = "true" if draft.members[PUBLIC_CLIENT] else "false"
        method = draft.text("token_endpoint_auth_method")
        yield PUBLIC_CLIENT, f"must not be {says} beside token_endpoint_auth_method {method}"


def published_clients_have_no_secret(draft: Draft, _: Terms) -> Iterator[Finding]:
    method = draft.text("token_endpoint_auth_method")
    if draft.members[PUBLISHED] is True and method in SECRET_METHODS:
        yield PUBLISHED, f"must not be true beside {method}: a document holds no secret"


RULES: tuple[Rule, ...] = (
    rule(
        public_clients_have_no_secret,
        "EXT-01",
        _SECTION,
        "public_client is true beside token_endpoint_auth_method none, false beside another",
        uses=["token_endpoint_auth_method"],
        about=[PUBLIC_CLIENT],
    ),
    rule(
        published_clients_have_no_secret,
        "EXT-02",
        "draft-ietf-oauth-client-id-metadata-document 4.1",
        "a client that is published as a document has no secret",
        uses=["token_endpoint_auth_method"],
        about=[PUBLISHED],
    ),
)
