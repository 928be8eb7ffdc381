"""Ask before something goes for good: what goes, and the name to type."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, request

from app.errors import LandformError
from app.http_errors import status_of

MAX_NAME = 200


@dataclass(frozen=True)
class Confirmation:
    """What is about to go.

    ``verb`` is what the button says, ``losses`` what goes, in sentences; ``target`` takes the form
    and ``back`` leads away. ``hindrance`` says why it cannot be done now.
    """

    section: str
    title: str
    lead: str
    verb: str
    name: str
    losses: tuple[str, ...]
    target: str
    back: str
    version: int | None = None
    hindrance: str | None = None


def ask(question: Confirmation) -> str:
    """Show the question."""
    return _page(question, "", None)


def is_confirmed(question: Confirmation) -> bool:
    """Tell whether the present request has typed the name exactly."""
    return request.form.get("name", "") == question.name


def ask_again(question: Confirmation, error: LandformError | None = None) -> tuple[str, int]:
    """Show the question with what was wrong: the name, or ``error``."""
    if error is not None:
        return _page(question, question.name, f"{error.detail} {error.advice}"), status_of(error)
    typed = request.form.get("name", "")[:MAX_NAME]
    return _page(question, typed, f"Type {question.name} exactly as it is written here."), 422


def _page(question: Confirmation, typed: str, message: str | None) -> str:
    return render_template("confirm.html", question=question, typed=typed, message=message)
