"""Mutants of a module: one small change each, of the kind that a tired person makes."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SWAPPED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


Apply = Callable[[Any], object]


@dataclass(frozen=True)
class Mutant:
    """A module with one change."""

    line: int
    change: str
    place: str
    source: str


def mutants_of(source: str) -> list[Mutant]:
    """Return all mutants of a module, in the order of its lines."""
    tree = ast.parse(source)
    texts = [ast.unparse(statement) for statement in tree.body]
    left_out = _in_annotations(tree)
    found = []
    for place, statement in enumerate(tree.body):
        for number, node in enumerate(ast.walk(statement)):
            if id(node) in left_out:
                continue
            for change, apply in _changes(node):
                text = "\n".join(
                    [*texts[:place], _changed(statement, number, apply), *texts[place + 1 :]]
                )
                found.append(Mutant(getattr(node, "lineno", 0), change, _place(node), text))
    return sorted(found, key=lambda item: (item.line, item.change, item.place))


def _changed(statement: ast.stmt, number: int, apply: Apply) -> str:
    """Return the text of a statement whose node of that number is changed."""
    other = copy.deepcopy(statement)
    twin = next(one for place, one in enumerate(ast.walk(other)) if place == number)
    apply(twin)
    return ast.unparse(ast.fix_missing_locations(other))


def _place(node: ast.AST) -> str:
    """Return the text that is changed, by which people know the mutant again."""
    return ast.unparse(node.test if isinstance(node, ast.If) else node)


def _in_annotations(tree: ast.AST) -> set[int]:
    """Return the nodes of annotations, which no program of ours reads."""
    roots = [
        root
        for node in ast.walk(tree)
        for root in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if root is not None
    ]
    return {id(node) for root in roots for node in ast.walk(root)}


def _changes(node: ast.AST) -> Iterator[tuple[str, Apply]]:
    """Yield what may be changed at one node, and how."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            if type(operator) in OPPOSITE:
                yield _turned(place, operator)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{type(node.op).__name__} turned", lambda one: setattr(one, "op", other())
        yield "last part dropped", lambda one: one.values.pop()
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not dropped", _drop_not
    elif isinstance(node, ast.BinOp) and type(node.op) in SWAPPED:
        swapped = SWAPPED[type(node.op)]
        yield f"{type(node.op).__name__} swapped", lambda one: setattr(one, "op", swapped())
    elif isinstance(node, ast.Constant):
        yield from _other_values(node)
    else:
        yield from _other_ends(node)


def _turned(place: int, operator: ast.cmpop) -> tuple[str, Apply]:
    other = OPPOSITE[type(operator)]
    name = f"{type(operator).__name__} to {other.__name__}"
    return name, lambda one: one.ops.__setitem__(place, other())


def _other_values(node: ast.Constant) -> Iterator[tuple[str, Apply]]:
    value = node.value
    if isinstance(value, bool):
        yield "boolean turned", lambda one: setattr(one, "value", not value)
    elif isinstance(value, int):
        yield "number plus one", lambda one: setattr(one, "value", value + 1)


def _other_ends(node: ast.AST) -> Iterator[tuple[str, Apply]]:
    if isinstance(node, ast.Return) and not _is_nothing(node.value):
        yield "returns nothing", lambda one: setattr(one, "value", None)
    elif isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise | ast.Return):
        yield "branch never taken", lambda one: setattr(one, "test", ast.Constant(False))


def _is_nothing(value: ast.expr | None) -> bool:
    """Tell whether a return is one of nothing already; False is turned, as every constant is."""
    return value is None or (isinstance(value, ast.Constant) and value.value in (None, False))


def _drop_not(node: Any) -> None:
    node.operand = ast.UnaryOp(ast.Not(), node.operand)  # not not x
