"""Puts a mutant in the place of what is imported already, wherever it is held."""

from __future__ import annotations

import ast
import functools
import gc
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mutation.mutants import Mutant, is_constant

# File, qualified name and first line of a function.
Key = tuple[str, str, int]
_NOT_THERE = object()
_OTHERS = "site-packages"
_WITH_NAMES = (ast.FunctionDef, ast.AsyncFunctionDef)


class NotImportable(Exception):
    """The module of the mutant could not even be imported."""


class Imported:
    """Everything of a package that is there in this process, before any test has run."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._functions: defaultdict[Key, list[FunctionType]] = defaultdict(list)
        self._caches: list[Any] = []
        # Those of tests, too: whoever compares with a constant has the same.
        self._modules = [
            each
            for each in sys.modules.values()
            if isinstance(each, ModuleType) and _OTHERS not in (each.__dict__.get("__file__") or "")
        ]
        for each in gc.get_objects():
            is_cache = isinstance(each, functools._lru_cache_wrapper)  # noqa: SLF001 - its type
            is_ours = is_cache or isinstance(each, FunctionType)
            if not is_ours or str(each.__module__).partition(".")[0] != package:
                continue
            if is_cache:
                self._caches.append(each)
            else:
                self._functions[_key(each.__code__)].append(each)

    def put(self, mutant: Mutant, tree: ast.Module, module: ModuleType) -> None:
        """Whatever calls the function, or reads the constant, has that of ``mutant``.

        Raises:
            NotImportable: there can be no such constant.
        """
        mutant.apply()
        if is_constant(mutant.outermost):
            self._put_constant(mutant, module)
        else:
            self._put_function(mutant, tree, module)
        self.forget()

    def forget(self) -> None:
        """What functions remember, which a mutant would not be asked about."""
        for each in self._caches:
            each.cache_clear()

    def readers(self, name: str, module: ModuleType) -> Iterator[tuple[str, int]]:
        """File and line of each place where a function of the package reads a constant."""
        for each in self._holding(name, module):
            if each.__name__.partition(".")[0] == self._package:
                yield from ((str(each.__file__), line) for line in _reads(str(each.__file__))[name])

    def _holding(self, name: str, module: ModuleType) -> list[ModuleType]:
        value = vars(module)[name]
        return [each for each in self._modules if vars(each).get(name, _NOT_THERE) is value]

    def _put_constant(self, mutant: Mutant, module: ModuleType) -> None:
        try:
            made = _made(mutant.outermost.value, module)  # type: ignore[attr-defined]
        except Exception as error:
            raise NotImportable from error
        for each in self._holding(mutant.name, module):
            setattr(each, mutant.name, made)

    def _put_function(self, mutant: Mutant, tree: ast.Module, module: ModuleType) -> None:
        outermost: Any = mutant.outermost
        first = min([outermost.lineno, *(each.lineno for each in outermost.decorator_list)])
        codes: dict[Key, CodeType] = {}
        for code in _codes(compile(tree, str(module.__file__), "exec")):
            if first <= code.co_firstlineno <= outermost.end_lineno:
                # What was there is kept behind what is new, see ``mutants``.
                codes.setdefault(_key(code), code)
        for key, code in codes.items():
            for function in self._functions[key]:
                function.__code__ = code
        if any(node is mutant.owner for node in ast.walk(outermost.args)):
            (key,) = (key for key, code in codes.items() if _is_of(code, outermost))
            for function in self._functions[key]:
                _put_defaults(function, outermost.args, module)


def _put_defaults(function: FunctionType, arguments: ast.arguments, module: ModuleType) -> None:
    function.__defaults__ = tuple(_made(each, module) for each in arguments.defaults) or None
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    function.__kwdefaults__ = {
        each.arg: _made(value, module) for each, value in named if value is not None
    } or None


def _is_of(code: CodeType, outermost: Any) -> bool:
    return code.co_name == outermost.name and "<locals>" not in code.co_qualname


def _made(value: ast.expr, module: ModuleType) -> Any:
    code = compile(ast.Expression(value), str(module.__file__), "eval")
    return eval(code, vars(module))  # noqa: S307 - our own source


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


@cache
def _reads(file: str) -> defaultdict[str, list[int]]:
    """The lines where functions of a file read names."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for function in ast.walk(ast.parse(Path(file).read_text("utf-8"))):
        if isinstance(function, (*_WITH_NAMES, ast.Lambda)):
            body = function.body if isinstance(function.body, list) else [function.body]
            for node in (node for part in body for node in ast.walk(part)):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    found[node.id].append(node.lineno)
    return found
