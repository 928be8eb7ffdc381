"""Checks the templates: they parse, lie beside their views, and need no looser security policy."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError

from tests.checks.tree import ROOT, Finding, python_sources, report

# `templates/x.html: expression` of every place that may switch escaping off, with its reason.
SAFE_ALLOWED: frozenset[str] = frozenset()
FORBIDDEN = (
    (r"<script(?![^>]*\bsrc=)", "inline script; put it into static/ and load it with src"),
    (r"<style\b", "inline style; put it into static/"),
    (r"<[a-z][^>]*\son[a-z]+\s*=", "inline event handler; listen in a script of static/"),
    (r"<[a-z][^>]*\sstyle\s*=", "style attribute; use a class"),
    (r"\bhx-on[:-]", "hx-on needs eval; listen in a script of static/"),
    (r"javascript:", "javascript: address; use a button and a script of static/"),
    (r"\|\s*safe\b|autoescape\s+false|Markup\(", "escaping is off; escape, or add to SAFE_ALLOWED"),
)
CONSOLE = Path("app/console")
SHARED = "shell"
RENDERED = re.compile(r"render_template\(\s*f?\"(\w+)/")
EXTENSIONS = ["jinja2.ext.do", "jinja2.ext.loopcontrols"]


def check_templates(root: Path) -> Iterator[Finding]:
    """Yield every template of ``root`` that does not parse or holds something inline."""
    environment = Environment(autoescape=True, extensions=EXTENSIONS)
    for path in sorted((root / "templates").rglob("*.html")):
        name, text = path.relative_to(root), path.read_text(encoding="utf-8")
        try:
            environment.parse(text)
        except TemplateSyntaxError as error:
            yield Finding(name, error.lineno, f"does not parse: {error.message}")
        yield from _check_inline(name, text)


def _check_inline(name: Path, text: str) -> Iterator[Finding]:
    # Jinja's own comments are never sent; keep their line breaks so that numbers stay right.
    sent = re.sub(r"\{#.*?#\}", lambda found: "\n" * found.group().count("\n"), text, flags=re.S)
    for pattern, advice in FORBIDDEN:
        for found in re.finditer(pattern, sent, flags=re.I):
            line = sent.count("\n", 0, found.start()) + 1
            if f"{name}: {sent.splitlines()[line - 1].strip()}" not in SAFE_ALLOWED:
                yield Finding(name, line, advice)


def check_pages(root: Path) -> Iterator[Finding]:
    """Yield every page of the console that has another path than its view (ADR 0038)."""
    for path in sorted((root / "templates").glob("*/[!_]*.html")):
        views = root / CONSOLE / path.parent.name
        if not views.is_dir() or views.name == SHARED:
            continue
        if not any(f"{path.stem}_".startswith(f"{view.stem}_") for view in views.glob("*.py")):
            advice = f"no view of its name; call it after the module of {CONSOLE / views.name}"
            yield Finding(path.relative_to(root), 1, advice)
    for source in python_sources(root, str(CONSOLE)):
        noun = source.path.parent.name
        for found in RENDERED.finditer(source.text):
            if found[1] != noun:
                line = source.text.count("\n", 0, found.start()) + 1
                advice = f"renders a page of {found[1]!r}; a view and its template have one noun"
                yield Finding(source.path, line, advice)


def lint_markup(root: Path) -> int:
    """Run djlint over the templates, if there are any, and return its exit status."""
    if not any((root / "templates").rglob("*.html")):
        return 0
    return subprocess.run(
        [sys.executable, "-m", "djlint", "templates", "--lint", "--quiet"], cwd=root, check=False
    ).returncode


if __name__ == "__main__":
    found = [*check_templates(ROOT), *check_pages(ROOT)]
    sys.exit(report("templates", found) | lint_markup(ROOT))
