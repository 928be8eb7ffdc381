"""Once a day, tell of each project how its drift stands: the event ``drift.digest``.

A day is a day in UTC, told of after its end. The project's row keeps the last day that was told, in
the transaction that puts the message into the outbox, so a restart neither repeats nor forgets one;
days that were missed are told as one. Where there is nothing to say, nothing is said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain.drift import DriftStatus, Severity
from app.models import DriftFinding, Project, Stack
from app.services.context import Context
from app.services.drift.findings import is_visible
from app.services.webhooks import outbox

AT_ONCE = 20
SHOWN_STACKS = 20
DAY = timedelta(days=1)
RANKS = {severity.value: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True)
class Period:
    """The days that one digest is about, with the first and the last one."""

    first: date
    last: date

    def holds(self, moment: datetime | None) -> bool:
        """Tell whether ``moment`` lies in it."""
        return moment is not None and self.first <= moment.astimezone(UTC).date() <= self.last

    @property
    def begin(self) -> datetime:
        """The moment at which it begins."""
        return datetime.combine(self.first, time(), UTC)


def tell_digests(ctx: Context) -> int:
    """Put down the digest of each project whose last day is not told yet; return how many."""
    now = utc_now()
    today, yesterday = now.date(), now.date() - DAY
    query = select(Project).where(_is_due(today)).order_by(Project.id).limit(AT_ONCE)
    with ctx.read() as session:
        if session.scalars(query).first() is None:
            return 0
    told = 0
    unknown_since = now - timedelta(seconds=ctx.settings.drift_unknown_seconds)
    with ctx.write() as session:
        locked = query.with_for_update(of=Project, skip_locked=True)
        for project in session.scalars(locked).all():
            before, project.drift_digest_day = project.drift_digest_day, yesterday
            if before is None or before > today:
                continue  # it begins today, or the clock was set back: tomorrow tells of today
            period = Period(before + DAY, yesterday)
            digest = read_digest(session, project, period, now, unknown_since)
            if digest is not None:
                outbox.drift_digest(session, project, digest)
                told += 1
    return told


def read_digest(
    session: Session, project: Project, period: Period, now: datetime, unknown_since: datetime
) -> dict[str, Any] | None:
    """Return how the drift of a project stands, or nothing when there is nothing to say.

    There is something to say when anything came, changed or went in the period, when open drift is
    acknowledged by nobody, and when a stack cannot be checked.

    Args:
        session: for reading.
        project: the project.
        period: about which days.
        now: the present moment; what stands open is what is open now.
        unknown_since: stacks that cannot be checked since then or longer are named.
    """
    is_recent = or_(DriftFinding.gone_since.is_(None), DriftFinding.gone_since >= period.begin)
    of_project = (Stack.project_id == project.id, Stack.deleted_at.is_(None))
    rows = session.scalars(
        select(DriftFinding)
        .join(Stack, Stack.id == DriftFinding.stack_id)
        .where(*of_project, is_recent)
    )
    findings = [row for row in rows.unique() if is_visible(row, now)]
    opened = [row for row in findings if row.gone_since is None]
    gone = [row for row in findings if period.holds(row.gone_since)]
    new = [row for row in opened if period.holds(row.first_seen_at)]
    changed = [row for row in opened if row not in new and period.holds(row.changed_at)]
    unknown = session.scalars(
        select(Stack)
        .where(
            *of_project,
            Stack.drift_status == DriftStatus.UNKNOWN,
            Stack.drift_since <= unknown_since,
        )
        .order_by(Stack.drift_since)
    ).unique()
    unchecked = [_describe_unknown(stack) for stack in unknown]
    is_seen = all(row.acknowledged_at is not None for row in opened)
    if is_seen and not (gone or new or changed or unchecked):
        return None
    stacks = _describe_stacks(opened)
    return {
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "stacks": _count_stacks(session, of_project),
        "new": len(new),
        "changed": len(changed),
        "gone": len(gone),
        "open": len(opened),
        "severities": _count(row.severity for row in opened),
        "drifted": stacks[:SHOWN_STACKS],
        "unknown": unchecked[:SHOWN_STACKS],
        "not_shown": max(0, len(stacks) - SHOWN_STACKS) + max(0, len(unchecked) - SHOWN_STACKS),
        "link": f"/api/v1/drift?project={project.name}",
    }


def _is_due(today: date) -> ColumnElement[bool]:
    """Return the SQL condition that a project has a day to tell.

    Another host may be past midnight already and have told of today.
    """
    day = Project.drift_digest_day
    return Project.deleted_at.is_(None) & or_(day.is_(None), day < today - DAY, day > today)


def _describe_stacks(opened: Sequence[DriftFinding]) -> list[dict[str, Any]]:
    """Describe each stack that has drifted, the most severe and then the oldest first."""
    by_stack: dict[str, list[DriftFinding]] = defaultdict(list)
    for row in opened:
        by_stack[row.stack_id].append(row)
    described = []
    for rows in by_stack.values():
        stack = rows[0].stack
        since = rfc3339(min(row.first_seen_at for row in rows))
        described.append(
            {
                **_name(stack),
                "severity": min((row.severity for row in rows), key=lambda name: RANKS[name]),
                "changes": _count(row.change for row in rows),
                "since": since,
                "acknowledged": all(row.acknowledged_at is not None for row in rows),
            }
        )
    return sorted(described, key=lambda item: (RANKS[item["severity"]], item["since"]))


def _describe_unknown(stack: Stack) -> dict[str, Any]:
    return {**_name(stack), "since": rfc3339(stack.drift_since), "reason": stack.drift_reason}


def _name(stack: Stack) -> dict[str, Any]:
    link = f"/api/v1/stacks/{stack.id}"
    return {"id": stack.id, "name": stack.name, "kind": stack.kind, "link": link}


def _count_stacks(session: Session, of_project: Sequence[ColumnElement[bool]]) -> dict[str, int]:
    query = select(Stack.drift_status, func.count()).where(*of_project)
    found = {row[0]: row[1] for row in session.execute(query.group_by(Stack.drift_status))}
    return {status.value: found.get(status.value, 0) for status in DriftStatus}


def _count(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))
