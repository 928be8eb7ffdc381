"""What is done about a drift that was shown: undo it, or take it over into the state.

Both are about one report. When reality is another one by then they do not go on: nobody has seen
what they would do.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.drift import ChangeKind, DriftStatus
from app.domain.drift_findings import drift_digest
from app.errors import DriftChangedError, ValidationError
from app.models import DriftReport, Stack


def check_report(
    session: Session, stack: Stack, report_id: str | None, findings: Collection[str] = ()
) -> None:
    """Check that a report is one to act on, and that no later check saw another drift.

    Raises:
        ValidationError: the stack has no such report, or there is nothing to do about what it
            shows (pointer ``/report_id``), or it has not these findings (``/findings``).
        DriftChangedError: a later check saw another drift.
    """
    if report_id is None:
        raise ValidationError.at("/report_id", "Say which drift report this is about.")
    report = session.get(DriftReport, report_id)
    if report is None or report.stack_id != stack.id:
        raise ValidationError.at("/report_id", f"Stack {stack.name!r} has no such drift report.")
    if all(change["change"] == ChangeKind.CREATED for change in report.changes):
        raise ValidationError.at(
            "/report_id",
            "This report shows nothing that could be reconciled or accepted; what was created "
            "outside is deleted in the cloud, or imported.",
        )
    shown = {change.get("finding_id") for change in report.changes if change["address"]}
    for index, name in enumerate(findings):
        if name not in shown:
            message = "Is no finding of this report that could be accepted."
            raise ValidationError.at(f"/findings/{index}", message)
    latest = session.scalars(
        select(DriftReport.digest)
        .where(
            DriftReport.stack_id == stack.id,
            DriftReport.status != DriftStatus.UNKNOWN,
        )
        .order_by(DriftReport.id.desc())
        .limit(1)
    ).first()
    if report.digest is None or report.digest != latest:
        raise DriftChangedError(f"A later check than {report_id} saw another drift.")


def require_same_drift(
    session: Session, report_id: str | None, changes: list[dict[str, object]]
) -> None:
    """Refuse to go on when a plan met another drift than its report shows.

    Raises:
        DriftChangedError: it did.
    """
    report = session.get(DriftReport, report_id) if report_id else None
    if report is None or report.digest != drift_digest(changes):
        raise DriftChangedError(f"Reality is not as report {report_id} shows it; nothing was done.")
