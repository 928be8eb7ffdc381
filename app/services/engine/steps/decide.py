"""Decide what becomes of a plan: apply it, have it wait for approval, or end the operation."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.domain.operation_errors import OperationCanceledError
from app.domain.operation_facts import OperationFacts
from app.domain.operations import OperationStatus, StepName
from app.domain.state_file import StateFile, known_names
from app.models import Operation
from app.services.engine import ending
from app.services.engine.approval import must_wait_for_approval
from app.services.engine.carried_plans import carry, describe
from app.services.engine.claims import begin_applying
from app.services.engine.cost_keeping import keep_cost
from app.services.engine.plan_keeping import name_unmendable, with_forgotten
from app.services.engine.policy_check import ask_about_plan, refuse_denied
from app.services.engine.rollback import read_forgotten
from app.services.engine.run import OperationRun
from app.services.queue.status import move, release
from app.services.webhooks import outbox
from app.storage.parked_run import park
from app.terraform.plan import Plan


def decide(run: OperationRun) -> None:
    """Go on to apply only what is work and needs nobody's approval.

    Raises:
        OperationCanceledError: a person asked for that; nothing was changed.
        PolicyDeniedError: a policy forbids what the plan does; nothing was changed.
    """
    is_work = _is_work(run.claim.facts, run.plan)
    with run.recorder.step(StepName.CHECK):
        _tell(run)
        keep_cost(run)
        results = ask_about_plan(run)
        if is_work:
            refuse_denied(results)
    if run.recorder.is_cancel_requested:
        raise OperationCanceledError("Canceled before anything was changed.")
    if is_work:
        run.is_over = not run.write(lambda *held: _begin(run, *held))
    else:
        _end_planned(run)
        run.is_over = True


def _tell(run: OperationRun) -> None:
    forgotten = read_forgotten(run.space.directory)
    summary = with_forgotten(run.plan, forgotten)
    run.recorder.note(summary.sentence(run.plan.changed_outputs))
    unmendable = name_unmendable(run.plan)
    if unmendable is not None and run.claim.facts.undoes_drift:
        run.recorder.note(unmendable, level="warn", type_="still_different")
    for address in run.plan.made_anew(run.space.holds_data):
        message = f"{address} is gone. This plan makes it anew, empty: what it held is lost."
        run.recorder.note(message, level="warn", type_="made_empty")
    for item in forgotten:
        message = f"{item['address']} ({item['id']}) {item['reason']}."
        run.recorder.note(message, level="warn", type_="forgotten")


def _is_work(facts: OperationFacts, plan: Plan) -> bool:
    """Tell whether there is something to apply, also where the plan has no changes."""
    if not facts.may_mutate:
        return False
    if plan.has_changes or facts.destroys or facts.goes_back:
        return True
    # An earlier run may have died between a deletion and its record: nothing has to be changed, but
    # the state still lists what is gone until it is written anew.
    return (facts.builds and plan.has_gone) or (facts.accepts_drift and bool(plan.drift))


def _begin(run: OperationRun, session: Session, operation: Operation) -> bool:
    """Begin to apply, or seal the run directory until the plan is approved; tell which."""
    move(operation, OperationStatus.PLANNED)
    if not must_wait_for_approval(session, operation, run.plan, run.space.holds_data):
        begin_applying(operation)
        return True
    park(run.space.directory, run.ctx.keys)
    carry(run.ctx, operation, run.space.directory, describe(run.binary))
    release(operation)
    if operation.approved_at is None:
        outbox.approval_wanted(session, operation)
    return False


def _end_planned(run: OperationRun) -> None:
    data = run.space.directory.state_bytes()
    is_as_configured = run.claim.facts.builds and data is not None
    outputs = StateFile.parse(data or b"").outputs if is_as_configured else None
    status, known = OperationStatus.PLANNED_AND_FINISHED, known_names(data)
    ending.finish(run.ctx, run.claim, status, outputs, known_names=known)
    run.space.directory.remove()
