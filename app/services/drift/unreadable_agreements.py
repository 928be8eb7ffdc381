"""Give up what was agreed about a stack when nobody can read it any more.

Without it no change outside can be told from what was applied, so nothing plans. Only somebody with
a shell on the host may give it up: from then on the recorded state counts as agreed.
"""

from __future__ import annotations

from sqlalchemy import delete

from app.clock import utc_now
from app.domain.agreement_errors import AgreementUnreadableError
from app.domain.operations import OperationType
from app.errors import ConflictError, NotFoundError
from app.models import Stack, StackAgreement
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.drift import verdicts
from app.services.drift.agreements import read_agreement
from app.services.queue.order import add_operation
from app.services.work import perform


def forget_unreadable(ctx: Context, stack_id: str) -> None:
    """Have the recorded state of a stack count as agreed, and the stack checked.

    Raises:
        NotFoundError: there is no such stack.
        ConflictError: what was agreed about it can be read; accepting its drift is for the API.
    """
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        stack = work.session.get(Stack, stack_id)
        if stack is None or stack.deleted_at is not None:
            raise NotFoundError(f"There is no stack {stack_id}.")
        try:
            read_agreement(ctx.keys, work.session, stack_id)
        except AgreementUnreadableError as error:
            reason = error.detail
        else:
            raise ConflictError(
                f"What was agreed about the stack {stack_id} can be read.",
                advice="Accept its drift instead, or reconcile it.",
            )
        work.session.execute(delete(StackAgreement).where(StackAgreement.stack_id == stack_id))
        verdicts.forget(work.session, stack, utc_now())
        audit.record_stack(
            work,
            "stack.agreement_forgotten",
            stack,
            reason=reason,
        )
        add_operation(work.session, stack, OperationType.DRIFT_CHECK, SYSTEM_PRINCIPAL)
