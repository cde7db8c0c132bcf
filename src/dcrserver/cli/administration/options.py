"""Options that come in groups: a command takes one value of a class for all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self, TypeGuard


class OptionGroup(Protocol):
    """What several options make together."""

    @classmethod
    def parameters(cls) -> Iterable[inspect.Parameter]:
        """The options, as Typer reads them of a function."""
        ...

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> Self:
        """Takes its options out of what a command was ``given``."""
        ...


def option(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:  # noqa: ANN401 - a type
    """A parameter that is an option; ``annotation`` says more of it."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` for Typer: in place of each parameter that is a group stand its options."""
    signature = inspect.signature(command, eval_str=True)
    given = signature.parameters.values()
    groups = {each.name: each.annotation for each in given if _is_group(each.annotation)}
    single = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in given
        if each.name not in groups
    ]
    options = [each for group in groups.values() for each in group.parameters()]

    def run(**values: Any) -> None:  # noqa: ANN401 - of any option
        made = {name: group.taken_from(values) for name, group in groups.items()}
        command(**values, **made)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = signature.replace(parameters=[*single, *options])  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return run


def _is_group(annotation: object) -> TypeGuard[type[OptionGroup]]:
    return isinstance(annotation, type) and hasattr(annotation, "taken_from")
