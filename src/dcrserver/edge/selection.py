"""``fields=a,b``: answers with the members that are asked for, and no others."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.errors import InvalidInput
from dcrserver.strict_json import JsonObject, dumps

_NAME = "fields"


@dataclass(frozen=True, slots=True)
class Selection:
    """The members that can be asked for: of the answer, or of each item of a page."""

    members: Collection[str]
    is_page: bool

    @classmethod
    def of(cls, model: Any) -> Selection | None:  # noqa: ANN401 - what FastAPI was given
        """Of an answer that is ``model``; None where there is nothing to choose."""
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
        items = model.model_fields.get("items")
        if items is None or "next" not in model.model_fields:
            return cls(tuple(_names(model)), is_page=False)
        (item,) = items.annotation.__args__  # type: ignore[union-attr]
        return cls(tuple(_names(item)), is_page=True)

    @property
    def described(self) -> JsonObject:
        """For OpenAPI."""
        of = "of each item" if self.is_page else "of the answer"
        return {
            "name": _NAME,
            "in": "query",
            "required": False,
            "schema": {"type": "string"},
            "description": f"the members {of} that are wanted, with commas between them",
        }

    def chosen(self, request: Request) -> Chosen | None:
        """What ``request`` asks for; None: everything.

        Raises:
            InvalidInput: a member that there is not.
        """
        text = request.query_params.get(_NAME)
        if text is None:
            return None
        names = [name.strip() for name in text.split(",")]
        for name in names:
            if name not in self.members:
                told = ", ".join(self.members)
                raise InvalidInput(f"fields must be some of these: {told}", parameter=_NAME)
        return Chosen(names, self.is_page)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The members that are wanted."""

    names: Sequence[str]
    is_page: bool

    def of(self, response: Response) -> Response:
        """``response`` with them alone."""
        body: Any = json.loads(bytes(response.body))
        if self.is_page:
            body["items"] = [self._part(item) for item in body["items"]]
        else:
            body = self._part(body)
        made = Response(dumps(body), response.status_code, media_type="application/json")
        headers = MutableHeaders(raw=made.raw_headers)
        for name, value in response.headers.items():
            if name not in {"content-type", "content-length"}:
                headers[name] = value
        return made

    def _part(self, whole: JsonObject) -> JsonObject:
        return {name: whole[name] for name in self.names if name in whole}


def _names(model: type[BaseModel]) -> list[str]:
    return [field.serialization_alias or name for name, field in model.model_fields.items()]
