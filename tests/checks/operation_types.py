"""Checks that nothing asks which type an operation has: who needs to know asks for a fact.

To name a type, as whoever creates an operation does, is no comparison.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from app.domain.operation_registry import operation_facts
from tests.checks.tree import ROOT, Finding, Source, python_sources, report

ENUM = "OperationType"
ADVICE = (
    "which type it is decides here; declare a fact in app/domain/operation_types and ask for it"
)
COLLECTIONS = (ast.Tuple, ast.List, ast.Set)
SQL_COMPARISONS = ("in_", "not_in", "is_", "is_not", "index", "count", "__eq__", "__ne__")
IN_TEMPLATE = re.compile(r"\btype\s*(?:==|!=|(?:not\s+)?in\b)\s*[(\[]?\s*(['\"])(\w+)\1")


def check_types(root: Path) -> Iterator[Finding]:
    """Yield every place under ``root`` where the type of an operation is compared."""
    for source in python_sources(root, "app", "workers"):
        for node in ast.walk(source.tree()):
            if _compares(node):
                yield Finding(source.path, node.lineno, ADVICE)  # type: ignore[attr-defined]
    yield from _check_templates(root)


def _compares(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return any(map(_names_type, sides)) or _is_type_beside_text(sides)
    if isinstance(node, ast.Dict):
        return any(key is not None and _names_type(key) for key in node.keys)
    if isinstance(node, ast.Subscript):
        return _names_type(node.slice)
    if isinstance(node, ast.MatchValue):
        return _names_type(node.value)
    if isinstance(node, COLLECTIONS):
        return any(map(_names_type, node.elts))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in SQL_COMPARISONS and any(map(_names_type, node.args))
    return False


def _names_type(node: ast.AST) -> bool:
    """Tell whether it is ``OperationType.X``, or a part or the value of one."""
    if isinstance(node, ast.Starred):
        return _names_type(node.value)
    if not isinstance(node, ast.Attribute):
        return False
    return _is_enum(node.value) or _names_type(node.value)


def _is_enum(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
    return name == ENUM


def _is_type_beside_text(sides: list[ast.expr]) -> bool:
    """Tell whether a type's name, as text, is compared with something that is called a type."""
    texts = {
        item.value
        for side in sides
        for item in ast.walk(side)
        if isinstance(item, ast.Constant) and isinstance(item.value, str)
    }
    is_type = any(_is_called_type(side) for side in sides)
    return is_type and bool(texts & operation_facts().keys())


def _is_called_type(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute) and node.attr == "name":
        return getattr(node.value, "id", getattr(node.value, "attr", "")) == "facts"
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("type", "operation_type")


def _check_templates(root: Path) -> Iterator[Finding]:
    for path in sorted((root / "templates").rglob("*.html")):
        source = Source(path.relative_to(root), path.read_text(encoding="utf-8"))
        for number, line in enumerate(source.text.splitlines(), start=1):
            if any(found[2] in operation_facts() for found in IN_TEMPLATE.finditer(line)):
                yield Finding(source.path, number, ADVICE)


if __name__ == "__main__":
    sys.exit(report("operation types", check_types(ROOT)))
