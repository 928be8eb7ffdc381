"""Documentation that fails when it is false: settings, statuses, commands, links."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import pytest

from app.config.settings import Settings
from app.domain.drift import DriftStatus
from app.domain.operations import AutoApply, OperationStatus, OperationType, StepStatus
from app.domain.permissions import RIGHTS, Role, ServiceRight
from app.domain.stacks import StackStatus

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")
MAKE_TARGET = re.compile(r"`make ([a-z-]+)")


def read(name: str) -> str:
    return (ROOT / name).read_text()


def test_every_setting_stands_in_the_configuration_with_its_help() -> None:
    rows = {
        match[1]: match[2].strip()
        for match in re.finditer(
            r"^\| `LANDFORM_([A-Z0-9_]+)` \|[^|]*\|(.*)\|$", read("docs/configuration.md"), re.M
        )
    }
    wanted = {name.upper(): field.description for name, field in Settings.model_fields.items()}
    assert rows == wanted


@pytest.mark.parametrize(
    "enum", [OperationStatus, OperationType, StepStatus, StackStatus, DriftStatus, AutoApply, Role]
)
def test_every_word_of_the_domain_stands_in_the_glossary(enum: type[StrEnum]) -> None:
    glossary = read("docs/glossary.md")
    assert [item for item in enum if f"`{item.value}`" not in glossary] == []


def test_every_right_stands_with_the_roles_that_have_it() -> None:
    chapter = read("docs/api.md").partition("\n## Roles\n")[2].partition("\n## ")[0]
    told: set[str] = set()
    for role in Role:  # each row adds to the one before
        (row,) = re.findall(rf"^\| `{role.value}` \| (.*) \|$", chapter, re.M)
        told |= set(re.findall(r"`([a-z:-]+)`", row))
        assert told == RIGHTS[role]
    below = chapter.partition("Administrators of this Landform")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z-]+:[a-z-]+)`", below)) == set(ServiceRight)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text())
    assert [link for link in targets if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_command_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.M))
    assert set(MAKE_TARGET.findall(page.read_text())) <= targets


def test_every_page_is_in_the_index_of_the_readme() -> None:
    index = read("README.md")
    pages = [path.name for path in (ROOT / "docs").glob("*.md")]
    assert [name for name in pages if f"(docs/{name})" not in index] == []


def test_every_decision_is_listed() -> None:
    listed = read("docs/adr/README.md")
    records = [path.name for path in (ROOT / "docs/adr").glob("0*.md")]
    assert records
    assert [name for name in records if name not in listed] == []
