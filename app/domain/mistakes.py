"""Find every mistake of a request before it is refused, not one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from app.errors import FieldProblem, ValidationError

T = TypeVar("T")
IN_DETAIL = 3


class Mistakes:
    """Collects what checks that do not need each other find wrong."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: list[ValidationError] = []

    def note(self, check: Callable[[], T]) -> T | None:
        """Return what ``check`` returns; nothing if it finds a mistake, which is kept."""
        try:
            return check()
        except ValidationError as error:
            self._found.append(error)
            return None

    @property
    def problems(self) -> tuple[FieldProblem, ...]:
        """Each mistake with its place."""
        return tuple(
            item
            for error in self._found
            for item in error.problems or (FieldProblem("", error.detail),)
        )

    def error(self) -> ValidationError:
        """Return all of them as one error; a single one as it was raised."""
        return self._found[0] if len(self._found) == 1 else as_error(self.problems)

    def refuse(self) -> None:
        """Raise if there are any.

        Raises:
            ValidationError: has all of them.
        """
        if self._found:
            raise self.error()


def as_error(problems: Sequence[FieldProblem]) -> ValidationError:
    """Return the error of several problems; its detail has the first ones."""
    detail = "; ".join(f"{item.pointer}: {item.message}" for item in problems[:IN_DETAIL])
    return ValidationError(detail, problems=tuple(problems))


def beside(
    problems: Sequence[FieldProblem], others: Sequence[FieldProblem]
) -> tuple[FieldProblem, ...]:
    """Return ``problems`` and those of ``others`` that are about other fields."""
    known = [item.pointer for item in problems]
    return (
        *problems,
        *(item for item in others if not any(_is_within(item.pointer, place) for place in known)),
    )


def _is_within(pointer: str, place: str) -> bool:
    return pointer == place or pointer.startswith(f"{place}/")
