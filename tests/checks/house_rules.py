"""Checks the rules of the house that no linter knows: names, imports, excepts, leftovers."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.checks.tree import CODE, OURS, ROOT, Finding, Source, python_sources, report

VAGUE_NAMES = {"helpers", "helper", "common", "utils", "util", "misc", "manager"}
# Joined here, so that this file does not find itself.
LEFTOVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
DOMAIN_MAY_IMPORT = {"app", "ulid", *sys.stdlib_module_names}
BROAD = {"Exception", "BaseException"}
REASON = re.compile(r"#\s*noqa:\s*BLE001\s*\S*\s+\w+|#\s*broad:\s*\w+")


def check_rules(root: Path) -> Iterator[Finding]:
    """Yield every breach of the house rules in the code under ``root``."""
    for source in python_sources(root, *CODE):
        yield from _check_names(source)
        yield from _check_local_imports(source)
        yield from _check_excepts(source)
        yield from _check_domain(source)
        yield from _check_docstring(source)
    for source in python_sources(root, *CODE, "migrations", "tests"):
        yield from _check_leftovers(source)


def _check_names(source: Source) -> Iterator[Finding]:
    for part in (*source.path.parts[:-1], source.path.stem):
        if part in VAGUE_NAMES:
            yield Finding(source.path, 1, f"{part!r} says nothing; name the module by its noun")


def _check_local_imports(source: Source) -> Iterator[Finding]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for function in (node for node in ast.walk(source.tree()) if isinstance(node, functions)):
        for node in ast.walk(function):
            for name in _imported(node):
                if name.split(".")[0] in OURS:
                    advice = f"import of {name} inside a function; move it to the top of the module"
                    yield Finding(source.path, node.lineno, advice)  # type: ignore[attr-defined]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "app"]  # a relative import is one of ours
    return []


def _check_excepts(source: Source) -> Iterator[Finding]:
    lines = source.text.splitlines()
    for node in ast.walk(source.tree()):
        if not isinstance(node, ast.ExceptHandler):
            continue
        names = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(name is None or getattr(name, "id", "") in BROAD for name in names)
        if broad and not REASON.search(lines[node.lineno - 1]):
            advice = "broad except; catch what can happen, or say why with `# noqa: BLE001 reason`"
            yield Finding(source.path, node.lineno, advice)


def _check_domain(source: Source) -> Iterator[Finding]:
    if source.path.parts[:2] != ("app", "domain"):
        return
    for node in ast.walk(source.tree()):
        for name in _imported(node):
            if name.split(".")[0] not in DOMAIN_MAY_IMPORT:
                advice = f"app.domain imports {name}; the rules need the standard library only"
                yield Finding(source.path, node.lineno, advice)  # type: ignore[attr-defined]


def _check_docstring(source: Source) -> Iterator[Finding]:
    if source.text.strip() and ast.get_docstring(source.tree()) is None:
        yield Finding(source.path, 1, "no module docstring; say what it owns and must not do")


def _check_leftovers(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if LEFTOVER.search(line):
            yield Finding(source.path, number, "unfinished work; finish it, or open an issue")


if __name__ == "__main__":
    sys.exit(report("house rules", check_rules(ROOT)))
