"""Families of members that most servers have no use for: understood where the policy says so."""

from __future__ import annotations

from collections.abc import Iterable

from dcrserver.metadata import algorithms, kinds
from dcrserver.metadata.catalogue.shared import CONTENT, ENCRYPTION, SIGNED
from dcrserver.metadata.model import Parameter
from dcrserver.metadata.roles import Role

_FEDERATION = "OpenID Federation 5.2.2"
_NFV = "ETSI GS NFV-SEC 022"
_CHOICES = "OpenID Connect RP Metadata Choices 2"

UMA: tuple[Parameter, ...] = (
    Parameter(
        "claims_redirect_uris", kinds.REDIRECT_URIS, "UMA 2.0 Grant 2",
        "Where a person may be sent after claims gathering",
        example=["https://client.example.org/claims"],
    ),
)  # fmt: skip

NFV: tuple[Parameter, ...] = (
    Parameter(
        "nfv_token_signed_response_alg", SIGNED, _NFV, "How NFV tokens are signed",
        role=Role.RESPONSE_SIGNATURE,
    ),
    Parameter(
        "nfv_token_encrypted_response_alg", ENCRYPTION, _NFV, "How NFV tokens are encrypted",
        role=Role.RESPONSE_ENCRYPTION,
    ),
    Parameter(
        "nfv_token_encrypted_response_enc", CONTENT, _NFV, "Content encryption of the same",
        role=Role.CONTENT_ENCRYPTION,
    ),
)  # fmt: skip

FEDERATION: tuple[Parameter, ...] = (
    Parameter(
        "client_registration_types", kinds.TEXTS, "OpenID Federation 5.1.2",
        "How the client registers in a federation", example=["automatic"],
    ),
    Parameter(
        "signed_jwks_uri", kinds.FETCHED_URI, "OpenID Federation 5.2.1",
        "JWK Set signed by a federation key", fetched=True,
        example="https://client.example.org/signed-jwks",
    ),
    Parameter(
        "organization_name", kinds.TEXT, _FEDERATION, "Name of the organization",
        role=Role.NAME, localizable=True, example="Example Org",
    ),
    Parameter(
        "display_name", kinds.TEXT, _FEDERATION, "Name of the entity to show to people",
        role=Role.NAME, localizable=True, example="Example",
    ),
    Parameter(
        "description", kinds.TEXT, _FEDERATION, "What the entity does",
        localizable=True, example="What it does",
    ),
    Parameter(
        "keywords", kinds.TEXTS, _FEDERATION, "Words that describe the entity",
        localizable=True, example=["demo"],
    ),
    Parameter(
        "information_uri", kinds.DISPLAY_URI, _FEDERATION, "Page about the entity",
        localizable=True, example="https://client.example.org/about",
    ),
    Parameter(
        "organization_uri", kinds.DISPLAY_URI, _FEDERATION, "Page about the organization",
        localizable=True, example="https://client.example.org/org",
    ),
)  # fmt: skip

VP: tuple[Parameter, ...] = (
    Parameter(
        "vp_formats_supported", kinds.FORMATS, "OpenID for Verifiable Presentations 11.1",
        "Credential formats that the verifier understands",
        example={"dc+sd-jwt": {"sd-jwt_alg_values": ["ES256"]}},
    ),
    Parameter(
        "encrypted_response_enc_values_supported", kinds.choices(*algorithms.CONTENT_ENCRYPTION),
        "OpenID for Verifiable Presentations 5.1",
        "Content encryption that the verifier can read", example=["A128GCM"],
    ),
)  # fmt: skip

SIOP: tuple[Parameter, ...] = (
    Parameter(
        "subject_syntax_types_supported", kinds.TEXTS, "SIOP v2 (draft) 7.5",
        "Kinds of subject identifiers", example=["urn:ietf:params:oauth:jwk-thumbprint"],
    ),
)  # fmt: skip

# Of the members that take one value of a server's list, what section 2 does not speak of.
_NO_CHOICE = frozenset({"backchannel_token_delivery_mode"})


def choices_for(rows: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """The rows of RP Metadata Choices: for each of ``rows`` that takes one value of a server's
    list, the member of that list's name, by which the client says what it can handle.
    """
    return tuple(
        Parameter(
            row.bounded_by, kinds.POSSIBILITIES, _CHOICES,
            f"Values of {row.name} that the client can handle; the server chooses one",
            chooses=row.name,
        )
        for row in rows
        if row.bounded_by and row.kind.is_one_name and row.name not in _NO_CHOICE
    )  # fmt: skip
