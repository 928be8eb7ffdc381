"""Statuses and types as sentences name them."""

from __future__ import annotations

import pytest

from app.domain.operation_registry import operation_facts
from app.domain.operations import OperationStatus
from app.domain.plain_words import counted, in_words
from app.domain.stacks import StackStatus


@pytest.mark.parametrize("value", [*OperationStatus, *StackStatus, *operation_facts()])
def test_no_status_or_type_is_written_as_code_writes_it(value: str) -> None:
    assert in_words(value).replace(" ", "").isalpha()


def test_what_the_console_calls_otherwise_is_called_so() -> None:
    assert in_words("pending") == "queued"
    assert in_words("planned_and_finished") == "finished"
    assert in_words("needs_attention") == "needs attention"


def test_one_thing_is_not_told_in_the_plural() -> None:
    assert [counted(count, "stack") for count in (0, 1, 2)] == ["0 stacks", "1 stack", "2 stacks"]
