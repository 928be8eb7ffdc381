"""Tell our own orphans from what somebody else made under the tag of a stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.drift import ChangeKind
from app.domain.operations import OperationStatus
from app.models import Operation

ORPHAN = "orphan"


def name_orphans(
    session: Session, stack_id: str, changes: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the changes, each of our own orphans with the operation that made it.

    An operation that was interrupted made what carries its tag, or what it names itself.

    Args:
        session: the open transaction.
        stack_id: of the stack that was checked.
        changes: what differs; what was created outside says in ``made_by`` what its tag names.
    """
    plain = [{key: item[key] for key in item if key != "made_by"} for item in changes]
    if not any(item["change"] == ChangeKind.CREATED for item in changes):
        return plain
    query = select(Operation).where(
        Operation.stack_id == stack_id, Operation.status == OperationStatus.INTERRUPTED
    )
    interrupted = {row.id: row for row in session.scalars(query)}
    named = {
        orphan["id"]: row.id
        for row in interrupted.values()
        for orphan in row.possibly_orphaned
        if orphan.get("id")
    }
    for item, whole in zip(plain, changes, strict=True):
        if item["change"] != ChangeKind.CREATED:
            continue
        tagged = whole.get("made_by")
        maker = named.get(item["resource_id"]) or (tagged if tagged in interrupted else None)
        if maker is not None:
            item["orphaned_by"], item["severity_reason"] = maker, ORPHAN
    return plain
