"""A form whose fields are written down in code: what was typed into it, and what is wrong with it.

Fields are named by the JSON pointer of the problem that a service reports about them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from flask import request

from app.console.shell.forms.fields import Field, Option, leaves, problems_of
from app.console.shell.forms.values import ON
from app.errors import (
    ConflictError,
    FieldProblem,
    LandformError,
    PreconditionFailedError,
    ValidationError,
)

VERSION = "version"
AT_FORM = (ValidationError, ConflictError, PreconditionFailedError)
"""Errors that are told at the form that was sent."""

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True)
class FormEntry:
    """A form. A field that takes several choices (``checks``) holds one a line.

    ``version`` is that of the thing as the person saw it, so that nobody overwrites what somebody
    else has changed meanwhile.
    """

    fields: tuple[Field, ...]
    typed: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None
    problems: tuple[FieldProblem, ...] = ()
    failure: str | None = None

    def messages(self, item: Field) -> list[str]:
        """Return what is wrong with a field."""
        return problems_of(item, self.problems)

    def text(self, pointer: str) -> str:
        """Return what was typed into a field, without spaces around it."""
        return self.typed.get(pointer, "").strip()

    def secret(self, pointer: str) -> str:
        """Return what was typed into a field, with its spaces."""
        return self.typed.get(pointer, "")

    def short(self, pointer: str, what: str, length: int) -> str:
        """Return what was typed into a field that must hold ``what``, at most ``length`` long.

        Raises:
            ValidationError: it is empty or too long.
        """
        text = self.text(pointer)
        if not 0 < len(text) <= length:
            raise ValidationError.at(pointer, f"Enter {what} of at most {length} characters.")
        return text

    def one_of(self, pointer: str, kind: type[Choice]) -> Choice:
        """Return the member of ``kind`` that was chosen.

        Raises:
            ValidationError: it is none.
        """
        try:
            return kind(self.text(pointer))
        except ValueError as error:
            raise ValidationError.at(pointer, "Choose one of the listed options.") from error

    def is_on(self, pointer: str) -> bool:
        """Tell whether a box is checked."""
        return self.typed.get(pointer) == ON

    def many(self, pointer: str) -> list[str]:
        """Return the choices that were made."""
        return [line for line in self.typed.get(pointer, "").split("\n") if line]

    @property
    def summary(self) -> list[tuple[str | None, str]]:
        """What is wrong, as (id of the field or ``None``, sentence), in the order of the form."""
        found: list[tuple[str | None, str]] = []
        placed: set[str] = set()
        for item in leaves(self.fields):
            for message in self.messages(item):
                found.append((item.html_id, f"{item.label}: {message}"))
                placed.add(message)
        rest = [item.message for item in self.problems if item.message not in placed]
        return [*found, *((None, message) for message in rest)]

    def after(self, error: LandformError) -> FormEntry:
        """Return the form as it is shown after ``error``."""
        advice = "" if error.problems else f" {error.advice}"
        return replace(self, problems=error.problems, failure=f"{error.detail}{advice}")


def blank(fields: Iterable[Field]) -> FormEntry:
    """Return a form as it is before anybody typed."""
    found = tuple(fields)
    return FormEntry(found, {item.pointer: str(item.default or "") for item in found})


def filled(fields: Iterable[Field], typed: Mapping[str, str], version: int) -> FormEntry:
    """Return a form with what a thing is at present."""
    return FormEntry(tuple(fields), typed, version)


def sent(fields: Iterable[Field]) -> FormEntry:
    """Return a form as the present request sent it."""
    found = tuple(fields)
    typed = {item.pointer: "\n".join(request.form.getlist(item.pointer)) for item in found}
    return FormEntry(found, typed, sent_version())


def sent_version() -> int | None:
    """Return the version that the form of the present request was made from."""
    given = request.form.get(VERSION, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None


def choice(
    pointer: str,
    label: str,
    options: Iterable[tuple[str, ...]],
    *,
    default: str | None = None,
    help_: str = "",
    empty_note: str = "",
) -> Field:
    """Return a field with one choice of ``options``, which are (value, label) or (…, hint).

    ``empty_note`` says what there is none of, where there is nothing to choose from.
    """
    found = tuple(Option(*item) for item in options)
    first = found[0].value if found else ""
    return Field(
        pointer,
        "choice",
        label,
        help=help_,
        is_required=True,
        default=first if default is None else default,
        options=found,
        empty_note="" if found else empty_note,
    )


def checks(pointer: str, label: str, options: Iterable[Option], help_: str = "") -> Field:
    """Return a field with any number of choices."""
    return Field(pointer, "checks", label, help=help_, options=tuple(options))
