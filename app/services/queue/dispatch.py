"""Choose the operation that a free worker carries out next.

A job in Redis says only that there is work; which work is decided here, from SQL, so priorities
and limits hold whatever the order of the jobs was.
"""

from __future__ import annotations

import secrets
from functools import cache
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import ColumnElement, Select, exists, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from app.clock import utc_now
from app.config.settings import Settings
from app.domain.operations import OWNED, OperationStatus
from app.domain.queueing import Limits, Load, Waiting, choose, choose_check
from app.domain.stacks import StateBackend
from app.models import InstallationFact, Operation, Stack
from app.queue.notifier import DRIFT_QUEUE
from app.services.context import Context, notify_after_commit
from app.services.projects.change_control import closures
from app.services.queue.admission import has_memory, is_everything_short, read_shortage
from app.services.queue.makeable import is_makeable
from app.services.queue.order import goes_before, holds, is_blocked, is_preemptible
from app.services.queue.reference_waits import waits_for_reference
from app.services.queue.waits import CAPACITY, bucket_trouble

CONSIDERED = 500
OLDEST_CHECKS = 50
ROUND = 8
"""Checks that one process takes at once. People wait for the stacks of a round until its end."""


def choose_next(ctx: Context) -> Waiting | None:
    """Return the operation that should start now, or nothing when none may."""
    with ctx.read() as session:
        shortage = read_shortage(ctx, session)
        if is_everything_short(ctx, shortage):
            return None
        is_here = is_makeable(session, ctx.catalog) & has_memory(ctx, shortage)
        return _choose(session, ctx.settings, is_here)


def notify_chosen(session: Session, settings: Settings) -> None:
    """Notify of what may start now that something ended; a limit may have held it back."""
    chosen = _choose(session, settings)
    if chosen is not None:
        notify_after_commit(session, session.get_one(Operation, chosen.id))


def notify_checks(ctx: Context) -> int:
    """Notify workers of as many scheduled checks as have room to run; return how many.

    A worker that has made one goes on with the next, so in a sweep over a fleet a job for each
    would only wake workers for nothing. Does nothing while Redis is away.
    """
    with ctx.read() as session:
        if session.scalar(_any_check()) is None:
            return 0
        load, checks = _load(session), _waiting(session, is_preemptible(Operation))
    try:
        room = ctx.settings.drift_limit - load.scheduled - ctx.notifier.count(DRIFT_QUEUE)
    except RedisError:
        return 0
    notified = checks[: max(room, 0)]
    for item in notified:
        with ctx.write() as session:
            operation = session.get_one(Operation, item.id)
            if operation.status == OperationStatus.PENDING:
                notify_after_commit(session, operation)
    return len(notified)


@cache  # asked every few seconds; mostly there is none, and to find their order takes far longer
def _any_check() -> Select[tuple[str]]:
    """Return the question for any scheduled check that is pending."""
    is_pending = Operation.status == OperationStatus.PENDING
    return select(Operation.id).where(is_pending, is_preemptible(Operation)).limit(1)


def record_capacity(ctx: Context) -> None:
    """Note which limits are reached, so that waiting operations can say it."""
    limits = _limits(ctx.settings)
    with ctx.read() as session:
        load = _load(session)
        known = session.get(InstallationFact, CAPACITY)
        shortage = read_shortage(ctx, session)
    facts: dict[str, Any] = {
        "memory": {f"{cloud}/{kind}": why for (cloud, kind), why in shortage.items()},
        "full_projects": sorted(load.full_projects(limits)),
        "per_project": limits.per_project,
        "is_drift_full": load.scheduled >= limits.drift_checks,
    }
    if known is None or known.value != facts:
        with ctx.write() as session:
            session.merge(InstallationFact(name=CAPACITY, value=facts, updated_at=utc_now()))


