"""What CONTRIBUTING.md and README.md name is there, and README.md names every page."""

from __future__ import annotations

import re

import pytest

from app.config.settings import REPOSITORY_ROOT

PAGES = ("README.md", "CONTRIBUTING.md")
TEXT = {name: (REPOSITORY_ROOT / name).read_text("utf-8") for name in PAGES}
MAKEFILE = (REPOSITORY_ROOT / "Makefile").read_text("utf-8")


def test_the_readme_names_every_page() -> None:
    pages = {path.name for path in (REPOSITORY_ROOT / "docs").glob("*.md")}
    named = set(re.findall(r"\(docs/([a-z-]+\.md)", TEXT["README.md"]))
    assert named == pages


@pytest.mark.parametrize("page", PAGES)
def test_what_is_linked_or_named_is_there(page: str) -> None:
    links = re.findall(r"\]\(([^):#]+)", TEXT[page])
    paths = re.findall(r"`((?:app|tests|docs|templates|terraform)/[a-z_/.]*)`", TEXT[page])
    missing = [name for name in [*links, *paths] if not (REPOSITORY_ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_is_named_exists(page: str) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]+)", TEXT[page], re.MULTILINE))
    assert named >= {"run", "test"}
    targets = set(re.findall(r"^([a-z][a-z-]+):", MAKEFILE, re.MULTILINE))
    assert named <= targets
