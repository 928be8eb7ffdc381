"""Checks that modules, functions and templates stay small enough to be read in one go."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.checks.tree import CODE, ROOT, Finding, Source, python_sources, report

MODULE_LINES = 350
FUNCTION_LINES = 60
TEMPLATE_LINES = 200


def check_size(root: Path) -> Iterator[Finding]:
    """Yield every module, function and template of ``root`` that is over its budget."""
    for source in python_sources(root, *CODE, "docs/sdk/python"):
        lines = len(source.text.splitlines())
        if lines > MODULE_LINES:
            advice = f"{lines} lines, {MODULE_LINES} allowed; split the module by noun"
            yield Finding(source.path, MODULE_LINES + 1, advice)
        yield from _check_functions(source)
    for path in sorted((root / "templates").rglob("*.html")):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > TEMPLATE_LINES:
            advice = f"{lines} lines, {TEMPLATE_LINES} allowed; move a part into a _partial.html"
            yield Finding(path.relative_to(root), TEMPLATE_LINES + 1, advice)


def _check_functions(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                advice = f"{node.name} has {length} lines, {FUNCTION_LINES} allowed; name its parts"
                yield Finding(source.path, node.lineno, advice)


if __name__ == "__main__":
    sys.exit(report("size budget", check_size(ROOT)))
