"""Ignore rules: make, show, change and end them; and which finding is hidden by which.

A rule hides findings from verdict and messages, nothing else: what an apply does is not its
business. One that has expired hides nothing from that moment on; ``uncover_expired`` lets the
verdicts follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain import ids
from app.domain.drift_rules import DEFAULT_LIFE, MAX_LIFE, IgnoreRule, Subject
from app.domain.permissions import Right
from app.errors import NotFoundError, ValidationError
from app.models import DriftFinding, DriftRule, Project, Stack
from app.services import audit
from app.services.access import Principal, require, visible
from app.services.context import Context
from app.services.drift.findings import findings_of
from app.services.drift.verdicts import conclude_anew
from app.services.lookup import expect_version, is_project, project_by
from app.services.paging import Page, PageRequest, fetch_page
from app.services.work import Work


@dataclass(frozen=True)
class RuleScope:
    """What a rule hides; ``None`` does not limit."""

    stack: str | None = None
    kind: str | None = None
    resource_type: str | None = None
    change: str | None = None
    path: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class NewRule:
    """What a new rule is to be; the caller owns it by default."""

    project: str
    reason: str
    scope: RuleScope
    owner: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class RuleChange:
    """What is wanted otherwise; ``None`` leaves it. What a rule hides cannot be changed."""

    reason: str | None = None
    owner: str | None = None
    expires_at: datetime | None = None


def create_rule(work: Work, wanted: NewRule) -> DriftRule:
    """Make a rule; what it hides is hidden at once.

    Raises:
        ValidationError: no such project or stack, or a time that is over or too far away.
        PermissionDeniedError: the caller lacks ``stack:write`` in the project.
    """
    project = _project(work.session, work.principal, wanted.project)
    scope, now = wanted.scope, utc_now()
    row = DriftRule(
        id=ids.new_id(ids.DRIFT_RULE),
        project_id=project.id,
        stack_id=_stack_id(work.session, project, scope.stack),
        kind=scope.kind,
        resource_type=scope.resource_type,
        change=scope.change,
        path=scope.path,
        value=scope.value,
        reason=wanted.reason,
        owner=wanted.owner or work.principal.name,
        created_by=work.principal.name,
        created_at=now,
        updated_at=now,
        expires_at=_expiry(wanted.expires_at or now + DEFAULT_LIFE, now),
        version=1,
    )
    work.session.add(row)
    work.session.flush()
    _record(work, "drift_rule.create", row)
    _match_anew(work.session, _stacks_of(work.session, row), now)
    return row


def list_rules(
    session: Session,
    principal: Principal,
    page: PageRequest,
    project: str | None = None,
    *,
    is_expired: bool | None = None,
) -> Page[DriftRule]:
    """Return the rules of projects that the caller can see, newest first."""
    query = select(DriftRule).where(visible(principal, DriftRule.project_id))
    if project is not None:
        named = select(Project.id).where(is_project(project))
        query = query.where(DriftRule.project_id.in_(named))
    if is_expired is not None:
        is_over = DriftRule.expires_at <= utc_now()
        query = query.where(is_over if is_expired else ~is_over)
    return fetch_page(session, query, DriftRule.id, page, newest_first=True)


def rule_by_id(
    session: Session, principal: Principal, rule_id: str, right: Right = Right.STACK_READ
) -> DriftRule:
    """Return a rule, locked until the end of the transaction for who wants to change it.

    Raises:
        NotFoundError: there is none that the caller can see.
        PermissionDeniedError: the caller lacks ``right`` in its project.
    """
    lock = {"of": DriftRule} if right is not Right.STACK_READ else None
    row = session.get(DriftRule, rule_id, with_for_update=lock)
    if row is None:
        raise NotFoundError(f"There is no drift rule {rule_id!r}.")
    require(principal, right, row.project_id, f"drift rule {rule_id!r}")
    return row


def change_rule(
    work: Work,
    rule_id: str,
    change: RuleChange,
    expected_version: int | None,
) -> DriftRule:
    """Change reason, owner or expiry of a rule.

    Raises:
        NotFoundError, PermissionDeniedError: as ``rule_by_id``.
        PreconditionFailedError: it is no longer at ``expected_version``.
        ValidationError: a time that is over or too far away.
    """
    row, now = rule_by_id(work.session, work.principal, rule_id, Right.STACK_WRITE), utc_now()
    expect_version(f"Drift rule {row.id}", row.version, expected_version)
    if change.expires_at is not None:
        row.expires_at = _expiry(change.expires_at, now)
    row.reason, row.owner = change.reason or row.reason, change.owner or row.owner
    row.version, row.updated_at = row.version + 1, now
    work.session.flush()
    _record(work, "drift_rule.change", row)
    _match_anew(work.session, _stacks_of(work.session, row), now)
    return row


def delete_rule(work: Work, rule_id: str, expected_version: int | None) -> None:
    """End a rule; what it hid is seen again at once.

    Raises:
        NotFoundError, PermissionDeniedError: as ``rule_by_id``.
        PreconditionFailedError: it is no longer at ``expected_version``.
    """
    row = rule_by_id(work.session, work.principal, rule_id, Right.STACK_WRITE)
    expect_version(f"Drift rule {row.id}", row.version, expected_version)
    stacks = _stacks_of(work.session, row)
    work.session.execute(
        update(DriftFinding).where(DriftFinding.rule_id == row.id).values(rule_id=None)
    )
    _record(work, "drift_rule.delete", row)
    work.session.delete(row)
    work.session.flush()
    _match_anew(work.session, stacks, utc_now())


def uncover_expired(ctx: Context) -> int:
    """Let the verdicts follow the rules that have expired; return for how many stacks."""
    now = utc_now()
    expired = (
        select(Stack.id)
        .join(DriftFinding, DriftFinding.stack_id == Stack.id)
        .join(DriftRule, DriftRule.id == DriftFinding.rule_id)
        .where(DriftRule.expires_at <= now)
        .distinct()
    )
    with ctx.read() as session:
        waiting = session.scalars(expired).all()
    if waiting:
        with ctx.write() as session:
            _match_anew(session, [session.get_one(Stack, name) for name in waiting], now)
    return len(waiting)


def match_rules(
    session: Session, stack: Stack, findings: Sequence[DriftFinding], now: datetime
) -> None:
    """Have each finding of a stack name the first living rule that hides it, or none."""
    if not findings:
        return
    rules = session.scalars(
        select(DriftRule)
        .where(DriftRule.project_id == stack.project_id, DriftRule.expires_at > now)
        .order_by(DriftRule.id)
    ).all()
    known = [(row, _rule(row)) for row in rules]
    for finding in findings:
        subject = Subject(
            stack.id, stack.kind, finding.type, finding.change, tuple(finding.attributes)
        )
        finding.rule = next((row for row, rule in known if rule.hides(subject, now)), None)
    session.flush()


def _match_anew(session: Session, stacks: Iterable[Stack], now: datetime) -> None:
    stacks = list(stacks)
    findings = findings_of(session, [stack.id for stack in stacks])
    for stack in stacks:
        match_rules(session, stack, findings[stack.id], now)
        conclude_anew(session, stack, now)


def _stacks_of(session: Session, row: DriftRule) -> Sequence[Stack]:
    """Return the stacks with findings that the rule could hide, locked against a check's end."""
    with_findings = select(DriftFinding.stack_id)
    query = select(Stack).where(
        Stack.project_id == row.project_id,
        Stack.deleted_at.is_(None),
        Stack.id.in_(with_findings),
    )
    if row.stack_id is not None:
        query = query.where(Stack.id == row.stack_id)
    locked = query.order_by(Stack.id).with_for_update(of=Stack, key_share=True)
    return session.scalars(locked).unique().all()


