"""Exceptions: for a while, what a policy denies to a project, or to one stack of it, is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain import ids
from app.domain.permissions import Right, ServiceRight
from app.domain.policies import Verdict
from app.domain.policy_results import PolicyResult
from app.errors import NotFoundError, ValidationError
from app.models import PolicyOverride, Stack
from app.services import audit
from app.services.access import Principal, require_service, visible
from app.services.lookup import project_by
from app.services.paging import Page, PageRequest, fetch_page
from app.services.policies.sets import policy_set_by_id
from app.services.work import Work

RIGHT = ServiceRight.POLICY_OVERRIDE
MAX_LIFE = timedelta(days=90)
DEFAULT_LIFE = timedelta(days=7)


@dataclass(frozen=True)
class NewOverride:
    """An exception to make; without ``stack`` (a name) it holds for the whole project.

    Without ``expires_at`` it ends after ``DEFAULT_LIFE``.
    """

    policy_set: str
    policy: str
    project: str
    reason: str
    expires_at: datetime | None = None
    stack: str | None = None


def create_override(work: Work, wanted: NewOverride) -> PolicyOverride:
    """Make an exception.

    Raises:
        PermissionDeniedError: the caller lacks ``policy:override``.
        ValidationError: there is no such set, policy or project, or the end is not acceptable.
    """
    require_service(work.principal, RIGHT)
    try:
        kept = policy_set_by_id(work.session, wanted.policy_set)
    except NotFoundError as error:
        raise ValidationError.at("/policy_set", error.detail) from error
    if wanted.policy not in [item["name"] for item in kept.policies]:
        message = f"Set {kept.name!r} has no policy {wanted.policy!r}."
        raise ValidationError.at("/policy", message)
    project = project_by(work.session, work.principal, wanted.project, Right.PROJECT_READ)
    now = utc_now()
    expires_at = wanted.expires_at or now + DEFAULT_LIFE
    if not now < expires_at <= now + MAX_LIFE:
        message = f"Must be in the future, and at most {MAX_LIFE.days} days away."
        raise ValidationError.at("/expires_at", message)
    row = PolicyOverride(
        id=ids.new_id(ids.POLICY_OVERRIDE),
        set_id=kept.id,
        policy=wanted.policy,
        project_id=project.id,
        stack_name=wanted.stack,
        reason=wanted.reason,
        created_by=work.principal.name,
        created_at=now,
        expires_at=expires_at,
    )
    work.session.add(row)
    work.session.flush()
    _record(work, "policy_override.create", row)
    return row


def delete_override(work: Work, override_id: str) -> None:
    """End an exception now.

    Raises:
        PermissionDeniedError: the caller lacks ``policy:override``.
        NotFoundError: there is none.
    """
    require_service(work.principal, RIGHT)
    row = work.session.get(PolicyOverride, override_id, with_for_update=True)
    if row is None:
        raise NotFoundError(f"There is no exception {override_id!r}.")
    _record(work, "policy_override.delete", row)
    work.session.delete(row)


def list_overrides(
    session: Session, principal: Principal, page: PageRequest
) -> Page[PolicyOverride]:
    """Return the exceptions of the projects that the caller sees, ended ones too, newest first."""
    about = visible(principal, PolicyOverride.project_id, Right.PROJECT_READ)
    query = select(PolicyOverride).where(about)
    return fetch_page(session, query, PolicyOverride.id, page, newest_first=True)


def lift_denials(
    session: Session, stack: Stack, results: Sequence[PolicyResult]
) -> list[PolicyResult]:
    """Return what policies said, with the exceptions that lift a denial noted in it."""
    denied = [result for result in results if result.verdict is Verdict.DENY]
    if not denied:
        return list(results)
    rows = session.scalars(
        select(PolicyOverride).where(
            PolicyOverride.project_id == stack.project_id,
            or_(PolicyOverride.stack_name.is_(None), PolicyOverride.stack_name == stack.name),
            PolicyOverride.expires_at > utc_now(),
        )
    )
    found = {(row.set_id, row.policy): row.id for row in rows}
    return [_lifted(result, found) for result in results]


def _lifted(result: PolicyResult, found: dict[tuple[str, str], str]) -> PolicyResult:
    override_id = found.get((result.source.set_id, result.policy))
    if result.verdict is not Verdict.DENY or override_id is None:
        return result
    return replace(result, override_id=override_id)


def _record(work: Work, action: str, row: PolicyOverride) -> None:
    audit.record(
        work,
        action,
        "policy_override",
        row.id,
        project_id=row.project_id,
        policy_set=row.set_id,
        policy=row.policy,
        stack=row.stack_name,
        reason=row.reason,
        expires_at=rfc3339(row.expires_at),
    )
