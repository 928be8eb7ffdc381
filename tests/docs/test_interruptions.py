"""Errors, documents and pages give one advice about interruptions: that of one table."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.interruptions import (
    IN_SHORT,
    WAYS_OUT,
    DestroyUnverifiedError,
    OperationInterruptedError,
    OrphansUnresolvedError,
    Resolution,
    ResourcesLeftError,
)
from app.errors import LandformError
from tests.docs.test_runbook import ERRORS, PAGES, ROOT

ABOUT_ORPHANS = (
    DestroyUnverifiedError,
    OperationInterruptedError,
    OrphansUnresolvedError,
    ResourcesLeftError,
)


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("error", ABOUT_ORPHANS)
def test_the_runbook_and_the_list_of_errors_give_the_advice_of_the_error(
    error: type[LandformError],
) -> None:
    assert error.advice in in_one_line(PAGES[error.code])
    assert error.advice in ERRORS


@pytest.mark.parametrize("page", ["runbook.md", "state.md"])
def test_the_documents_say_what_each_decision_does(page: str) -> None:
    text = in_one_line((ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert set(WAYS_OUT) == set(Resolution)
    for action, way in WAYS_OUT.items():
        assert f"`{action.value}` {way.effect}." in text


def test_the_page_takes_its_words_from_the_table() -> None:
    template = ROOT / "templates" / "operations" / "_resolve.html"
    text = template.read_text(encoding="utf-8")
    for action in Resolution:
        assert f"operation.ways_out.{action.value}.label" in text
        assert f"operation.ways_out.{action.value}.effect" in text


def test_no_advice_sends_people_to_apply_again_over_orphans() -> None:
    assert "apply again" not in in_one_line(ERRORS + IN_SHORT)
    assert Path(ROOT / "docs" / "adr" / "0022-an-interruption-holds-its-stack.md").exists()
