"""Checks that no file names the machine it was written on: home folders, private registries."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.checks.tree import ROOT, Finding, report, tracked_files

FOREIGN = (
    (r"(?<![\w./-])/(?:root|work|workspace|mnt|private)/[\w.-]+", "path of one machine"),
    (r"(?<![\w./-])/(?:home|Users)/(?!(?:you|me|user|app|landform|runner)\b)\w+", "a home folder"),
    (r"(?<![\w./-])/opt/(?:wheels|pypi)[\w/-]*", "package folder of one machine"),
    (r"(?i)https?://[\w.-]*(?:artifactory|nexus|jfrog|\.corp\b)[\w.-]*", "a private host"),
    (r"(?i)--(?:extra-)?index-url\s+\S+", "package index of one machine"),
)
MAX_BYTES = 1_000_000
SKIPPED_FOLDERS = {"static/vendor"}


def check_paths(root: Path) -> Iterator[Finding]:
    """Yield every line of a tracked text file of ``root`` that names a particular machine."""
    for name in tracked_files(root):
        if name == Path("tests/checks/foreign_paths.py") or _is_skipped(name):
            continue
        try:
            text = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not text
        if len(text) <= MAX_BYTES:
            yield from _check_text(name, text)


def _is_skipped(name: Path) -> bool:
    return any(str(name).startswith(f"{folder}/") for folder in SKIPPED_FOLDERS)


def _check_text(name: Path, text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, what in FOREIGN:
            if found := re.search(pattern, line):
                advice = f"{what} ({found.group()}); make it relative or a setting"
                yield Finding(name, number, advice)


if __name__ == "__main__":
    sys.exit(report("foreign paths", check_paths(ROOT)))
