"""How to call an operation with curl and with Python, as texts that can be pasted.

What the caller has to bring is read from the environment: ``$REGISTRATION_ACCESS_TOKEN``.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pprint import pformat
from typing import Any
from urllib.parse import quote, urlencode

from dcrserver.api.openapi.parts import FORM, JSON

_WIDTH = 68
_LONG_LINE = 60


@dataclass(frozen=True)
class Call:
    """A request: ``token`` is the name of a bearer token, ``is_client`` asks for a client's own
    credentials (HTTP Basic).
    """

    method: str
    base: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None
    is_client: bool = False
    media_type: str | None = None
    body: Any = None

    @property
    def url(self) -> str:
        """The address with its parameters and its query filled in."""
        path = self.path
        for name, value in self.parameters.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return f"{self.base}{path}" + (f"?{urlencode(self.query)}" if self.query else "")


def curl(call: Call) -> str:
    """The call as a command for a shell."""
    method = "" if call.method == "GET" else f" -X {call.method}"
    parts = [f"curl{method} {shlex.quote(call.url)}"]
    if call.token:
        parts.append(f'-H "Authorization: Bearer ${call.token.upper()}"')
    if call.is_client:
        parts.append('-u "$CLIENT_ID:$CLIENT_SECRET"')
    if call.media_type == FORM:
        parts += [f"--data-urlencode {shlex.quote(f'{k}={v}')}" for k, v in call.body.items()]
    elif call.media_type == JSON:
        text = json.dumps(call.body, indent=2, ensure_ascii=False)
        parts += [f"-H {shlex.quote(f'Content-Type: {JSON}')}", f"--data {shlex.quote(text)}"]
    return " \\\n  ".join(parts)


def python(call: Call) -> str:
    """The call as a program that uses httpx."""
    arguments = [repr(call.url)]
    if call.token:
        secret = f"os.environ['{call.token.upper()}']"
        arguments.append(f'headers={{"Authorization": f"Bearer {{{secret}}}"}}')
    if call.is_client:
        arguments.append('auth=(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])')
    if call.media_type is not None:
        name = "data" if call.media_type == FORM else "json"
        arguments.append(f"{name}={_literal(call.body)}")
    uses_environment = call.token or call.is_client
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return (
        f"{'import os' + chr(10) + chr(10) if uses_environment else ''}import httpx\n\n"
        f"answer = httpx.{call.method.lower()}(\n{lines})\n"
        "print(answer.status_code, answer.text)"
    )


def _literal(value: Any) -> str:  # noqa: ANN401
    """``value`` as Python spells it, one member a line, to stand four places in."""
    if not isinstance(value, dict):
        return pformat(value, width=_WIDTH, sort_dicts=False)
    members = "".join(f"        {name!r}: {_within(member)},\n" for name, member in value.items())
    return f"{{\n{members}    }}"


def _within(value: Any) -> str:  # noqa: ANN401
    text = pformat(value, width=_LONG_LINE, sort_dicts=False)
    return text.replace("\n", "\n        ")
