"""Record what was refused to whom, without letting a flood of refusals fill the disk.

A refusal has no change to be recorded with, so it has a transaction of its own. Beyond the budget
refusals are only counted, and the next event says how many there were.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.domain.refusal_budget import RefusalKind
from app.logs import get_logger
from app.services import audit
from app.services.access import Principal
from app.services.context import Context
from app.services.work import perform

log = get_logger(__name__)


def record_refusal(
    ctx: Context,
    kind: RefusalKind,
    principal: Principal,
    action: str,
    object_type: str,
    object_id: str,
    *,
    project_id: str | None = None,
    **detail: Any,
) -> None:
    """Add the event of a refusal, unless there were too many; never fails.

    ``kind`` says from which budget it is taken, the other arguments are those of ``audit.record``.
    A person is counted as such, whoever is not signed in by address. Trouble with the database is
    told in the log: it must not turn a refusal into another error.
    """
    caller = principal.id or principal.address or principal.name
    before = ctx.refusals.take(kind, caller)
    if before is None:
        return
    if before:
        detail["unrecorded_before"] = before
    try:
        with perform(ctx, principal) as work:
            audit.record(work, action, object_type, object_id, project_id=project_id, **detail)
    except SQLAlchemyError as error:
        log.error("refusal_not_recorded", action=action, error=str(error))
