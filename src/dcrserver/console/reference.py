"""What /docs shows, worked out of the OpenAPI document: groups of operations, and schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dcrserver.api.openapi import examples
from dcrserver.api.openapi.examples import Call

Node = Mapping[str, Any]

_SOURCE = re.compile(r"(.*) \(((?:RFC|OpenID|FAPI|JARM|UMA|ETSI|SIOP)[^()]*)\)", re.DOTALL)
_SECTION = re.compile(r" [\d.]+$")
# A schema with more members shows them by the specification that they are from.
_MANY = 30
# The schema that others hold whole: they say so, in place of its hundred members.
_METADATA = "ClientMetadata"
# What a reader knows a specification by.
_NAMES = {
    "RFC 7591": "Dynamic client registration (RFC 7591)",
    "RFC 8705": "Mutual TLS (RFC 8705)",
    "RFC 9101": "Signed authorization requests (RFC 9101)",
    "RFC 9126": "Pushed authorization requests (RFC 9126)",
    "RFC 9396": "Rich authorization requests (RFC 9396)",
    "RFC 9449": "DPoP (RFC 9449)",
    "RFC 9701": "Signed introspection (RFC 9701)",
}


@dataclass(frozen=True)
class Member:
    """One member of a schema; ``within`` is the schema of what it holds."""

    name: str
    kind: str
    is_required: bool
    text: str
    source: str
    values: list[Any]
    default: Any
    example: Any
    within: Schema | None


@dataclass(frozen=True)
class Schema:
    """An object: its members in groups (one without a title, or one for each specification).

    ``others`` names the schema whose members it has as well.
    """

    name: str
    text: str
    groups: list[tuple[str, list[Member]]]
    others: str | None
    example: Any


@dataclass(frozen=True)
class Body:
    """What a request or an answer holds: the name of its schema, if it has one, and an example."""

    media_type: str
    schema: str | None
    example: Any


@dataclass(frozen=True)
class Answer:
    """One of the answers that an operation may give."""

    status: str
    text: str
    headers: list[str]
    body: Body | None


@dataclass(frozen=True)
class Operation:
    """A method of a path, with the call as text for curl and Python.

    ``schemes``: what callers may prove themselves with; ``is_optional``: or with nothing.
    """

    anchor: str
    method: str
    path: str
    title: str
    text: str
    schemes: list[str]
    is_optional: bool
    parameters: list[Member]
    body: Body | None
    answers: list[Answer]
    curl: str
    python: str


@dataclass(frozen=True)
class Group:
    """Operations about one thing, under one heading."""

    anchor: str
    title: str
    text: str
    operations: list[Operation]


class Reference:
    """Reads the OpenAPI document ``api`` for people.

    ``base`` is what paths are appended to; ``is_open``: anybody may register.
    """

    def __init__(self, api: Node, base: str, *, is_open: bool) -> None:
        self._api = api
        self._base = base
        self._is_open = is_open
        self._schemas: Mapping[str, Node] = api["components"]["schemas"]
        self._metadata = self._schemas.get(_METADATA, {}).get("properties", {})

    def groups(self) -> list[Group]:
        """The groups that have operations: the document's tags in their order, then the others."""
        tags = {tag["name"]: tag for tag in self._api["tags"]}
        found: dict[str, list[Operation]] = {name: [] for name in tags}
        for path, item in self._api["paths"].items():
            for method, node in item.items():
                operation = self._operation(path, method.upper(), node)
                found.setdefault(node.get("tags", ["other"])[0], []).append(operation)
        told = {name: tags.get(name, {}) for name, operations in found.items() if operations}
        return [
            Group(
                anchor(name),
                tag.get("x-displayName", name.capitalize()),
                tag.get("description", ""),
                found[name],
            )
            for name, tag in told.items()
        ]

    def schemas(self) -> list[Schema]:
        """All schemas of the document."""
        return [self._schema(name, node) for name, node in self._schemas.items()]

    def _operation(self, path: str, method: str, node: Node) -> Operation:
        security = node.get("security", ())
        body = self._body(node.get("requestBody", {}))
        call = self._call(path, method, node, body)
        return Operation(
            anchor=anchor(f"{method} {path}"),
            method=method,
            path=path,
            title=node["summary"],
            text=node.get("description", ""),
            schemes=[scheme for choice in security for scheme in choice],
            is_optional={} in security,
            parameters=[
                self._member(each["name"], each["schema"] | each, is_required=each["required"])
                for each in node.get("parameters", ())
            ],
            body=body,
            answers=[self._answer(*each) for each in node["responses"].items()],
            curl=examples.curl(call),
            python=examples.python(call),
        )

    def _call(self, path: str, method: str, node: Node, body: Body | None) -> Call:
        scheme = next((name for choice in node.get("security", ()) for name in choice), None)
        if scheme == "initial_access_token" and self._is_open:
            scheme = None
        return Call(
            method=method,
            base=self._base,
            path=path,
            parameters=_needed(node, "path"),
            query=_needed(node, "query"),
            token=scheme if scheme != "client" else None,
            is_client=scheme == "client",
            media_type=body.media_type if body else None,
            body=body.example if body else None,
        )

    def _answer(self, status: str, node: Node) -> Answer:
        return Answer(
            status, node.get("description", ""), list(node.get("headers", ())), self._body(node)
        )

    def _body(self, node: Node) -> Body | None:
        for media_type, content in node.get("content", {}).items():
            schema = content.get("schema", {})
            name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else None
            known = self._schemas.get(name or "", {})
            return Body(media_type, name, content.get("example", known.get("example")))
        return None

    def _schema(self, name: str, node: Node) -> Schema:
        properties = node.get("properties", {})
        others = None
        if name != _METADATA and self._metadata and self._metadata.keys() <= properties.keys():
            others = _METADATA
            properties = {k: v for k, v in properties.items() if k not in self._metadata}
        required = node.get("required", ())
        members = [self._member(k, v, is_required=k in required) for k, v in properties.items()]
        groups = list(_by_source(members)) if len(members) > _MANY else [("", members)]
        return Schema(name, node.get("description", ""), groups, others, node.get("example"))

    def _member(self, name: str, node: Node, *, is_required: bool) -> Member:
        described = node.get("description", "")
        found = _SOURCE.fullmatch(described)
        text, source = found.groups() if found else (described, "")
        inner = node.get("items", node)
        return Member(
            name=name,
            kind=_kind(node),
            is_required=is_required,
            text=text,
            source=source,
            values=inner.get("enum", []),
            default=node.get("default"),
            example=node.get("example"),
            within=self._schema(name, inner) if inner.get("properties") else None,
        )


