"""One act on many stacks: what is about to happen first, then all of them, each by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.console.stacks.read_selected import SelectedPage, read_selected
from app.domain.operations import OperationType
from app.errors import FieldProblem, LandformError, ValidationError
from app.models import Operation
from app.services.operations.control import request_operation
from app.services.stacks.change import StackChange, change_stack
from app.services.stacks.locks import lock_stack
from app.services.stacks.queries import labels_of
from app.services.work import Work
from app.web.context import current_context, current_principal, perform

MAX_SELECTED = 100
MAX_TEXT = 200
Act = Callable[[Work, str], Operation | None]


@dataclass(frozen=True)
class ManyAct:
    """What can be done with many stacks; ``asks`` is the label of a text that it needs."""

    title: str
    effect: str
    button: str
    asks: str | None = None
    help: str = ""


ACTS: Mapping[str, ManyAct] = {
    "plan": ManyAct("Plan", "Plans each stack. Nothing is changed.", "Plan"),
    "apply": ManyAct(
        "Apply",
        "Plans each stack and applies the plan by the approval rule of the stack.",
        "Apply",
    ),
    "drift_check": ManyAct("Check", "Compares each stack with the cloud.", "Check for drift"),
    "lock": ManyAct(
        "Lock", "Keeps operations from starting until a stack is unlocked.", "Lock", "Reason"
    ),
    "label": ManyAct(
        "Label",
        "Adds one label to each stack, or gives it another value.",
        "Set the label",
        "Label",
        "Such as team=shop.",
    ),
}
OPERATIONS = {
    "plan": OperationType.PLAN,
    "apply": OperationType.APPLY,
    "drift_check": OperationType.DRIFT_CHECK,
}


@dataclass
class Outcome:
    """What became of an act on many stacks, by id."""

    operations: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


@pages.get("/stacks/selected")
def show_selected() -> str | Response:
    """Show what an act would do with the selected stacks."""
    chosen = _chosen(request.args.getlist("stack"))
    if not chosen:
        return go_with_notice("none-selected", "console.list_stacks")
    page = read_selected(current_context(), current_principal(), chosen)
    return _render(page, _act_name(request.args.get("act")))


@pages.post("/stacks/selected")
def act_on_selected() -> Response | tuple[str, int]:
    """Act on each of the selected stacks by itself: one that is refused keeps no other back."""
    name = _act_name(request.form.get("act"))
    page = read_selected(
        current_context(), current_principal(), _chosen(request.form.getlist("stack"))
    )
    try:
        outcome = _act_on([row.stack.id for row in page.possible], _act_of(name))
    except ValidationError as error:
        return _render(page, name, problem=error.problems[0].message), 422
    if outcome.operations and not outcome.refused:
        address = url_for("console.show_together", operation=outcome.operations)
        return redirect(address, 303)
    if outcome.refused or not outcome.done:
        return _render(page, name, outcome=outcome), 409
    return go_with_notice("saved", "console.list_stacks")


def _act_on(stack_ids: Sequence[str], act: Act) -> Outcome:
    outcome = Outcome()
    for stack_id in stack_ids:
        try:
            with perform() as work:
                operation = act(work, stack_id)
                operation_id = operation.id if operation is not None else None
        except LandformError as error:
            outcome.refused[stack_id] = f"{error.detail} {error.advice}"
            continue
        outcome.done.append(stack_id)
        if operation_id is not None:
            outcome.operations.append(operation_id)
    return outcome


def _act_of(name: str) -> Act:
    """Return what is done with each stack.

    Raises:
        ValidationError: the text that it needs is missing or no label.
    """
    if name in OPERATIONS:
        return lambda work, stack_id: request_operation(work, stack_id, OPERATIONS[name])[1]
    text = request.form.get("text", "").strip()
    if not 0 < len(text) <= MAX_TEXT:
        raise ValidationError.at("/text", f"Enter a text of at most {MAX_TEXT} characters.")
    return _lock(text) if name == "lock" else _label(text)


def _lock(reason: str) -> Act:
    def act(work: Work, stack_id: str) -> None:
        lock_stack(work, stack_id, reason)

    return act


def _label(text: str) -> Act:
    name, sign, value = (part.strip() for part in text.partition("="))
    if not (name and sign):
        raise ValidationError.at("/text", "Write the label as name=value.")

    def act(work: Work, stack_id: str) -> Operation | None:
        labels = labels_of(work.session, work.principal, stack_id)
        return change_stack(work, stack_id, StackChange(labels={**labels, name: value}))[1]

    return act


def _act_name(text: str | None) -> str:
    if text is None or text not in ACTS:
        problem = FieldProblem("/act", f"Choose one of: {', '.join(ACTS)}.")
        raise ValidationError("There is no such act on many stacks.", problems=(problem,))
    return text


def _chosen(given: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(given))
    if len(found) > MAX_SELECTED:
        raise ValidationError.at("/stack", f"Select at most {MAX_SELECTED} stacks.")
    return found


def _render(
    page: SelectedPage, name: str, *, outcome: Outcome | None = None, problem: str | None = None
) -> str:
    return render_template(
        "stacks/selected.html",
        page=page,
        name=name,
        act=ACTS[name],
        outcome=outcome,
        problem=problem,
        typed=request.form.get("text", ""),
        max_text=MAX_TEXT,
    )
