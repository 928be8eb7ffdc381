"""Reconcile or accept the drift of a stack: say what it would do, ask, and queue it."""

from __future__ import annotations

from flask import render_template, request
from werkzeug.wrappers import Response

from app.console.drift.read_fix import read_fix
from app.console.operations.detail import ask_and_follow
from app.console.shell.pages import pages
from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.errors import NotFoundError
from app.services.operations.control import request_operation
from app.web.context import current_context, current_principal

FIXES = {"reconcile": OperationType.RECONCILE, "accept": OperationType.ACCEPT_DRIFT}


@pages.get("/stacks/<stack_id>/drift/<choice>")
def confirm_fix(stack_id: str, choice: str) -> str:
    """Say what reconciling or accepting would do, and ask."""
    _fix_type(choice)
    page = read_fix(current_context(), current_principal(), stack_id)
    return render_template("drift/fix.html", page=page, choice=choice)


@pages.post("/stacks/<stack_id>/drift/<choice>")
def fix_drift(stack_id: str, choice: str) -> Response:
    """Queue the reconciliation or the acceptance of the drift, or the findings, that was shown."""
    findings = tuple(request.form.getlist("finding"))
    options = PlanOptions(report_id=request.form.get("report_id"), findings=findings)
    wanted = _fix_type(choice)
    return ask_and_follow(lambda work: request_operation(work, stack_id, wanted, options))


def _fix_type(choice: str) -> OperationType:
    if choice not in FIXES:
        raise NotFoundError("There is no such page.")
    return FIXES[choice]
