"""The hosts of this installation: its instances, what they hold, and saying that one is gone.

Only a person can know that a host will not come back before its lease says so. Then what it held
is taken over at once, instead of after the lease; an instance that turns out to live after all
starts anew once nothing is held in its name any more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.db import database_now
from app.domain.operations import OWNED
from app.domain.permissions import ServiceRight
from app.errors import ConflictError, NotFoundError
from app.models import Instance, Operation
from app.services import audit
from app.services.access import Principal, require_service
from app.services.paging import Page, PageRequest, fetch_page
from app.services.work import Work

RIGHT = ServiceRight.MAINTENANCE_MANAGE
SILENT_AFTER = timedelta(seconds=15)
"""An instance beats every two seconds."""

KEPT = timedelta(days=7)
WARNING = (
    "A host that still runs would go on changing the cloud unseen: its Terraform is not stopped "
    "by this. Make sure that it is off or cut off for good."
)
"""What whoever declares a host gone has to know."""


class InstanceStatus(StrEnum):
    """How an instance is."""

    ALIVE = "alive"
    SILENT = "silent"
    STOPPED = "stopped"
    GONE = "gone"


@dataclass(frozen=True)
class Host:
    """An instance, how it is, and how many operations it holds, also by a state to be saved."""

    row: Instance
    status: InstanceStatus
    held: int


def list_hosts(session: Session, principal: Principal, page: PageRequest) -> Page[Host]:
    """Return the instances of the last days, newest first.

    Raises:
        PermissionDeniedError: the caller is no administrator of this Landform.
    """
    require_service(principal, RIGHT)
    found = fetch_page(session, select(Instance), Instance.id, page, newest_first=True)
    return Page(describe(session, found.items), found.next_cursor)


def describe(session: Session, rows: Collection[Instance]) -> list[Host]:
    """Return how each of those instances is and what it holds."""
    now, ids = database_now(session), [row.id for row in rows]
    query = (
        select(Operation.instance_id, func.count())
        .where(
            Operation.instance_id.in_(ids),
            Operation.status.in_(OWNED) | Operation.has_unsaved_state,
        )
        .group_by(Operation.instance_id)
    )
    held = {row[0]: row[1] for row in session.execute(query)}
    return [Host(row, _status(row, now), held.get(row.id, 0)) for row in rows]


def host_by_id(
    session: Session, principal: Principal, instance_id: str, *, is_locked: bool = False
) -> Host:
    """Return one instance.

    Raises:
        PermissionDeniedError: the caller is no administrator of this Landform.
        NotFoundError: there is none.
    """
    require_service(principal, RIGHT)
    row = session.get(Instance, instance_id, with_for_update=is_locked)
    if row is None:
        raise NotFoundError(f"There is no instance {instance_id[:60]!r}.")
    return describe(session, [row])[0]


def declare_gone(work: Work, instance_id: str) -> Host:
    """Say that a host will not come back, so that others take over at once what it holds.

    Saying it again changes nothing.

    Raises:
        PermissionDeniedError: the caller is no administrator of this Landform.
        NotFoundError: there is no such instance.
        ConflictError: it lives.
    """
    host = host_by_id(work.session, work.principal, instance_id, is_locked=True)
    if host.status is InstanceStatus.ALIVE:
        raise ConflictError(
            f"{host.row.name} gave a sign of life less than {SILENT_AFTER.seconds} s ago.",
            advice="Stop it first, or cut it off; then what it holds can be taken over.",
        )
    if host.status is not InstanceStatus.GONE:
        host.row.gone_at = database_now(work.session)
        host.row.gone_by = work.principal.name
        audit.record(
            work, "instance.gone", "instance", instance_id, host=host.row.name, held=host.held
        )
    return describe(work.session, [host.row])[0]


def forget_instances(work: Work) -> int:
    """Remove instances that nobody has heard of for days and that hold nothing; return how many."""
    oldest = database_now(work.session) - KEPT
    holding = select(Operation.instance_id).where(
        Operation.instance_id.is_not(None),
        Operation.status.in_(OWNED) | Operation.has_unsaved_state,
    )
    old = delete(Instance).where(Instance.heartbeat_at < oldest, Instance.id.not_in(holding))
    return len(work.session.execute(old.returning(Instance.id)).all())


def _status(row: Instance, now: datetime) -> InstanceStatus:
    if row.gone_at is not None:
        return InstanceStatus.GONE
    if row.ended_at is not None:
        return InstanceStatus.STOPPED
    return InstanceStatus.SILENT if now - row.heartbeat_at > SILENT_AFTER else InstanceStatus.ALIVE
