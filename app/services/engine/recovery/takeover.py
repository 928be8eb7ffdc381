"""Which operations another instance has lost, so that this one may recover them.

Nobody can see the processes of another host or container, or of an earlier boot. So the lease
alone counts, by the database's clock: its owner has stopped Terraform before its end
(``heartbeat``, ``lease_watch``). Only a person can say earlier that a host is gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import database_now
from app.domain.operations import OWNED
from app.models import Operation
from app.services.context import Context
from app.services.installation.instances import is_gone
from app.terraform.identity import ProcessIdentity

GRACE = timedelta(seconds=10)
"""How long after the end of a lease its operation is left alone."""


def find_lost(ctx: Context) -> dict[str, str]:
    """Return the operations that may be taken over now: by id, the start of a sentence why."""
    found = ctx.ask(_judge_owned)
    return {operation_id: reason for operation_id, reason in found.items() if reason}


def _judge_owned(session: Session) -> dict[str, str | None]:
    owned = session.scalars(select(Operation).where(Operation.status.in_(OWNED))).all()
    if all(_is_local(operation) for operation in owned):
        return {}
    now = database_now(session)
    return {operation.id: _why_lost(session, operation, now) for operation in owned}


def may_take_over(session: Session, operation: Operation) -> bool:
    """Tell whether an operation, which is locked, may still be taken over."""
    return _why_lost(session, operation, database_now(session)) is not None


def _is_local(operation: Operation) -> bool:
    recorded = operation.owner_process
    return recorded is None or ProcessIdentity.from_dict(recorded).is_local


def _why_lost(session: Session, operation: Operation, now: datetime) -> str | None:
    if operation.owner_process is None or _is_local(operation):
        return None
    host = operation.owner_process["host"]
    if is_gone(session, operation.instance_id):
        return f"Host {host} was declared gone"
    ends = operation.lease_expires_at
    return f"Host {host} was lost" if ends is None or ends + GRACE < now else None
