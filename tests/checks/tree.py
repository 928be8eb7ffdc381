"""What the checks have in common: which files there are, and how a finding is said.

Every check prints ``file:line: what is wrong; what to do`` and ends with status 1 if it found any.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("app", "workers", "sandbox")
OURS = (*CODE, "wsgi", "migrations", "tests")


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong, where, and what to do about it."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Source:
    """A text file of the project; ``path`` is relative to the root it was found under."""

    path: Path
    text: str

    def tree(self) -> ast.Module:
        """Return the syntax tree of a Python file."""
        return ast.parse(self.text, filename=str(self.path))


def python_sources(root: Path, *folders: str) -> Iterator[Source]:
    """Yield the Python files under ``folders`` of ``root``, plus ``wsgi.py``."""
    entry = root / "wsgi.py"
    paths = [path for folder in folders for path in (root / folder).rglob("*.py")]
    for path in sorted([*paths, *([entry] if entry.exists() else [])]):
        yield Source(path.relative_to(root), path.read_text(encoding="utf-8"))


def tracked_files(root: Path) -> list[Path]:
    """Return what git tracks or would add, relative to ``root``."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    names = listed.stdout.decode().split("\0")
    return sorted({Path(name) for name in names if name and (root / name).is_file()})


def report(title: str, findings: Iterable[Finding]) -> int:
    """Print ``findings`` and return the exit status of the check called ``title``."""
    found = sorted(set(findings))
    for finding in found:
        print(finding, file=sys.stderr)
    print(f"{title}: {f'{len(found)} to fix' if found else 'ok'}")
    return 1 if found else 0
