"""The runbook has a page for each code that an operator can meet, and says nothing of others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.cli import COMMANDS
from app.cli_blueprint import BLUEPRINT_COMMANDS
from app.errors import LandformError

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
PAGE = re.compile(r"^### `([a-z_]+)`\n(.*?)(?=^#{1,3} |\Z)", re.M | re.S)
PARTS = ("Means", "Look", "Do", "Do not")
# What a client sent, or who he is: he can correct that himself, with docs/errors.md.
OF_CLIENTS = {
    *("validation_failed", "not_found", "conflict", "name_taken", "stack_referenced"),
    *("stack_gone",),
    *("reference_not_ready", "immutable_parameter", "deletion_protected", "operation_state"),
    *("idempotency_in_progress", "idempotency_mismatch", "precondition_required"),
    *("precondition_failed", "unauthenticated", "refresh_token_reused", "permission_denied"),
    *("confirmation_required", "totp_required", "second_factor_required", "answer_not_kept"),
    *("csrf_failed", "rate_limited", "stack_held"),
    *("blueprint_downgrade", "drift_changed", "policy_denied"),
}


def all_codes(base: type[LandformError] = LandformError) -> set[str]:
    return {base.code}.union(*(all_codes(cls) for cls in base.__subclasses__()))


PAGES = {match[1]: match[2] for match in PAGE.finditer(RUNBOOK)}


def test_every_code_that_an_operator_can_meet_has_its_page_and_no_other_has() -> None:
    assert all_codes() >= OF_CLIENTS
    assert set(PAGES) == all_codes() - OF_CLIENTS
    assert len(PAGES) == len(PAGE.findall(RUNBOOK)), "none has two"


@pytest.mark.parametrize("code", sorted(PAGES))
def test_a_page_says_what_it_means_how_to_look_what_to_do_and_what_not(code: str) -> None:
    bullets = re.findall(r"^- \*\*(.+?)\*\*: +(\S.*?)(?=^- |\Z)", PAGES[code], re.M | re.S)
    assert [name for name, _ in bullets] == list(PARTS)
    assert all(len(words) > 20 for _, words in bullets)


def test_client_and_operator_find_each_others_page() -> None:
    assert "(errors.md)" in RUNBOOK
    assert "(runbook.md)" in ERRORS


def test_every_command_that_is_named_exists_and_those_for_operators_are_named() -> None:
    named = set(re.findall(r"`landform admin ([a-z]+(?: [a-z]+)?)", RUNBOOK))
    assert named == set(COMMANDS) - {"openapi", *BLUEPRINT_COMMANDS}, "what operators need"
    assert set(re.findall(r"`landform ([a-z]+)", RUNBOOK)) == {"admin"}


def test_every_setting_that_is_named_exists() -> None:
    settings = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for page in ("runbook.md", "security.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        named = set(re.findall(r"\bLANDFORM_[A-Z_]+[A-Z]\b", text))
        assert named
        assert [name for name in sorted(named) if f"`{name}`" not in settings] == []
