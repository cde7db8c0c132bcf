"""Which server a client comes from is seen by its members; ours are taken as they are."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

from dcrserver.moving import hydra, keycloak, stores
from dcrserver.moving.record import Moved, text
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads

# What a document of one value keeps its clients in: Hydra's list, Keycloak's exports.
_LISTS = ("items", "clients")
_SERVERS = (stores, keycloak, hydra)
_MAX_LINE = 1_048_576
# A realm of Keycloak's is deeper than any client.
_MAX_DEPTH, _MAX_MEMBERS = 64, 10_000


def moved(given: JsonObject, hashes: Mapping[str, JsonObject] | None = None) -> Moved:
    """``given`` as a registration of ours; ``hashes`` are the rows of a table by client_id."""
    for server in _SERVERS:
        if server.recognises(given):
            made: Moved = server.move(given, hashes or {})
            made.tell_of_redirect_uris()
            return made
    return Moved(text(given.get("client_id")), given)


class Found(NamedTuple):
    """A value of a file; ``number`` of its line, or of the client in a document of one value.

    ``size``: how much of the file it is.
    """

    number: int
    value: JsonValue | BadJson
    size: int


class Documents:
    """The clients in a file, one after the other; each is parsed once.

    ``unit``: what they are counted by, line or client. ``size``: of all of them.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._clients = _whole(file)
        self.unit = "line" if self._clients is None else "client"
        if self._clients is None:
            self.size = file.seek(0, 2)
            file.seek(0)
        else:
            self.size = len(self._clients)

    def __iter__(self) -> Iterator[Found]:
        if self._clients is None:
            return self._lines()
        return (Found(number, value, 1) for number, value in enumerate(self._clients, 1))

    def _lines(self) -> Iterator[Found]:
        for number, line in enumerate(iter(lambda: self._file.readline(_MAX_LINE), b""), 1):
            if line.strip():
                yield Found(number, _value(line), len(line))


class Lines:
    """The clients of what has one on each line, as ``Documents`` finds them, while it comes."""

    unit = "line"

    def __init__(self) -> None:
        self._number = 0
        self._rest = b""

    def of(self, part: bytes) -> Iterator[Found]:
        """Those whose lines end within the next ``part``; to be gone through before the next."""
        file = io.BytesIO(self._rest + part)
        self._rest = b""
        for line in iter(lambda: file.readline(_MAX_LINE), b""):
            if not has_first_line(line):
                self._rest = line
            else:
                yield from self._found(line)

    def rest(self) -> Iterator[Found]:
        """That of the last line, which nothing ends."""
        return self._found(self._rest)

    def _found(self, line: bytes) -> Iterator[Found]:
        self._number += 1
        if line.strip():
            yield Found(self._number, _value(line), len(line))


def has_first_line(head: bytes) -> bool:
    """Whether all of the first line has come, or as much of it as is looked at."""
    return b"\n" in head or len(head) >= _MAX_LINE


def is_by_line(head: bytes) -> bool:
    """Whether each line is a client, as what begins with ``head`` tells by its first one."""
    first = _value(io.BytesIO(head).readline(_MAX_LINE))
    return isinstance(first, dict) and clients_of(first) == [first]


def clients_of(document: JsonValue) -> list[JsonValue]:
    """The clients in a document of one value: an array, a list, an export, or a client alone."""
    if isinstance(document, list):
        # Keycloak's command writes an array of realms when it is asked for more than one.
        return [client for each in document for client in clients_of(each)]
    if isinstance(document, dict):
        for name in _LISTS:
            inside = document.get(name)
            if isinstance(inside, list):
                return inside
    return [document]


def _whole(file: BinaryIO) -> list[JsonValue] | None:
    """The clients in a document of one value; None where each line is one."""
    first = file.readline(_MAX_LINE)
    file.seek(0)
    if is_by_line(first):
        return None
    document = _value(file.read())
    file.seek(0)
    return None if isinstance(document, BadJson) else clients_of(document)


def _value(raw: bytes) -> JsonValue | BadJson:
    try:
        return loads(raw, max_depth=_MAX_DEPTH, max_members=_MAX_MEMBERS)
    except BadJson as error:
        return error
