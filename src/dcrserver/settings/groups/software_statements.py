"""[[software_statements]]: issuers of software statements that are trusted (RFC 7591 2.3)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from dcrserver.metadata import algorithms
from dcrserver.settings.values import Group, Texts, https_url

_SOURCES = ("jwks_file", "jwks_uri", "pem_file")
_MAX_ISSUER = 512


class StatementIssuerSettings(Group):
    """An issuer whose software statements are trusted, where policy.statements_mode reads them."""

    issuer: str = Field(
        min_length=1,
        max_length=_MAX_ISSUER,
        description="its name, to the letter as its statements have it (iss)",
    )
    jwks_file: Path | None = Field(
        default=None, description="a file with its public keys, a JWK Set; read at the start"
    )
    jwks_uri: str | None = Field(
        default=None,
        description="where its public keys are, a JWK Set at an https URL; read when they are"
        " needed, and anew when a statement names a key that is not there",
    )
    pem_file: Path | None = Field(
        default=None,
        description="a file with its public keys or certificates, PEM; read at the start."
        " Exactly one of the three is there",
    )
    algorithms: Texts = Field(
        default=algorithms.SIGNATURE,
        min_length=1,
        description="of signatures that are accepted: asymmetric ones, none and HS256 never",
    )
    audience: str | None = Field(
        default=None,
        min_length=1,
        description="what its statements must be for (aud). Unset: they need no aud, and one that"
        " is there must be the issuer of the tenant",
    )
    required_claims: Texts = Field(
        default=(), description="claims that its statements must hold, e.g. software_id, exp, jti"
    )
    maximum_age: int | None = Field(
        default=None,
        ge=1,
        description="seconds after its iat in which a statement can be used; unset: any time",
    )
    clock_skew: int = Field(
        default=30, ge=0, le=300, description="seconds that its clock may be wrong"
    )
    reusable: bool = Field(
        default=False,
        description="a statement with a jti may register more than one client, as where one goes"
        " with every copy of a program; without a jti all may",
    )
    may_set: Texts = Field(
        default=(),
        description="members that its statements set although clients must not, such as those of"
        " [members] whose set_by is administrator",
    )
    blocked_software_ids: Texts = Field(
        default=(), description="software_id of statements that are not approved, though it signs"
    )

    @field_validator("issuer")
    @classmethod
    def _printable(cls, value: str) -> str:
        """It is told in answers, lists and logs."""
        if not value.isprintable():
            raise ValueError("must be printable")
        return value

    @field_validator("jwks_uri")
    @classmethod
    def _secure(cls, value: str | None) -> str | None:
        return None if value is None else https_url(value)

    @field_validator("algorithms")
    @classmethod
    def _asymmetric(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return algorithms.asymmetric(value)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(_SOURCES)}")
        return self


def each_once(issuers: Iterable[StatementIssuerSettings]) -> None:
    """A statement is told by its issuer.

    Raises:
        ValueError: two entries are of one.
    """
    names = [each.issuer for each in issuers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two entries have the issuer {name}")
