"""Many cases in one test: a node of pytest costs five milliseconds, most cases of ours a tenth."""

from __future__ import annotations

import functools
import inspect
import reprlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest

Test = Callable[..., None]
# What a message holds of one value; a body of 100 KB says no more.
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 120


def each(names: str, values: Iterable[Any]) -> Callable[[Test], Test]:
    """Like ``pytest.mark.parametrize``, but one test tries all values and tells all that fail.

    For tests that neither wait nor leave anything behind: all cases share the fixtures. Where it
    is given more than once, each value meets each of the others.
    """
    arguments = [name.strip() for name in names.split(",")]

    def grouped(test: Test) -> Test:
        inner = getattr(test, "one_case", test)
        ours = [_arguments(arguments, value) for value in values]
        cases = [one | more for more in getattr(test, "cases", [{}]) for one in ours]
        assert cases, f"{test.__name__} has no case of {names}"

        @functools.wraps(test)
        def every_case(**fixtures: Any) -> None:
            failures = [told for case in cases if (told := _failure(inner, case, fixtures))]
            if failures:
                raise BaseExceptionGroup(_summary(failures, len(cases)), failures)

        every_case.one_case, every_case.cases = inner, cases  # type: ignore[attr-defined]
        every_case.__signature__ = _without(cases[0], inner)  # type: ignore[attr-defined]
        return every_case

    return grouped


def _arguments(names: list[str], value: Any) -> dict[str, Any]:
    values = tuple(value) if len(names) > 1 else (value,)
    return dict(zip(names, values, strict=True))


def _failure(test: Test, case: dict[str, Any], fixtures: dict[str, Any]) -> BaseException | None:
    """Which ``pytest.raises`` and ``pytest.skip`` tell otherwise than by an ``Exception``."""
    try:
        test(**fixtures, **case)
    except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:  # noqa: BLE001
        error.add_note(
            "with " + ", ".join(f"{name}={_told(value)}" for name, value in case.items())
        )
        return error
    return None


def _told(value: Any) -> str:
    """By its name where it has one, as a row of the catalogue."""
    return _shown.repr(getattr(value, "name", value))


def _summary(failures: list[BaseException], count: int) -> str:
    lines = (f"{failure.__notes__[-1]}: {failure}" for failure in failures)
    return "\n".join([f"{len(failures)} of {count} cases fail", *lines, ""])


def _without(case: dict[str, Any], test: Test) -> inspect.Signature:
    signature = inspect.signature(test)
    left = [each for name, each in signature.parameters.items() if name not in case]
    missing = case.keys() - signature.parameters.keys()
    assert not missing, f"{test.__name__} takes no {missing}"
    return signature.replace(parameters=left)
