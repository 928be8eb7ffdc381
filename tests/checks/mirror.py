"""Checks that every module has a test where one looks for it, or a row that names its tests.

``app/services/stacks/expiry.py`` is tested by ``tests/services/stacks/test_expiry.py``, a module
directly in ``app`` also by ``tests/leaves/test_<name>.py``, and ``workers`` by ``tests/workers``.
What is tested elsewhere is in ``tested_elsewhere.txt``: one row for a module or, where modules have
no behaviour of their own, for a pattern of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.checks.tree import ROOT, Finding, report

TABLE = Path("tests/checks/tested_elsewhere.txt")
MIRRORED = ("app", "workers")
UNTESTED_PERCENT = 5


@dataclass(frozen=True)
class Row:
    """A line of the table: the modules that ``pattern`` names, and the tests of all of them."""

    line: int
    pattern: str
    tests: tuple[Path, ...]

    def names(self, module: Path) -> bool:
        """Tell whether the row is about ``module``; a ``*`` stands for a part of one name."""
        is_as_deep = len(module.parts) == len(Path(self.pattern).parts)
        return is_as_deep and module.match(self.pattern)


def check_mirror(root: Path) -> Iterator[Finding]:
    """Yield what is wrong in the table, and the modules without a test if they are too many."""
    modules, rows = find_modules(root), read_table(root)
    for row in rows:
        for fault in _faults(root, row, modules):
            yield Finding(TABLE, row.line, fault)
    yield from _repeated(rows)
    untested = find_untested(root)
    if len(untested) * 100 > len(modules) * UNTESTED_PERCENT:
        share = f"{len(untested)} of {len(modules)} modules have none, {UNTESTED_PERCENT} % may"
        advice = f"no test at the mirrored path and no row in {TABLE.name}; {share}"
        yield from (Finding(module, 1, advice) for module in untested)


def find_modules(root: Path) -> list[Path]:
    """Return every module that needs a test, relative to ``root``."""
    found = (path for folder in MIRRORED for path in (root / folder).rglob("*.py"))
    return sorted(path.relative_to(root) for path in found if path.name != "__init__.py")


def find_untested(root: Path) -> list[Path]:
    """Return the modules with neither a test at the mirrored path nor a row."""
    rows = read_table(root)
    return [
        module
        for module in find_modules(root)
        if not has_own_test(root, module) and not any(row.names(module) for row in rows)
    ]


def has_own_test(root: Path, module: Path) -> bool:
    """Tell whether there is a test at the path that mirrors ``module``."""
    inside = module.relative_to("app") if module.parts[0] == "app" else module
    folders = [inside.parent, *([Path("leaves")] if inside.parent == Path() else [])]
    return any((root / "tests" / folder / f"test_{module.name}").exists() for folder in folders)


def read_table(root: Path) -> list[Row]:
    """Read the table; none is an empty one."""
    table = root / TABLE
    text = table.read_text(encoding="utf-8") if table.exists() else ""
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            pattern, _, tests = line.partition(":")
            rows.append(Row(number, pattern.strip(), tuple(map(Path, tests.split()))))
    return rows


def _faults(root: Path, row: Row, modules: list[Path]) -> Iterator[str]:
    named = [module for module in modules if row.names(module)]
    if not named:
        yield f"there is no module {row.pattern}; remove the row, or name where it went"
    elif all(has_own_test(root, module) for module in named):
        yield f"{row.pattern} has a test at the mirrored path; remove the row"
    if not row.tests:
        yield f"{row.pattern} has no test beside it; write `module: test test`"
    for test in row.tests:
        if not _is_test(root, test):
            yield f"{test} is no test file and no folder with one; name where it went"


def _is_test(root: Path, test: Path) -> bool:
    if not test.is_relative_to("tests"):
        return False
    if (root / test).is_dir():
        return any((root / test).rglob("test_*.py"))
    return test.match("test_*.py") and (root / test).is_file()


def _repeated(rows: list[Row]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for row in rows:
        if first.setdefault(row.pattern, row.line) != row.line:
            advice = f"{row.pattern} is in line {first[row.pattern]} already; make them one row"
            yield Finding(TABLE, row.line, advice)


def main() -> int:
    """Print the modules without a test and what is wrong; return the exit status."""
    for module in find_untested(ROOT):
        print(f"{module} has no test")
    return report("mirrored tests", check_mirror(ROOT))


if __name__ == "__main__":
    sys.exit(main())