def _kind(node: Node) -> str:
    """The type in words: ``array of string (uri)``, ``integer or null``."""
    if "anyOf" in node:
        return " or ".join(_kind(each) for each in node["anyOf"])
    if "$ref" in node:
        return str(node["$ref"]).rpartition("/")[2]
    types = node.get("type", "any")
    text = types if isinstance(types, str) else " or ".join(types)
    if "array" in types and "items" in node:
        return f"{text} of {_kind(node['items'])}"
    return f"{text} ({node['format']})" if "format" in node else text


def _by_source(members: list[Member]) -> Iterator[tuple[str, list[Member]]]:
    def family(member: Member) -> str:
        source = _SECTION.sub("", member.source)
        return _NAMES.get(source, source) or "Others"

    order = list(dict.fromkeys(map(family, members)))
    for title, found in groupby(sorted(members, key=lambda it: order.index(family(it))), family):
        yield title, list(found)


def _needed(node: Node, place: str) -> dict[str, str]:
    """Examples of the parameters in ``place`` that a request needs."""
    return {
        each["name"]: str(_example_of(each) or each["name"].upper())
        for each in node.get("parameters", ())
        if each["in"] == place and each["required"]
    }


def _example_of(node: Node) -> Any:  # noqa: ANN401
    """What stands beside a parameter, or in its schema, as FastAPI puts it there."""
    schema = node.get("schema", {})
    return node.get("example", schema.get("example", next(iter(schema.get("examples", ())), None)))


def anchor(text: str) -> str:
    """What a link within the page calls a place: letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
