"""What groups and values of the configuration are: lists from text, URLs to show, issuers."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, SecretStr
from pydantic_settings import NoDecode

from dcrserver.metadata import uris

# Up to the last at-sign: a password that should have been percent-encoded is hidden whole.
_PASSWORD = re.compile(r"(?<=://)([^:@/]*:).*@")
_SECRET_PARAMETER = re.compile(r"(?i)([?&][^=&]*(?:pass|pwd|secret|token|key)[^=&]*=)[^&]*")


class Group(BaseModel):
    """Keys of one theme; one that does not exist is an error."""

    # A number of seconds that is no number would be waited for.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _listed(value: object) -> object:
    """A list as text, as environment variables bring it: JSON, or separated by commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [item.strip() for item in value.split(",") if item.strip()]


Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
TextSet = Annotated[frozenset[str], NoDecode, BeforeValidator(_listed)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_listed)]


def _without_password(url: SecretStr) -> str:
    """A URL to show; what looks like a password of any driver, in the query too, stays here."""
    shown = _PASSWORD.sub(r"\1**********@", url.get_secret_value())
    return _SECRET_PARAMETER.sub(r"\1**********", shown)


SecretUrl = Annotated[SecretStr, PlainSerializer(_without_password, when_used="json")]


def checked_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    """
    Raises:
        ValueError: an entry is no address and no network, or is there twice.
    """
    networks = [ipaddress.ip_network(entry) for entry in value]
    for entry, network in zip(value, networks, strict=True):
        if networks.count(network) > 1:
            raise ValueError(f"{entry} is named twice")
    return value


def checked_issuer(value: str) -> str:
    """An issuer: http(s), a host, no query, no fragment (OIDD-2-02, R8414-2-01); no end slash.

    Raises:
        ValueError: it is none.
    """
    try:
        uri = uris.parse(value)
    except uris.BadUri as error:
        raise ValueError(str(error)) from None
    if uri.scheme not in {"http", "https"}:
        raise ValueError("must be an http(s) URL with a host")
    if uri.userinfo or uri.query is not None or uri.fragment is not None:
        raise ValueError("must not hold user information, a query or a fragment")
    return value.rstrip("/")


def nameserver(text: str) -> tuple[str, int]:
    """Address and port of a name server: ``192.0.2.1``, ``192.0.2.1:5353``, ``[2001:db8::1]:53``.

    Raises:
        ValueError: it is none.
    """
    host, port = text, "53"
    if text.startswith("[") or text.count(":") == 1:
        host, _, port = text.rpartition(":")
    return str(ipaddress.ip_address(host.strip("[]"))), int(port)
