"""Policies as a text: read, written, and wrong by line."""

from __future__ import annotations

import pytest

from app.catalog.policy_texts import MAX_CHARACTERS, PolicyText, write_text
from app.domain.policy_reading import read_policies, write_policy
from app.errors import FieldProblem, ValidationError

TEXT = """- name: regions
  at: [request]
  rule: stack.region in ['eu-west']
  verdict: deny
  message: Not there.
- name: labels
  when: {kinds: [bucket]}
  at: [request]
  rule: "'team' in stack.labels"
  verdict: warn
  message: No team.
"""


def test_what_is_written_is_read_again() -> None:
    kept = [write_policy(policy) for policy in read_policies(PolicyText.read(TEXT).items)]
    text = write_text(kept)
    assert "severity" not in text, "what is as it would be anyway is left out"
    assert [write_policy(item) for item in read_policies(PolicyText.read(text).items)] == kept


def test_a_problem_is_told_by_its_line() -> None:
    problems = [FieldProblem("/policies/1/rule", "Wrong."), FieldProblem("/name", "Taken.")]
    first, second = PolicyText.read(TEXT).placed(problems)
    assert first == FieldProblem("/policies", "Line 9, rule: Wrong.")
    assert second.pointer == "/name"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- name: [", "Line 1"),
        ("- name: a\n  name: b\n", "Line 2"),
        ("name: a\n", "Must be a list"),
        ("&a [*a]", "aliases"),
        ("x" * (MAX_CHARACTERS + 1), "characters"),
    ],
)
def test_a_text_that_is_no_list_of_policies_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PolicyText.read(text)
    assert message in caught.value.problems[0].message


def test_an_empty_text_is_an_empty_set() -> None:
    assert PolicyText.read(" \n").items == []
    assert write_text([]) == ""
