"""What a mutant changes: each kind of node has its alternatives, of which one is tried."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

Node = TypeVar("Node", bound=ast.AST)

_COMPARED: Mapping[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_COMPUTED: Mapping[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Mod: ast.Div,
    ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitOr, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_PAIRS = (
    ("any", "all"), ("min", "max"), ("lower", "upper"), ("lstrip", "rstrip"), ("find", "rfind"),
    ("startswith", "endswith"), ("removeprefix", "removesuffix"), ("partition", "rpartition"),
    ("split", "rsplit"), ("fullmatch", "match"),
)  # fmt: skip
_CALLED = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
# Both are the same without a number of parts.
_BY_COUNT, _WITH_COUNT = {"split", "rsplit"}, 2


def alternatives(node: ast.AST, field: str) -> Iterator[ast.AST]:
    """What ``node``, the ``field`` of another, can be changed to."""
    if field in {"test", "ifs"} and not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield ast.UnaryOp(ast.Not(), node)  # type: ignore[arg-type]
    make = _MADE.get(type(node))
    if make is not None:
        yield from make(node)


def _with(node: Node, **fields: Any) -> Node:
    """A copy of ``node``, whose children are the same."""
    made = type(node)(**{name: getattr(node, name) for name in node._fields if hasattr(node, name)})
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _put(values: list[Any], place: int, value: Any) -> list[Any]:
    return [*values[:place], value, *values[place + 1 :]]


def _none() -> ast.Constant:
    return ast.Constant(None)


def _is_constant(node: ast.AST | None) -> bool:
    return node is None or isinstance(node, ast.Constant)


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
    elif isinstance(value, str):
        yield ast.Constant(f"XX{value}XX")
    elif isinstance(value, bytes):
        yield ast.Constant(b"XX" + value + b"XX")


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for place, op in enumerate(node.ops):
        yield _with(node, ops=_put(node.ops, place, _COMPARED[type(op)]()))


def _bool_op(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def _unary_op(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _bin_op(node: ast.BinOp | ast.AugAssign) -> Iterator[ast.AST]:
    if type(node.op) in _COMPUTED:
        yield _with(node, op=_COMPUTED[type(node.op)]())


def _aug_assign(node: ast.AugAssign) -> Iterator[ast.AST]:
    yield from _bin_op(node)
    yield ast.Assign([node.target], node.value)


def _call(node: ast.Call) -> Iterator[ast.AST]:
    """Another function, no arguments where there are some, keywords that are left out."""
    match node.func:
        case ast.Name(id=name) if name in _CALLED:
            yield _with(node, func=_with(node.func, id=_CALLED[name]))
        case ast.Attribute(attr=name) if name in _CALLED and not (
            name in _BY_COUNT and len(node.args) + len(node.keywords) < _WITH_COUNT
        ):
            yield _with(node, func=_with(node.func, attr=_CALLED[name]))
    for place, each in enumerate(node.args):
        if not isinstance(each, ast.Constant | ast.Starred):
            yield _with(node, args=_put(node.args, place, _none()))
    for place, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield _with(node, keywords=[*node.keywords[:place], *node.keywords[place + 1 :]])
        if keyword.arg is not None and not _is_constant(keyword.value):
            yield _with(node, keywords=_put(node.keywords, place, _with(keyword, value=_none())))


def _lambda(node: ast.Lambda) -> Iterator[ast.AST]:
    """Kept is what it reads of functions around it, else what there is could not become it."""
    if not _is_constant(node.body):
        yield _with(node, body=ast.IfExp(ast.Constant(value=True), _none(), node.body))


def _value(node: ast.Assign | ast.AnnAssign | ast.Return | ast.Yield) -> Iterator[ast.AST]:
    if not _is_constant(node.value):
        yield _with(node, value=_none())


def _left_out(_: ast.AST) -> Iterator[ast.AST]:
    yield ast.Pass()


def _expression(node: ast.Expr) -> Iterator[ast.AST]:
    if not _is_constant(node.value):  # which would be a docstring
        yield ast.Pass()


def _break(_: ast.AST) -> Iterator[ast.AST]:
    yield ast.Continue()


def _continue(_: ast.AST) -> Iterator[ast.AST]:
    yield ast.Break()


_MADE: Mapping[type, Callable[[Any], Iterator[ast.AST]]] = {
    ast.Constant: _constant,
    ast.Compare: _compare,
    ast.BoolOp: _bool_op,
    ast.UnaryOp: _unary_op,
    ast.BinOp: _bin_op,
    ast.AugAssign: _aug_assign,
    ast.Call: _call,
    ast.Lambda: _lambda,
    ast.Assign: _value,
    ast.AnnAssign: _value,
    ast.Return: _value,
    ast.Yield: _value,
    ast.Raise: _left_out,
    ast.Delete: _left_out,
    ast.Expr: _expression,
    ast.Break: _break,
    ast.Continue: _continue,
}
