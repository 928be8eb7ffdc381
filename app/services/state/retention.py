"""Remove state versions that are neither among the newest of a stack nor recent.

SQL forgets a version first, then its file goes. A crash in between leaves old files that SQL does
not know, below all that it knows; a later round removes those too. The present state, and a
version that a rollback is about to use, are never removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operation_registry import types_where
from app.domain.operations import FINAL
from app.domain.plan_options import PlanOptions
from app.errors import NotFoundError
from app.logs import get_logger
from app.models import Operation, Stack, StateVersion
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.work import perform
from app.storage.s3_errors import StateBucketError
from app.storage.state_format import StateVersionName
from app.storage.state_store import StateStore
from app.storage.volume_errors import VolumeError

AT_ONCE = 100

log = get_logger(__name__)


def prune_states(ctx: Context, at_once: int = AT_ONCE) -> int:
    """Remove what is older than the settings keep, at most ``at_once`` versions of each stack.

    Returns:
        How many files went; when it is not 0 there may be more to do.

    Raises:
        VolumeError: the volume cannot be used; nothing was removed.
    """
    if ctx.uses_volume():
        ctx.volume().check_identity()
    with ctx.read() as session:
        crowded = session.scalars(
            select(StateVersion.stack_id)
            .group_by(StateVersion.stack_id)
            .having(func.count() >= ctx.settings.state_keep_versions)
        ).all()
    return sum(_prune_if_reached(ctx, stack_id, at_once) for stack_id in crowded)


def _prune_if_reached(ctx: Context, stack_id: str, at_once: int) -> int:
    try:
        store = ctx.state_store(stack_id)
        store.reach()
        return _prune_stack(ctx, store, stack_id, at_once)
    except (StateBucketError, VolumeError) as error:
        log.warning("states_not_pruned", stack_id=stack_id, detail=error.detail)
        return 0  # the next hour tries again; stacks elsewhere must not wait for it


def _prune_stack(ctx: Context, store: StateStore, stack_id: str, at_once: int) -> int:
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        # Locked as a request for a rollback locks it, so that none can choose what goes now.
        stack = work.session.get_one(
            Stack, stack_id, with_for_update={"of": Stack, "key_share": True}
        )
        outdated = _outdated(ctx, work.session, stack_id)[:at_once]
        for version in outdated:
            work.session.delete(version)
        if outdated:
            serials = [version.serial for version in outdated]
            audit.record_stack(
                work,
                "state_version.prune",
                stack,
                count=len(serials),
                first_serial=serials[0],
                last_serial=serials[-1],
            )
    names = [StateVersionName(version.serial, version.sha256) for version in outdated]
    return _remove_files(store, stack_id, [*names, *_strays(ctx, store, stack_id)])


def _outdated(ctx: Context, session: Session, stack_id: str) -> Sequence[StateVersion]:
    """Return what may go, oldest first: neither among the newest, nor recent, nor needed."""
    newest = (
        select(StateVersion.serial)
        .where(StateVersion.stack_id == stack_id)
        .order_by(StateVersion.serial.desc())
        .limit(ctx.settings.state_keep_versions)
    )
    kept_from = min(session.scalars(newest), default=0)
    recent = utc_now() - timedelta(days=ctx.settings.state_keep_days)
    return session.scalars(
        select(StateVersion)
        .where(
            StateVersion.stack_id == stack_id,
            StateVersion.serial < kept_from,
            StateVersion.created_at < recent,
            StateVersion.serial.not_in(_needed_serials(session, stack_id)),
        )
        .order_by(StateVersion.serial)
    ).all()


def _needed_serials(session: Session, stack_id: str) -> list[int]:
    rollbacks = session.scalars(
        select(Operation).where(
            Operation.stack_id == stack_id,
            Operation.type.in_(types_where(lambda facts: facts.goes_back)),
            Operation.status.not_in(FINAL),
        )
    )
    serials = [PlanOptions.from_dict(item.options).serial for item in rollbacks.unique()]
    return [serial for serial in serials if serial is not None]


def _strays(ctx: Context, store: StateStore, stack_id: str) -> list[StateVersionName]:
    """Return old files below all versions that SQL knows.

    One above the lowest may be a save that SQL missed; a young one may be all that is left of the
    time before a database was restored.
    """
    with ctx.read() as session:
        lowest = session.scalar(
            select(func.min(StateVersion.serial)).where(StateVersion.stack_id == stack_id)
        )
    age = timedelta(days=ctx.settings.state_keep_days).total_seconds()
    old = store.versions(stack_id, min_age_seconds=age)
    return [name for name in old if name.serial < (lowest or 0)]


def _remove_files(store: StateStore, stack_id: str, names: Sequence[StateVersionName]) -> int:
    removed = 0
    for name in dict.fromkeys(names):
        try:
            store.delete_version(stack_id, name.serial, name.sha256)
        except NotFoundError:
            continue  # another scheduler was faster
        removed += 1
    if removed:
        log.info("states_pruned", stack_id=stack_id, count=removed)
    return removed
