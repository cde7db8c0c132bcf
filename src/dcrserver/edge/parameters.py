"""Query parameters of ordinary routes: what no one reads is refused, not ignored."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from starlette.requests import Request

from dcrserver.errors import InvalidInput

NUL = "\0"
_LISTS = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a route: ``single`` once each, ``repeatable`` as often as one likes.

    ``free``: beginnings of names that mean something, however they go on.
    """

    single: Collection[str]
    repeatable: Collection[str]
    free: tuple[str, ...]

    @classmethod
    def of(cls, dependant: Dependant, others: Collection[str], free: Sequence[str]) -> Parameters:
        """Those that FastAPI found, and ``others`` that are looked at before."""
        single, repeatable = set(others), set[str]()
        for name, annotation in _found(dependant):
            (repeatable if _is_list(annotation) else single).add(name)
        return cls(frozenset(single), frozenset(repeatable), tuple(free))

    def check(self, request: Request) -> None:
        """Every parameter of the query means something.

        Raises:
            InvalidInput: one does not, or is there twice where one is meant; or it holds a NUL,
                which PostgreSQL has in no text.
        """
        seen: set[str] = set()
        for name, value in request.query_params.multi_items():
            if NUL in name or NUL in value:
                raise InvalidInput("must not hold U+0000", parameter=name[:64])
            if name in self.repeatable or (self.free and name.startswith(self.free)):
                continue
            if name not in self.single:
                raise InvalidInput(f"there is no such parameter: {name[:64]}", parameter=name[:64])
            if name in seen:
                raise InvalidInput(f"{name} must be there once", parameter=name)
            seen.add(name)


def _found(dependant: Dependant) -> Iterator[tuple[str, Any]]:
    for below in dependant.dependencies:
        yield from _found(below)
    for field in dependant.query_params:
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for name, inner in annotation.model_fields.items():
                yield inner.alias or name, inner.annotation
        else:
            yield field.alias, annotation


def _is_list(annotation: Any) -> bool:  # noqa: ANN401 - of a type
    return get_origin(annotation) in _LISTS or any(map(_is_list, get_args(annotation)))
