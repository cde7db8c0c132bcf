"""Pages: templates that escape whatever they are given, and files that they use."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

_FILES = resources.files("dcrserver.edge") / "static"
_MEDIA_TYPES = {"css": "text/css", "svg": "image/svg+xml", "ico": "image/x-icon"}


@dataclass(frozen=True)
class StaticFile:
    """A file whose address changes with what is in it, so that copies may be kept for long."""

    content: bytes
    media_type: str
    version: str


def _read(name: str) -> StaticFile:
    content = (_FILES / name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return StaticFile(content, _MEDIA_TYPES[name.rpartition(".")[2]], digest)


STATIC = {name: _read(name) for name in ("style.css", "favicon.svg", "favicon.ico")}


def prose(text: str) -> Markup:
    """``text`` with what stands between backticks set as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one is left over: no code
        return escape(text)
    return Markup().join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


_templates = Environment(
    loader=PackageLoader("dcrserver.edge"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"json": _json, "prose": prose}
_templates.globals["static"] = {name: file.version for name, file in STATIC.items()}


def text(template: str, /, **values: Any) -> str:  # noqa: ANN401
    """The source of the page that ``template`` makes of ``values``."""
    return _templates.get_template(template).render(**values)


def page(template: str, status: int = 200, /, **values: Any) -> HTMLResponse:  # noqa: ANN401
    """The ``template``, rendered with ``values``."""
    return HTMLResponse(text(template, **values), status)
