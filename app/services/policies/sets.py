"""Sets of policies: kept in versions, checked and tested whenever they are saved.

Everybody who is signed in may read them, because everybody is bound by them; names of projects that
the reader cannot see are left out. Whoever has ``policy:write`` changes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.names import NAME_RULE, is_name
from app.domain.permissions import ServiceRight
from app.domain.policies import Policy
from app.domain.policy_reading import read_policies, write_policy
from app.errors import NameTakenError, NotFoundError, ValidationError
from app.models import PolicyOverride, PolicySet, PolicySetVersion, Project
from app.services import audit
from app.services.access import Principal, require_service
from app.services.context import Context
from app.services.lookup import expect_version
from app.services.paging import Page, PageRequest, fetch_page
from app.services.policies.checks import CaseOutcome, check_policies, refuse_failed_tests
from app.services.work import Work

RIGHT = ServiceRight.POLICY_WRITE


@dataclass(frozen=True)
class NewPolicySet:
    """A set to make; ``policies`` as ``read_policies`` takes them."""

    name: str
    policies: Sequence[Mapping[str, Any]]
    description: str = ""
    enabled: bool = False


@dataclass(frozen=True)
class PolicySetChange:
    """The fields to change; ``None`` keeps the present value."""

    name: str | None = None
    policies: Sequence[Mapping[str, Any]] | None = None
    description: str | None = None
    enabled: bool | None = None


def create_policy_set(work: Work, wanted: NewPolicySet) -> PolicySet:
    """Make a set of policies, after its test cases were run.

    Raises:
        PermissionDeniedError: the caller lacks ``policy:write``.
        ValidationError: a policy is not acceptable, or a test case fails; each with its pointer.
        NameTakenError: there is a set of that name.
    """
    require_service(work.principal, RIGHT)
    _check_name(wanted.name)
    policies = _checked(work.ctx, work.session, wanted.policies)
    now, name = utc_now(), work.principal.name
    row = PolicySet(
        id=ids.new_id(ids.POLICY_SET),
        name=wanted.name,
        description=wanted.description,
        is_enabled=wanted.enabled,
        policies=[write_policy(policy) for policy in policies],
        created_by=name,
        created_at=now,
        updated_by=name,
        updated_at=now,
        version=1,
    )
    work.session.add(row)
    _flush(work, wanted.name)
    _keep_version(work, row)
    _record(work, "policy_set.create", row, enabled=row.is_enabled, policies=len(policies))
    return row


def change_policy_set(
    work: Work, set_id: str, change: PolicySetChange, expected_version: int | None
) -> PolicySet:
    """Change a set; what is changed makes a new version.

    Raises:
        NotFoundError, PermissionDeniedError: as ``policy_set_by_id``.
        PreconditionFailedError: it is no longer at ``expected_version``.
        ValidationError, NameTakenError: as ``create_policy_set``.
    """
    require_service(work.principal, RIGHT)
    row = policy_set_by_id(work.session, set_id, is_locked=True)
    expect_version(f"Policy set {row.name!r}", row.version, expected_version)
    wanted: dict[str, Any] = {
        "name": change.name,
        "description": change.description,
        "is_enabled": change.enabled,
    }
    if change.name is not None:
        _check_name(change.name)
    if change.policies is not None:
        policies = _checked(work.ctx, work.session, change.policies)
        wanted["policies"] = [write_policy(policy) for policy in policies]
    changed = [
        name for name, value in wanted.items() if value is not None and value != getattr(row, name)
    ]
    for name in changed:
        setattr(row, name, wanted[name])
    if changed:
        row.version += 1
        row.updated_at, row.updated_by = utc_now(), work.principal.name
        _flush(work, row.name)
        _keep_version(work, row)
        _record(work, "policy_set.change", row, changed=changed, enabled=row.is_enabled)
    return row


def delete_policy_set(work: Work, set_id: str, expected_version: int | None) -> None:
    """Delete a set with its versions and the exceptions from it.

    Raises:
        NotFoundError, PermissionDeniedError: as ``policy_set_by_id``.
        PreconditionFailedError: it is no longer at ``expected_version``.
    """
    require_service(work.principal, RIGHT)
    row = policy_set_by_id(work.session, set_id, is_locked=True)
    expect_version(f"Policy set {row.name!r}", row.version, expected_version)
    for table in (PolicyOverride, PolicySetVersion):
        work.session.execute(delete(table).where(table.set_id == row.id))
    _record(work, "policy_set.delete", row)
    work.session.delete(row)


def policy_set_by_id(session: Session, set_id: str, *, is_locked: bool = False) -> PolicySet:
    """Return a set by id or name.

    Raises:
        NotFoundError: there is none.
    """
    query = select(PolicySet).where(or_(PolicySet.id == set_id, PolicySet.name == set_id))
    row = session.scalar(query.with_for_update() if is_locked else query)
    if row is None:
        raise NotFoundError(f"There is no policy set {set_id!r}.")
    return row


def list_policy_sets(session: Session, page: PageRequest) -> Page[PolicySet]:
    """Return all sets, in the order of their making."""
    return fetch_page(session, select(PolicySet), PolicySet.id, page)


def list_versions(session: Session, set_id: str, page: PageRequest) -> Page[PolicySetVersion]:
    """Return what a set was, newest first.

    Raises:
        NotFoundError: there is no such set.
    """
    row = policy_set_by_id(session, set_id)
    query = select(PolicySetVersion).where(PolicySetVersion.set_id == row.id)
    return fetch_page(session, query, PolicySetVersion.id, page, newest_first=True)


def run_test_cases(
    ctx: Context, session: Session, items: Sequence[Mapping[str, Any]]
) -> list[CaseOutcome]:
    """Check policies and run their test cases; nothing is kept.

    Raises:
        ValidationError: a policy is not acceptable; each problem with its pointer.
    """
    return check_policies(ctx.catalog, read_policies(list(items)), _project_names(session))


def visible_policies(
    session: Session, principal: Principal, items: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the policies of a set without those that are only about projects out of sight."""
    if principal.is_admin and (principal.scope is None or principal.scope.project_id is None):
        return list(items)
    named = {name for item in items for name in item["when"]["projects"]}
    if not named:
        return list(items)
    rows = session.execute(select(Project.id, Project.name).where(Project.name.in_(named)))
    seen = {name for project_id, name in rows if principal.sees(project_id)}
    shown: list[Mapping[str, Any]] = []
    for item in items:
        about = item["when"]["projects"]
        left = [name for name in about if name in seen]
        if left or not about:
            shown.append({**item, "when": {**item["when"], "projects": left}})
    return shown