def _rule(row: DriftRule) -> IgnoreRule:
    return IgnoreRule(
        id=row.id,
        expires_at=row.expires_at,
        stack_id=row.stack_id,
        kind=row.kind,
        resource_type=row.resource_type,
        change=row.change,
        path=row.path,
        value=row.value,
    )


def _project(session: Session, principal: Principal, reference: str) -> Project:
    return project_by(session, principal, reference, Right.STACK_WRITE)


def _stack_id(session: Session, project: Project, reference: str | None) -> str | None:
    if reference is None:
        return None
    found = session.scalar(
        select(Stack.id).where(
            Stack.project_id == project.id,
            Stack.deleted_at.is_(None),
            or_(Stack.id == reference, Stack.name == reference),
        )
    )
    if found is None:
        raise ValidationError.at("/stack", f"There is no stack {reference!r} in the project.")
    return found


def _expiry(wanted: datetime, now: datetime) -> datetime:
    if wanted <= now:
        raise ValidationError.at("/expires_at", "This time is over already.")
    if wanted > now + MAX_LIFE:
        raise ValidationError.at("/expires_at", f"A rule lives {MAX_LIFE.days} days at most.")
    return wanted


def _record(work: Work, action: str, row: DriftRule) -> None:
    audit.record(
        work,
        action,
        "drift_rule",
        row.id,
        project_id=row.project_id,
        stack_id=row.stack_id,
        reason=row.reason,
        expires_at=rfc3339(row.expires_at),
    )
