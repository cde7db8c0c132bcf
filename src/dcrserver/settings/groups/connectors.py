"""[connectors.NAME]: authorization servers that are told of the clients."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from dcrserver.settings.values import Group, SecretUrl, Texts

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
# By kind: what there must be (one of each set), and what there may be beside what all have.
_OF_KIND: dict[str, tuple[tuple[frozenset[str], ...], frozenset[str]]] = {
    "keycloak": (
        (frozenset({"url"}), frozenset({"realm"}), frozenset({"client_id"}),
         frozenset({"client_secret", "private_key_file"})),
        frozenset(),
    ),
    "hydra": ((frozenset({"url"}),), frozenset()),
    "rfc7591": (
        (frozenset({"registration_endpoint"}),),
        frozenset({"initial_access_token"}),
    ),
    "json_file": ((frozenset({"path"}),), frozenset()),
    "sql": ((frozenset({"database_url"}),), frozenset({"table", "secret_form"})),
}  # fmt: skip
_SPECIFIC = frozenset[str]().union(
    *(each for needed, more in _OF_KIND.values() for each in (*needed, more))
)


def _connector_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a connector's name has 1 to 32 letters, digits, dashes, underscores")
    return name


ConnectorName = Annotated[str, AfterValidator(_connector_name)]


class ConnectorSettings(Group):
    """An authorization server, or what it reads, that is told of the clients."""

    kind: Literal["keycloak", "hydra", "rfc7591", "json_file", "sql"] = Field(
        description="what it is: Keycloak (Admin REST API), Ory Hydra (admin API), any server with"
        " a registration endpoint (RFC 7591 and 7592), a file of JSON lines, a table of SQL"
    )
    tenants: Texts = Field(default=(), description="whose clients it is told of; none: of all")
    url: str | None = Field(
        default=None, description="keycloak: its base URL; hydra: that of its admin API"
    )
    realm: str | None = Field(
        default=None,
        min_length=1,
        description="keycloak: the realm; {tenant} in it is the tenant's name",
    )
    client_id: str | None = Field(
        default=None,
        min_length=1,
        description="keycloak: our service account there, with the role manage-clients",
    )
    client_secret: SecretStr | None = Field(default=None, description="keycloak: its secret")
    client_secret_file: Path | None = Field(
        default=None, description="a file that holds client_secret, in its place"
    )
    private_key_file: Path | None = Field(
        default=None,
        description="keycloak: its private key, PEM or JWK, for private_key_jwt in place of a"
        " secret",
    )
    registration_endpoint: str | None = Field(
        default=None, description="rfc7591: where clients are registered"
    )
    initial_access_token: SecretStr | None = Field(
        default=None, description="rfc7591: the token to register with, where it asks for one"
    )
    initial_access_token_file: Path | None = Field(
        default=None, description="a file that holds initial_access_token, in its place"
    )
    path: Path | None = Field(default=None, description="json_file: the file that is written")
    database_url: SecretUrl | None = Field(
        default=None, description="sql: the database, as database.url"
    )
    database_url_file: Path | None = Field(
        default=None, description="a file that holds database_url, in its place"
    )
    table: str = Field(
        default="oauth_clients",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="sql: the table, made where it is not there",
    )
    secret_form: Literal["bcrypt", "sha256", "plain"] = Field(
        default="bcrypt",
        description="sql: how secrets stand in the table: bcrypt, the base64 of SHA-256, or as they"
        " are",
    )
    provision: Literal["before", "after"] = Field(
        default="before",
        description="before: a client is answered when the target has it, and refused where that"
        " refuses; after: it is answered at once, and told there meanwhile",
    )
    drift: Literal["repair", "report", "adopt"] = Field(
        default="report",
        description="what is done where the target differs from here: put right, told, or taken"
        " over",
    )
    drift_seconds: float = Field(
        default=3600.0, gt=0, description="how often the target is compared with what is here"
    )
    mark: str = Field(
        default="dcrserver",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="by what our clients are told from others there; nothing else is changed",
    )
    insecure: bool = Field(
        default=False, description="plain http is allowed also to what is not this machine"
    )
    ca_file: Path | None = Field(default=None, description="extra roots for its TLS, PEM")
    timeout: float = Field(default=10.0, gt=0, le=120, description="seconds for one call, all in")
    concurrency: int = Field(default=16, ge=1, le=256, description="calls at once, a process")
    rate: float | None = Field(
        default=None, gt=0, description="calls a second, a process; none: as many as it takes"
    )

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        needed, more = _OF_KIND[self.kind]
        given = {name for name in _SPECIFIC if name in self.model_fields_set}
        for choice in needed:
            if len(choice & given) != 1:
                raise ValueError(f"kind {self.kind} needs {_one_of(choice)}")
        if foreign := sorted(given - more.union(*needed)):
            raise ValueError(f"{foreign[0]} is not for kind {self.kind}")
        for name in ("url", "registration_endpoint"):
            if (value := getattr(self, name)) is not None:
                _check_url(name, value, insecure=self.insecure)
        return self


def _one_of(choice: frozenset[str]) -> str:
    names = sorted(choice)
    return names[0] if len(names) == 1 else f"exactly one of {', '.join(names)}"


def _check_url(name: str, value: str, *, insecure: bool) -> None:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{name} must be an http or https URL without query and fragment")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{name} must not hold credentials")
    if parts.scheme == "http" and not insecure and not _is_loopback(parts.hostname):
        raise ValueError(f"{name} must be https, unless it is this machine or insecure = true")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
