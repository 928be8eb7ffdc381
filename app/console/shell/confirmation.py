"""Ask before something goes for good: what goes, and the name to type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import render_template, request

from app.errors import ConflictError, PreconditionFailedError
from app.services.work import Work
from app.web.context import perform
from app.web.http_errors import status_of

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


def mistyped(name: str) -> tuple[str, str] | None:
    """Return what was typed instead of ``name`` and what to say, or ``None`` when it is right."""
    typed = request.form.get("name", "")
    return None if typed == name else (typed[:MAX_NAME], f"Type {name} exactly.")


def refuse_or_perform(
    question: Confirmation, act: Callable[[Work], object]
) -> tuple[str, int] | None:
    """Perform ``act`` if the name was typed exactly.

    Returns:
        The question again with what was wrong, or ``None`` when it is done.
    """
    if wrong := mistyped(question.name):
        return _page(question, *wrong), 422
    try:
        with perform() as work:
            act(work)
    except (ConflictError, PreconditionFailedError) as error:
        return _page(question, question.name, f"{error.detail} {error.advice}"), status_of(error)
    return None


def _page(question: Confirmation, typed: str, message: str | None) -> str:
    return render_template(
        "shell/confirmation.html", question=question, typed=typed, message=message
    )
