"""What groups and values of the configuration are: lists from text, URLs to show, issuers."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import NoDecode

from dcrserver.metadata import uris

# Up to the last at-sign: a password that should have been percent-encoded is hidden whole.
_PASSWORD = re.compile(r"(?<=://)([^:@/]*:).*@")
_SECRET_PARAMETER = re.compile(r"(?i)([?&][^=&]*(?:pass|pwd|secret|token|key)[^=&]*=)[^&]*")


class Group(BaseModel):
    """Keys of one theme; one that does not exist is an error.

    Where ``NAME`` and ``NAME_file`` are keys, the second names a file that holds the first: so
    secrets come that a machine mounts, also by DCR_..._FILE in the environment.
    """

    # A number of seconds that is no number would be waited for.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _with_files(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        read, problems = {}, []
        for name, field in cls.model_fields.items():
            file = given.get(f"{name}_file")
            if f"{name}_file" not in cls.model_fields or not isinstance(file, str | Path):
                continue
            try:
                is_list = get_origin(field.annotation) is tuple
                read[name] = _from_file(name, given, _lines if is_list else _text)
            except ValueError as error:
                problem = PydanticCustomError("file", "{problem}", {"problem": str(error)})
                problems.append(
                    InitErrorDetails(type=problem, loc=(f"{name}_file",), input=str(file))
                )
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return given | read

    def secret_files(self) -> list[Path]:
        """Where secrets of this group were read."""
        files = (getattr(self, f"{name}_file", None) for name in type(self).model_fields)
        return [file for file in files if file is not None]


def _from_file(name: str, given: Mapping[str, Any], parse: Callable[[str], object]) -> object:
    """
    Raises:
        ValueError: the file says nothing, or not alone.
    """
    if given.get(name):
        raise ValueError(f"{name} and {name}_file are exclusive")
    file = Path(given[f"{name}_file"])
    try:
        found = parse(file.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no text") from None
    if not found:  # whoever names a file wants what it holds
        raise ValueError(f"{file} holds nothing")
    return found


def _text(content: str) -> str:
    """Without the end of its line, which editors and ``echo`` make."""
    return content.rstrip("\r\n")


def _lines(content: str) -> list[str]:
    lines = (line.strip() for line in content.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


# The context of what came as JSON: a list is a list there, and no text.
OF_JSON = MappingProxyType({"is_json": True})


def _listed(value: object, info: ValidationInfo) -> object:
    """A list as text, as environment variables bring it: JSON, or separated by commas."""
    if not isinstance(value, str) or info.context is OF_JSON:
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('begins as JSON and is none; a list is ["a","b"], or a,b') from None
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
    """Addresses and networks of a setting, each named once.

    Raises:
        ValueError: an entry is no address and no network, or is there twice.
    """
    networks = [ipaddress.ip_network(entry) for entry in value]
    for entry, network in zip(value, networks, strict=True):
        if networks.count(network) > 1:
            raise ValueError(f"{entry} is named twice")
    return value


def checked_issuer(value: str) -> str:
    """An issuer: http(s), a host, no query, no fragment (OIDD-2-02, R8414-2-01).

    As it was written, also with a final slash: clients compare it by octets (RFC 8414 3.3).

    Raises:
        ValueError: it is not an issuer.
    """
    try:
        uri = uris.parse(value)
    except uris.BadUri as error:
        raise ValueError(str(error)) from None
    if uri.scheme not in {"http", "https"}:
        raise ValueError("must be an http(s) URL with a host")
    if uri.userinfo or uri.query is not None or uri.fragment is not None:
        raise ValueError("must not hold user information, a query or a fragment")
    if value.endswith("//"):
        raise ValueError("must not end in several slashes")
    return value


def https_url(value: str) -> str:
    """A URL of keys: what others are told by is not read from a wire that anybody writes on.

    Raises:
        ValueError: it is none, or neither https nor of this machine.
    """
    try:
        uri = uris.parse(value)
    except uris.BadUri as error:
        raise ValueError(str(error)) from None
    if uri.scheme != "https" and not uri.is_loopback:
        raise ValueError("must be an https URL, or one of this machine (localhost, 127.0.0.1, ::1)")
    return value


def nameserver(text: str) -> tuple[str, int]:
    """Address and port of a name server: ``192.0.2.1``, ``192.0.2.1:5353``, ``[2001:db8::1]:53``.

    Raises:
        ValueError: it is not an address with or without a port.
    """
    host, port = text, "53"
    if text.startswith("[") or text.count(":") == 1:
        host, _, port = text.rpartition(":")
    return str(ipaddress.ip_address(host.strip("[]"))), int(port)
