"""What docs/security.md says is defended has a test beside it, and that test exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[str]:
    """Return the rows of the table below "What is defended", without its head."""
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    chapter = page.partition("\n## What is defended\n")[2].partition("\n## ")[0]
    table = [line for line in chapter.splitlines() if line.startswith("| ")]
    return [line for line in table[1:] if not line.startswith("| --")]


def functions_of(path: Path) -> set[str]:
    """Return the names of all functions of a test file; none when there is no such file."""
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_defence_names_a_test() -> None:
    assert rows()
    assert [row for row in rows() if not NAMED.search(row)] == []


def test_every_named_test_exists() -> None:
    named = [match for row in rows() for match in NAMED.findall(row)]
    assert named
    for path, name in named:
        assert name in functions_of(ROOT / path), f"{path} has no {name}"