def _checked(
    ctx: Context, session: Session, items: Sequence[Mapping[str, Any]]
) -> tuple[Policy, ...]:
    policies = read_policies(list(items))
    outcomes = check_policies(ctx.catalog, policies, _project_names(session))
    refuse_failed_tests(policies, outcomes)
    return policies


def _project_names(session: Session) -> list[str]:
    return list(session.scalars(select(Project.name).where(Project.deleted_at.is_(None))))


def _check_name(name: str) -> None:
    if not is_name(name):
        raise ValidationError.at("/name", f"A name has {NAME_RULE}.")


def _flush(work: Work, name: str) -> None:
    try:
        work.session.flush()
    except IntegrityError as error:
        raise NameTakenError.at("/name", f"There is a policy set named {name!r}.") from error


def _keep_version(work: Work, row: PolicySet) -> None:
    work.session.add(
        PolicySetVersion(
            id=ids.new_id(ids.POLICY_VERSION),
            set_id=row.id,
            version=row.version,
            is_enabled=row.is_enabled,
            policies=row.policies,
            saved_by=row.updated_by,
            saved_at=row.updated_at,
        )
    )


def _record(work: Work, action: str, row: PolicySet, **detail: Any) -> None:
    audit.record(work, action, "policy_set", row.id, name=row.name, version=row.version, **detail)
