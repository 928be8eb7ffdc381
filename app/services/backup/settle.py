"""What a restored database has to forget: processes, sessions, and that all was well since.

Everything is one transaction, so that a restore that is cut short repeats all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, update

from app.clock import utc_now
from app.domain.operations import OWNED, OperationStatus
from app.domain.state_errors import StateError
from app.errors import UnavailableError
from app.models import InstallationFact, Instance, Operation, UserSession
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.backup.manifest import Manifest
from app.services.backup.recover_states import RecoveredStates, recover_states
from app.services.backup.target import FACT
from app.services.context import Context
from app.services.engine.recovery.dead_runs import end_restored
from app.services.projects.change_control import ControlChange, Maintenance, change_control
from app.services.work import Work, perform

REASON = "restored from a backup"


@dataclass
class Settlement:
    """What became of what was under way."""

    recovered: list[RecoveredStates] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)
    queued_again: list[str] = field(default_factory=list)
    sessions: int = 0
    warnings: list[str] = field(default_factory=list)


def settle(
    ctx: Context, manifest: Manifest, newer: Sequence[str], unknown: Sequence[str]
) -> Settlement:
    """Bring a database that was just restored to a state in which Landform may start.

    Args:
        ctx: the adapters.
        manifest: of the backup.
        newer: stacks whose place of states has newer ones than SQL.
        unknown: stacks that SQL does not know, for the audit trail.
    """
    done = Settlement()
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        fact = work.session.get_one(InstallationFact, FACT)
        if fact.value.get("is_settled"):
            return done
        done.sessions = _end_sessions(work)
        _end_instances(work)
        for stack_id in newer:
            try:
                found = recover_states(work, stack_id, manifest.id)
            except (StateError, UnavailableError) as error:
                done.warnings.append(f"Not recovered: {error.detail}")
            else:
                done.recovered += [found] if found else []
        _end_operations(work, done)
        reason = f"Restored from {manifest.id} of {manifest.created_at}: compare, then end this."
        change_control(work, None, ControlChange(maintenance=Maintenance(reason)))
        audit.record(
            work,
            "backup.restore",
            "backup",
            manifest.id,
            created_at=manifest.created_at,
            recovered=[item.stack_id for item in done.recovered],
            interrupted=done.interrupted,
            queued_again=done.queued_again,
            unknown_stacks=list(unknown),
            sessions_ended=done.sessions,
        )
        fact.value = {**fact.value, "is_settled": True}
    return done


def _end_sessions(work: Work) -> int:
    """End every session: one that was ended after the backup must not come back."""
    open_ones = work.session.scalars(
        update(UserSession)
        .where(UserSession.revoked_at.is_(None))
        .values(revoked_at=utc_now(), revoked_because=REASON)
        .returning(UserSession.id)
    ).all()
    return len(open_ones)


def _end_instances(work: Work) -> None:
    work.session.execute(
        update(Instance).where(Instance.ended_at.is_(None)).values(ended_at=utc_now())
    )


def _end_operations(work: Work, done: Settlement) -> None:
    query = select(Operation).where(Operation.status.in_(OWNED)).order_by(Operation.id)
    for operation in work.session.scalars(query).unique().all():
        end_restored(work.ctx, work.session, operation)
        if operation.status == OperationStatus.INTERRUPTED:
            done.interrupted.append(operation.id)
        elif operation.status == OperationStatus.PENDING:
            done.queued_again.append(operation.id)
