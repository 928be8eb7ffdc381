"""What the pages about a stack's state show: versions, differences, the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.console.stacks.read_header import StackHeader, stack_header
from app.domain.permissions import Right
from app.domain.stacks import StateBackend
from app.errors import LandformError
from app.models import StateVersion
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import stack_by_id
from app.services.operations.queries import types_of
from app.services.paging import PageRequest
from app.services.state.diff import compare_versions
from app.services.state.versions import list_state_versions, state_version

NEWEST = PageRequest(limit=1)
COMPARABLE = PageRequest(limit=50)


@dataclass(frozen=True)
class StackStatesPage:
    """The tab of state versions, newest first; ``reasons`` are operation types by operation id.

    ``present`` is the serial of the state of record, or nothing before the first one. ``backend``
    says where the state is kept; ``bucket`` names the one that could hold it, if there is one.
    """

    header: StackHeader
    versions: list[StateVersion]
    reasons: Mapping[str, str]
    present: int | None
    next_cursor: str | None
    may_download: bool
    may_upload: bool
    backend: StateBackend
    bucket: str


@dataclass(frozen=True)
class StateDiffPage:
    """What differs between two versions; ``before`` is nothing at the first one that is kept."""

    header: StackHeader
    before: StateVersion | None
    after: StateVersion
    diff: Mapping[str, Any]
    versions: list[StateVersion]


@dataclass(frozen=True)
class RollbackPage:
    """The question before a rollback; ``unknown`` says why the two could not be compared."""

    header: StackHeader
    target: StateVersion
    present: int
    diff: Mapping[str, Any] | None
    unknown: str | None


def read_stack_states(
    ctx: Context, principal: Principal, stack_id: str, page: PageRequest
) -> StackStatesPage:
    """Read the tab of state versions.

    Raises:
        NotFoundError: no such stack, or the caller cannot see it.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        found = list_state_versions(session, principal, stack_id, page)
        newest = list_state_versions(session, principal, stack_id, NEWEST).items
        return StackStatesPage(
            header=stack_header(ctx, session, principal, stack),
            versions=list(found.items),
            reasons=types_of(session, {item.operation_id for item in found.items}),
            present=newest[0].serial if newest else None,
            next_cursor=found.next_cursor,
            may_download=principal.has(Right.STATE_READ, stack.project_id),
            may_upload=principal.has(Right.STATE_WRITE, stack.project_id),
            backend=StateBackend(stack.state_backend),
            bucket=ctx.settings.state_s3_bucket,
        )


def read_state_diff(
    ctx: Context, principal: Principal, stack_id: str, serial: int | None, against: int | None
) -> StateDiffPage:
    """Read what differs; without ``serial`` the present one, without ``against`` the one before.

    Raises:
        NotFoundError: there is no such stack or serial.
        StateCorruptError, VolumeError: as ``compare_versions``.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        header = stack_header(ctx, session, principal, stack)
        versions = list(list_state_versions(session, principal, stack_id, COMPARABLE).items)
        if serial is None:
            serial = versions[0].serial if versions else 0
    found = compare_versions(ctx, principal, stack_id, serial, against)
    return StateDiffPage(header, found.before, found.after, found.to_dict(), versions)


def read_rollback(ctx: Context, principal: Principal, stack_id: str, serial: int) -> RollbackPage:
    """Read what going back to ``serial`` would do to the record.

    Raises:
        NotFoundError: there is no such stack or serial.
        PermissionDeniedError: the caller may not change the stack.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id, Right.STACK_WRITE)
        target = state_version(session, principal, stack_id, serial)
        present = list_state_versions(session, principal, stack_id, NEWEST).items[0].serial
        header = stack_header(ctx, session, principal, stack)
    try:
        diff = compare_versions(ctx, principal, stack_id, serial, present).to_dict()
    except LandformError as error:  # a damaged present state is what a rollback is for
        return RollbackPage(header, target, present, None, error.detail)
    return RollbackPage(header, target, present, diff, None)
