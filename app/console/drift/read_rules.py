"""What the page of ignore rules shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.permissions import Right
from app.models import DriftRule, Project, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.rules import list_rules, rule_by_id
from app.services.paging import PageRequest


@dataclass(frozen=True)
class RuleRow:
    """One rule; ``limits`` is what it hides, as (word, value)."""

    id: str
    project: str
    stack_id: str | None
    limits: list[tuple[str, str]]
    reason: str
    owner: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    may_change: bool
    version: int


@dataclass(frozen=True)
class RulesPage:
    """One page of the rules that one can see."""

    rules: list[RuleRow]
    next_cursor: str | None


def read_rules(
    ctx: Context, principal: Principal, page: PageRequest, *, is_expired: bool | None
) -> RulesPage:
    """Read the rules, newest first."""
    with ctx.read() as session:
        found = list_rules(session, principal, page, is_expired=is_expired)
        return RulesPage(_rows(session, principal, found.items), found.next_cursor)


def read_rule(ctx: Context, principal: Principal, rule_id: str) -> RuleRow:
    """Read one rule."""
    with ctx.read() as session:
        row = rule_by_id(session, principal, rule_id)
        return _rows(session, principal, [row])[0]


def _rows(session: Session, principal: Principal, rules: Sequence[DriftRule]) -> list[RuleRow]:
    projects = _names(session, Project, {rule.project_id for rule in rules})
    stacks = _names(session, Stack, {rule.stack_id for rule in rules if rule.stack_id})
    return [_row(rule, principal, projects, stacks) for rule in rules]


def _row(
    rule: DriftRule, principal: Principal, projects: dict[str, str], stacks: dict[str, str]
) -> RuleRow:
    limits = {
        "stack": stacks.get(rule.stack_id or "", rule.stack_id),
        "kind": rule.kind,
        "type": rule.resource_type,
        "change": rule.change,
        "attribute": rule.path,
        "value": rule.value,
    }
    return RuleRow(
        id=rule.id,
        project=projects.get(rule.project_id, rule.project_id),
        stack_id=rule.stack_id,
        limits=[(word, value) for word, value in limits.items() if value],
        reason=rule.reason,
        owner=rule.owner,
        created_by=rule.created_by,
        created_at=rule.created_at,
        expires_at=rule.expires_at,
        may_change=principal.has(Right.STACK_WRITE, rule.project_id),
        version=rule.version,
    )


def _names(session: Session, model: type[Project] | type[Stack], ids: set[str]) -> dict[str, str]:
    query = select(model.id, model.name).where(model.id.in_(ids))
    return dict(session.execute(query).tuples().all())
