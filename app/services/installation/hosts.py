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

from sqlalchemy import Select, delete, func, select
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

MISSED_FOR = timedelta(hours=1)
"""How long a host that fell silent and holds nothing is still missed."""

KEPT = timedelta(days=7)
WARNING = (
    "A host that still runs would go on changing the cloud unseen: its Terraform is not stopped "
    "by this. Make sure that it is off or cut off for good."
)
"""What whoever declares a host gone has to know."""


class InstanceStatus(StrEnum):
    """How an instance is."""

    ALIVE = "alive"
    DRAINING = "draining"
    SILENT = "silent"
    STOPPED = "stopped"
    GONE = "gone"


LIVING = (InstanceStatus.ALIVE, InstanceStatus.DRAINING)


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


def hosts_in_use(session: Session) -> list[Host]:
    """Return the hosts that live, and those that are missed: silent not for long, or with work."""
    recent = Instance.heartbeat_at > database_now(session) - MISSED_FOR
    query = select(Instance).where(
        Instance.ended_at.is_(None) & recent | Instance.id.in_(_holding())
    )
    found = describe(session, session.scalars(query.order_by(Instance.id)).all())
    # A silent one without a role is that of a preparation in a container of its own.
    return [host for host in found if host.held or host.status in LIVING or host.row.roles]


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
    if host.status in LIVING:
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


def drain(work: Work, instance_id: str) -> Host:
    """Have a host take nothing new; what it runs ends there. Asking again changes nothing.

    Its workers leave operations to others, and ``/readyz/web`` of its web processes answers 503 so
    that a load balancer sends them nothing more. It lasts until ``end_drain`` or the next start.

    Raises:
        PermissionDeniedError: the caller is no administrator of this Landform.
        NotFoundError: there is no such instance.
        ConflictError: it does not live.
    """
    host = host_by_id(work.session, work.principal, instance_id, is_locked=True)
    if host.status not in LIVING:
        raise ConflictError(
            f"{host.row.name} does not live, so that it takes nothing new anyway.",
            advice="If it holds operations and will not come back, say that it is gone.",
        )
    if host.row.draining_since is None:
        host.row.draining_since = database_now(work.session)
        audit.record(work, "instance.drain", "instance", instance_id, host=host.row.name)
    return describe(work.session, [host.row])[0]


def end_drain(work: Work, instance_id: str) -> Host:
    """Let a host take work again. Asking again changes nothing.

    Raises:
        PermissionDeniedError: the caller is no administrator of this Landform.
        NotFoundError: there is no such instance.
    """
    host = host_by_id(work.session, work.principal, instance_id, is_locked=True)
    if host.row.draining_since is not None:
        host.row.draining_since = None
        audit.record(work, "instance.end_drain", "instance", instance_id, host=host.row.name)
    return describe(work.session, [host.row])[0]


def forget_instances(work: Work) -> int:
    """Remove instances that nobody has heard of for days and that hold nothing; return how many."""
    oldest = database_now(work.session) - KEPT
    old = delete(Instance).where(Instance.heartbeat_at < oldest, Instance.id.not_in(_holding()))
    return len(work.session.execute(old.returning(Instance.id)).all())


def _holding() -> Select[tuple[str | None]]:
    """Select the instances that hold an operation, also by a state to be saved."""
    return select(Operation.instance_id).where(
        Operation.instance_id.is_not(None),
        Operation.status.in_(OWNED) | Operation.has_unsaved_state,
    )


def _status(row: Instance, now: datetime) -> InstanceStatus:
    if row.gone_at is not None:
        return InstanceStatus.GONE
    if row.ended_at is not None:
        return InstanceStatus.STOPPED
    if now - row.heartbeat_at > SILENT_AFTER:
        return InstanceStatus.SILENT
    return InstanceStatus.ALIVE if row.draining_since is None else InstanceStatus.DRAINING
