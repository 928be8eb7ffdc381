"""Checks that pages, documents and code use the field's terms and none of our own.

Each retired word has the term to write instead. The checks themselves, which name them, are left
out. In a sentence that people read, a status or a type is
named by ``in_words``, never by its value.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.checks.tree import CODE, ROOT, Finding, Source, python_sources, report

RETIRED = (
    (r"checks? of the clock", "scheduled check"),
    (r"by the clock|way of the clock|as the clock would|the clock (?:checks|has)", "on schedule"),
    (r"door ?bells?", "wake-up signal"),
    (r"\brung\b|\b(?:re-)?rings? (?:again|it|them|what|waiting|RQ)\b", "notify, requeue"),
    (r"\bstrangers?\b", "unmanaged resource; another user"),
    (r"\bcouriers?\b", "webhook client"),
    (r"keepers? of providers", "provider pool"),
    (r"\bcrew\b", "supervisor"),
    (r"giv(?:ing|es?) way", "preemption"),
    (r"behind Landform's back", "outside Landform"),
    (r"put (?:them|it) away", "dismiss"),
    (r"of which project", "project"),
    (r">\s*Its end\b", "danger zone"),
    (r"\bmend(?:s|ed|ing)? (?:this|it|them)\b", "fix"),
    (r"how to mend", "how to fix"),
    (r">\s*Landform itself\b", "system health"),
    (r"(?-i:\bAsked by\b)", "requested by"),
    (r"\bended last\b", "recent"),
    (r"\bwaits? for a person\b", "awaiting approval"),
    (r"what it is told of", "events"),
    (r"detector ticks", "drift detection is running"),
    (r"who carries (?:it|operations) out", "worker"),
    (r"landform's keeper", "maintenance loop"),
    (r"\bnothing[ -]to[ -]ring\b", "notify, requeue"),
    (r"unless (?:it is )?(?:said|told) otherwise", "by default"),
    (r"wants? otherwise|answers? otherwise", "wants to change; gives another answer"),
)
VALUES = frozenset({"status", "type", "backend", "verdict"})
SPEAKING = (("app", "services"), ("app", "domain"), ("app", "terraform"), ("app", "storage"))
WORDS = re.compile(r"[a-z]{2,} [a-z]|[a-z]{2,} $", re.I)
COUNTED = re.compile(r"^ (?:resource|stack|operation|finding|project)s\b(?!, as many)")
QUOTED = re.compile(r"`[^`]*`")
PATTERNS = tuple((re.compile(pattern, re.I), instead) for pattern, instead in RETIRED)


def check_words(root: Path) -> Iterator[Finding]:
    """Yield every retired word in the templates and documents under ``root``."""
    for path in _read_by_people(root):
        text = path.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), start=1):
            said = QUOTED.sub("", line) if path.suffix == ".md" else line
            for pattern, instead in PATTERNS:
                if found := pattern.search(said):
                    advice = f"{found.group()!r} is retired; write: {instead}"
                    yield Finding(path.relative_to(root), number, advice)


def check_code(root: Path) -> Iterator[Finding]:
    """Yield every retired word in the code, and every sentence that names a status by its value."""
    for source in python_sources(root, *CODE, "tests"):
        if source.path.parts[:2] == ("tests", "checks"):
            continue
        for number, line in enumerate(source.text.splitlines(), start=1):
            said = line.replace("_", " ")
            for pattern, instead in PATTERNS:
                if found := pattern.search(said):
                    advice = f"{found.group()!r} is retired; write: {instead}"
                    yield Finding(source.path, number, advice)
        if source.path.parts[:2] in SPEAKING:
            yield from _named_by_value(source)
            yield from _counted_wrongly(source)


def _named_by_value(source: Source) -> Iterator[Finding]:
    for text in (node for node in ast.walk(source.tree()) if isinstance(node, ast.JoinedStr)):
        told = "".join(str(part.value) for part in text.values if isinstance(part, ast.Constant))
        if not WORDS.search(told):
            continue
        for part in (node for node in text.values if isinstance(node, ast.FormattedValue)):
            value = part.value
            if isinstance(value, ast.Attribute) and value.attr == "value":
                value = value.value
            name = getattr(value, "attr", getattr(value, "id", ""))
            if name in VALUES:
                advice = f"a sentence shows {ast.unparse(value)} as it is; write: in_words(...)"
                yield Finding(source.path, part.lineno, advice)


def _counted_wrongly(source: Source) -> Iterator[Finding]:
    """Yield each number that is followed by a plural, also when it is one."""
    for text in (node for node in ast.walk(source.tree()) if isinstance(node, ast.JoinedStr)):
        for number, noun in pairwise(text.values):
            is_pair = isinstance(number, ast.FormattedValue) and isinstance(noun, ast.Constant)
            if is_pair and COUNTED.match(str(noun.value)):
                advice = f"one is no plural: {ast.unparse(text)}; write: counted(...)"
                yield Finding(source.path, text.lineno, advice)


def _read_by_people(root: Path) -> list[Path]:
    readme = root / "README.md"
    found = [*(root / "templates").rglob("*.html"), *(root / "docs").rglob("*.md")]
    found += root.glob("CHANGELOG.md")
    return sorted([*found, *([readme] if readme.exists() else [])])


if __name__ == "__main__":
    sys.exit(report("plain words", [*check_words(ROOT), *check_code(ROOT)]))
