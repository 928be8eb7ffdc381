"""All mistakes of a request are told at once, each once."""

from __future__ import annotations

import pytest

from app.domain.mistakes import Mistakes, beside
from app.errors import FieldProblem, NotFoundError, ValidationError


def refuse(pointer: str, message: str) -> None:
    raise ValidationError.at(pointer, message)


def test_what_several_checks_find_is_one_error() -> None:
    mistakes = Mistakes()
    assert mistakes.note(lambda: refuse("/a", "One.")) is None
    assert mistakes.note(lambda: 7) == 7
    mistakes.note(lambda: refuse("/b", "Two."))
    with pytest.raises(ValidationError) as found:
        mistakes.refuse()
    assert [item.pointer for item in found.value.problems] == ["/a", "/b"]
    assert found.value.detail == "/a: One.; /b: Two."


def test_a_single_one_is_raised_as_it_was() -> None:
    mistakes, error = Mistakes(), ValidationError("It is wrong.")

    def check() -> None:
        raise error

    mistakes.note(check)
    with pytest.raises(ValidationError) as found:
        mistakes.refuse()
    assert found.value is error
    assert mistakes.problems == (FieldProblem("", "It is wrong."),)


def test_none_refuse_nothing_and_another_error_is_not_a_mistake() -> None:
    mistakes = Mistakes()
    mistakes.refuse()

    def hide() -> None:
        raise NotFoundError("x")

    with pytest.raises(NotFoundError):
        mistakes.note(hide)


@pytest.mark.parametrize(
    ("pointer", "is_told"),
    [("/a", False), ("/a/b", False), ("/ab", True), ("/b", True), ("", True)],
)
def test_a_field_is_told_of_by_one_layer(pointer: str, is_told: bool) -> None:
    first, other = FieldProblem("/a", "One."), FieldProblem(pointer, "Two.")
    assert (other in beside([first], [other])) is is_told