def _choose(
    session: Session,
    settings: Settings,
    is_here: ColumnElement[bool] = true(),  # noqa: B008  a constant
) -> Waiting | None:
    """Look at people's work first, then at the oldest scheduled checks, then at all of them.

    In a sweep there are hundreds of checks, and each end of one asks this again.
    """
    load, limits, is_check = _load(session), _limits(settings), is_preemptible(Operation)
    chosen = choose(_waiting(session, ~is_check & is_here), load, limits)
    if chosen is None and load.scheduled < limits.drift_checks:
        is_check &= is_here
        oldest = _waiting(session, is_check, OLDEST_CHECKS)
        chosen = choose_check(oldest, load, limits, secrets.choice)
        if chosen is None and len(oldest) == OLDEST_CHECKS:
            chosen = choose(_waiting(session, is_check), load, limits)
    return chosen


def _limits(settings: Settings) -> Limits:
    return Limits(settings.project_limit, settings.drift_limit)


def checks_beside(
    session: Session, settings: Settings, chosen_id: str, is_known: ColumnElement[bool]
) -> list[str]:
    """Return the chosen scheduled check, if its turn is still now, and others to make with it.

    Of all of them Terraform has found something not long ago, so that their provider alone may do.
    They are on the cloud of the chosen one, for which there is memory should Terraform be needed,
    and their states lie where that one's does. Else the chosen one goes alone.

    Args:
        session: to read with.
        settings: for the limits.
        chosen_id: the check that was chosen.
        is_known: the condition, over ``Stack``, that Terraform has found something not long ago.
    """
    place = select(Stack.state_backend, Stack.cloud).join(Operation, Operation.stack_id == Stack.id)
    store, cloud = session.execute(place.where(Operation.id == chosen_id)).one()
    is_near = (Stack.state_backend == store) & (Stack.cloud == cloud)
    which = is_preemptible(Operation) & is_known & is_near
    full = _load(session).full_projects(_limits(settings))
    known = _waiting(session, which & Stack.project_id.not_in(full), limit=OLDEST_CHECKS)
    ids = [item.id for item in known]
    if chosen_id in ids:
        first = ids.index(chosen_id)
        return ids[first : first + ROUND]
    return [item.id for item in _waiting(session, Operation.id == chosen_id, limit=1)]


def _load(session: Session) -> Load:
    """Count what runs by the processes that carry it out: each works on one thing at a time."""
    running = (
        select(Stack.project_id, func.count(Operation.owner.distinct()))
        .join(Operation, Operation.stack_id == Stack.id)
        .where(Operation.status.in_(OWNED))
        .group_by(Stack.project_id)
    )
    scheduled = select(func.count(Operation.owner.distinct())).where(
        Operation.status.in_(OWNED),
        is_preemptible(Operation),
    )
    by_project = {row[0]: row[1] for row in session.execute(running)}
    return Load(by_project, session.scalar(scheduled) or 0)


@cache  # SQLAlchemy takes longer to make an alias than SQL to answer
def _others() -> tuple[type[Operation], type[Operation]]:
    return aliased(Operation), aliased(Operation)


def _waiting(
    session: Session,
    which: ColumnElement[bool],
    limit: int = CONSIDERED,
) -> list[Waiting]:
    """Return approved plans, and the first pending operation of each stack that nothing holds.

    Of these the oldest that are ``which``. Stacks whose bucket is away are left out.
    """
    earlier, holder = _others()
    is_first = ~exists().where(
        earlier.stack_id == Operation.stack_id,
        earlier.status == OperationStatus.PENDING,
        goes_before(earlier, Operation),
        ~is_blocked(earlier),
    )
    is_free = ~exists().where(holder.stack_id == Operation.stack_id, holds(holder))
    is_its_turn = is_first & is_free & ~waits_for_reference(Operation)
    may_start = (Operation.status == OperationStatus.PENDING) & is_its_turn
    is_approved = (Operation.status == OperationStatus.PLANNED) & Operation.approved_at.is_not(None)
    query = (
        select(Operation.id, Stack.project_id, Operation.type, Operation.requested_by)
        .join(Stack, Stack.id == Operation.stack_id)
        .where(
            which,
            or_(may_start, is_approved),
            ~is_blocked(Operation),
            Stack.state_backend.not_in([StateBackend.S3] if bucket_trouble(session) else []),
            ~closures(session).hold_back(),
        )
        .order_by(Operation.id)
        .limit(limit)
    )
    return [
        Waiting(row_id, project_id, kind, requested_by)
        for row_id, project_id, kind, requested_by in session.execute(query)
    ]
