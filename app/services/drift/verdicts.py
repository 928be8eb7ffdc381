"""What findings mean for a stack: its verdict, and who is told that it changed.

The verdict rests on findings that no rule hides. A message is sent when those are not the same as
when the last one was sent, so nothing is repeated while nothing changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.drift import DriftStatus
from app.domain.stacks import StackStatus
from app.models import DriftFinding, Stack
from app.services.drift.findings import is_visible, open_findings
from app.services.webhooks import outbox

MAX_REASON = 1000
CONCLUSIVE = (DriftStatus.IN_SYNC, DriftStatus.DRIFTED)


def conclude(
    session: Session,
    stack: Stack,
    findings: Sequence[DriftFinding],
    now: datetime,
    missing: int = 0,
) -> DriftStatus:
    """Show the verdict of a check that has just kept its ``findings``, and tell what is new.

    A stack whose last change failed and that lacks resources is not in sync, though nobody outside
    changed anything.

    Args:
        session: the open transaction.
        stack: which stack.
        findings: all of it.
        now: when.
        missing: how many resources its configuration wants and the plan would create.

    Returns:
        The verdict.
    """
    found = [item for item in findings if item.gone_since is None]
    visible = [item for item in found if is_visible(item, now)]
    is_incomplete = bool(missing) and stack.status in (
        StackStatus.FAILED,
        StackStatus.NEEDS_ATTENTION,
    )
    status = DriftStatus.UNKNOWN if is_incomplete else DriftStatus.IN_SYNC
    status = DriftStatus.DRIFTED if visible else status
    show(stack, status, now)
    stack.drift_reason, stack.drift_unknown_told_at = None, None
    if status is DriftStatus.UNKNOWN:
        stack.drift_reason = (
            f"{missing} of the resources that the configuration wants do not exist, because the "
            "last change of the stack did not end well."
        )
    _tell(session, stack, visible, has_hidden=len(visible) < len(found))
    return status


def conclude_anew(session: Session, stack: Stack, now: datetime) -> None:
    """Let a verdict follow its rules, which were changed or have expired.

    That something is hidden now is no end of it and is not told.
    """
    if stack.drift_status not in CONCLUSIVE:
        return
    found = open_findings(session, stack.id)
    visible = [item for item in found if is_visible(item, now)]
    show(stack, DriftStatus.DRIFTED if visible else DriftStatus.IN_SYNC, now)
    _tell(session, stack, visible, has_hidden=True)


def forget(session: Session, stack: Stack, now: datetime) -> None:
    """Let a verdict follow an apply: what it did not end is still there, the rest is not known."""
    stack.drift_reason = stack.drift_unknown_told_at = None
    is_open = any(is_visible(item, now) for item in open_findings(session, stack.id))
    show(stack, DriftStatus.DRIFTED if is_open else DriftStatus.NOT_CHECKED, now)


def give_up(stack: Stack, reason: str, now: datetime) -> DriftStatus:
    """Show that a check failed and nothing is known; the findings stay as they were."""
    show(stack, DriftStatus.UNKNOWN, now)
    stack.drift_reason = reason[:MAX_REASON]
    return DriftStatus.UNKNOWN


def show(stack: Stack, status: DriftStatus, now: datetime) -> None:
    """Show a verdict on the stack; ``since`` moves only when it is another one."""
    if stack.drift_status != status:
        stack.drift_since = now
    stack.drift_status = status.value


def _tell(
    session: Session, stack: Stack, visible: Sequence[DriftFinding], *, has_hidden: bool
) -> None:
    digest, told = _digest(visible), stack.drift_told
    if digest == told:
        return
    stack.drift_told = digest
    if told is None:
        outbox.drift_found(session, stack, visible)
    elif digest is not None:
        outbox.drift_changed(session, stack, visible)
    elif not has_hidden:  # what a rule hides is not gone
        outbox.drift_gone(session, stack)


def _digest(visible: Sequence[DriftFinding]) -> str | None:
    """Return a digest of what is visible, or nothing when nothing is."""
    if not visible:
        return None
    text = "\n".join(sorted(f"{item.id} {item.values_digest}" for item in visible))
    return hashlib.sha256(text.encode()).hexdigest()
