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
# Who may catch whatever comes: what they guard must go on, or hand it on, whatever bug there is.
MAY_CATCH_ALL = ("app/services/engine/engine.py", "app/storage/watchdog.py", "workers/duties.py")
OPENS = re.compile(r"(.*\.)?(perform|perform_once|ctx\.(read|write|persist|state_store|volume))")
VIEWS = (("app", "api"), ("app", "console"))
ENGINE = ("app", "services", "engine")
REASON = re.compile(r"#\s*noqa:\s*BLE001\s*\S*\s+\w+|#\s*broad:\s*\w+")


def check_rules(root: Path) -> Iterator[Finding]:
    """Yield every breach of the house rules in the code under ``root``."""
    for source in python_sources(root, *CODE):
        yield from _check_names(source)
        yield from _check_local_imports(source)
        yield from _check_excepts(source)
        yield from _check_domain(source)
        yield from _check_docstring(source)
        yield from _check_transactions(source)
        yield from _check_questions(source)
        yield from _check_use_cases(source)
    yield from _check_class_names(list(python_sources(root, "app", "workers")))
    for source in python_sources(root, *CODE, "migrations", "tests"):
        yield from _check_leftovers(source)


def _check_names(source: Source) -> Iterator[Finding]:
    for part in (*source.path.parts[:-1], source.path.stem):
        if part in VAGUE_NAMES:
            yield Finding(source.path, 1, f"{part!r} says nothing; name the module by its noun")


def _check_class_names(sources: list[Source]) -> Iterator[Finding]:
    """One name, one meaning: no two classes that others may import are called the same."""
    known: dict[str, Path] = {}
    for source in sources:
        for node in (item for item in source.tree().body if isinstance(item, ast.ClassDef)):
            if not node.name.startswith("_") and node.name in known:
                advice = f"{node.name} is a class of {known[node.name]}, too; choose another name"
                yield Finding(source.path, node.lineno, advice)
            known.setdefault(node.name, source.path)


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
        if not broad:
            continue
        if source.path.as_posix() not in MAY_CATCH_ALL:
            yield Finding(source.path, node.lineno, "broad except; catch what can happen")
        elif not REASON.search(lines[node.lineno - 1]):
            advice = "broad except; say why with `# noqa: BLE001 reason`"
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


def _check_transactions(source: Source) -> Iterator[Finding]:
    """A view performs use cases; the transaction is theirs, with all that belongs into it."""
    if source.path.parts[:2] not in VIEWS:
        return
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("write", "persist"):
            advice = "a view opens a transaction by itself; use `with perform() as work`"
            yield Finding(source.path, node.lineno, advice)


def _check_questions(source: Source) -> Iterator[Finding]:
    """A question of the engine is asked again when its connection breaks: an operation goes on."""
    if source.path.parts[:3] != ENGINE:
        return
    for node in ast.walk(source.tree()):
        if not isinstance(node, ast.Call) or node.keywords:  # who says how patient sees to it
            continue
        if ast.unparse(node.func).endswith("ctx.read"):
            advice = "an outage of the database ends this question; use `ctx.ask(question)`"
            yield Finding(source.path, node.lineno, advice)


def _check_use_cases(source: Source) -> Iterator[Finding]:
    """A use case takes its work first, and opens no transaction inside that one."""
    for function in (n for n in ast.walk(source.tree()) if isinstance(n, ast.FunctionDef)):
        taken = [*function.args.args, *function.args.kwonlyargs]
        places = [number for number, arg in enumerate(taken) if _is_work(arg)]
        if not places:
            continue
        if places != [0] or taken[0].arg != "work":
            advice = f"{function.name} takes its Work elsewhere; the first argument is `work: Work`"
            yield Finding(source.path, function.lineno, advice)
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and OPENS.fullmatch(ast.unparse(node.func)):
                advice = f"{function.name} opens a transaction inside that of its work"
                yield Finding(source.path, node.lineno, advice)


def _is_work(arg: ast.arg) -> bool:
    return arg.annotation is not None and ast.unparse(arg.annotation) == "Work"


def _check_leftovers(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if LEFTOVER.search(line):
            yield Finding(source.path, number, "unfinished work; finish it, or open an issue")


if __name__ == "__main__":
    sys.exit(report("house rules", check_rules(ROOT)))
