"""Plans that wait for approval, kept so that any host can apply them.

The run directory of a plan lies on the host that made it. Where several hosts share the database, a
sealed copy lies beside the state, and whoever takes the approved operation up unpacks that. A plan
that cannot be applied here, because it is lost or was made with other providers or another
Terraform, is made again, with the reason; so this is settled before the operation is claimed.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import OperationStatus
from app.errors import DecryptionError, UnavailableError
from app.logs import get_logger
from app.models import Operation
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context, notify_after_commit
from app.services.engine.recovery.save_state import tell
from app.services.queue.status import move
from app.storage.packed_run import PackedRun, pack, restore, unpack
from app.storage.run_directory import RunDirectory
from app.terraform.discovery import TerraformBinary

LATELY = timedelta(hours=6)
"""Plans that were thrown away earlier have been removed by one of many rounds."""

log = get_logger(__name__)


def carry(ctx: Context, operation: Operation, directory: RunDirectory, terraform: str) -> None:
    """Keep a sealed copy of a parked run for other hosts, if there may be any.

    Without one, another host makes the plan again; so trouble here must not end the operation.
    """
    directory.note_attempt(operation.fence)
    if not ctx.db.is_shared:
        return
    try:
        sealed = pack(directory, ctx.keys, terraform)
        ctx.plan_store(operation.stack_id).keep(operation.stack_id, operation.id, sealed)
    except UnavailableError as error:
        log.warning("plan_not_carried", operation_id=operation.id, error=error.detail)


def bring(ctx: Context, operation_id: str, binary: TerraformBinary) -> bool:
    """Make sure that this host has the plan of an approved operation, or have it made again.

    Returns:
        Whether the operation may be claimed now.

    Raises:
        UnavailableError: the place of the plan does not answer, or the disk refuses.
    """
    operation = ctx.ask(lambda session: session.get(Operation, operation_id))
    if operation is None or operation.status != OperationStatus.PLANNED:
        return True
    if operation.approved_at is None or not ctx.db.is_shared:
        return True
    directory = ctx.runs.of(operation_id)
    if directory.exists:
        if directory.attempt in (None, operation.fence):
            return True
        directory.remove()  # of an earlier plan, which was made again on another host
    sealed = ctx.plan_store(operation.stack_id).read(operation.stack_id, operation_id)
    packed, reason = _open(ctx, operation, sealed, binary)
    if packed is None:
        _plan_again(ctx, operation, reason)
        return False
    restore(packed, directory)
    directory.note_attempt(operation.fence)
    return True


def drop(ctx: Context, stack_id: str, operation_id: str) -> None:
    """Remove the copy of a plan that is not needed any more; one that stays does no harm."""
    if not ctx.db.is_shared:
        return
    try:
        ctx.plan_store(stack_id).remove(stack_id, operation_id)
    except UnavailableError as error:
        log.info("carried_plan_left", operation_id=operation_id, error=error.detail)


def drop_ended(ctx: Context) -> None:
    """Remove the copies of plans that were thrown away lately, wherever they were made."""
    if not ctx.db.is_shared:
        return

    def look(session: Session) -> list[tuple[str, str]]:
        query = select(Operation.stack_id, Operation.id).where(
            Operation.status.in_((OperationStatus.DISCARDED, OperationStatus.CANCELED)),
            Operation.plan_summary.is_not(None),
            Operation.ended_at > utc_now() - LATELY,
        )
        return [(row[0], row[1]) for row in session.execute(query)]

    for stack_id, operation_id in ctx.ask(look):
        drop(ctx, stack_id, operation_id)


def _open(
    ctx: Context, operation: Operation, sealed: bytes | None, binary: TerraformBinary
) -> tuple[PackedRun | None, str]:
    """Return the run if it can be applied here, else why not."""
    missing = "It was made on another host, and no copy of it was kept."
    if sealed is None:
        return None, missing
    try:
        packed = unpack(sealed, ctx.keys, operation.id)
    except DecryptionError:
        return None, "Its copy does not open: it was changed, or its key is gone."
    if packed.attempt != operation.fence:
        return None, missing
    if packed.terraform != describe(binary):
        return None, f"It was made with {packed.terraform}; this host has {describe(binary)}."
    if packed.lock != ctx.catalog.cloud(operation.stack.cloud).provider_lock:
        return None, "It was made with other versions of the providers than this host has."
    return packed, ""


def describe(binary: TerraformBinary) -> str:
    """Return which Terraform that is: a plan is good for one version only."""
    return f"{binary.flavor} {binary.version}"


def _plan_again(ctx: Context, seen: Operation, reason: str) -> None:
    def work(session: Session) -> None:
        operation = session.get_one(Operation, seen.id, with_for_update={"of": Operation})
        if operation.status != OperationStatus.PLANNED or operation.fence != seen.fence:
            return
        operation.approved_at = operation.approved_by = None
        move(operation, OperationStatus.PENDING)
        told = f"The approved plan cannot be applied on this host. {reason} It is made again."
        tell(session, operation, told)
        audit.record_as(
            session,
            SYSTEM_PRINCIPAL,
            "operation.plan_again",
            "operation",
            operation.id,
            project_id=operation.stack.project_id,
            reason=reason,
        )
        notify_after_commit(session, operation)

    ctx.persist(work)
