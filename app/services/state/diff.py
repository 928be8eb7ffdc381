"""Say what differs between two state versions of a stack; secrets never leave here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.redaction import secret_texts
from app.domain.state_file import StateFile
from app.models import Stack, StateVersion
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import stack_by_id
from app.services.secrets import open_parameters
from app.services.state.record import read_version
from app.services.state.versions import state_version
from app.terraform.state_diff import StateDifference, compare_states

MAX_RESOURCES = 500


@dataclass(frozen=True)
class StateComparison:
    """``before`` is nothing when ``after`` is the first version that is kept."""

    before: StateVersion | None
    after: StateVersion
    diff: StateDifference

    @property
    def is_truncated(self) -> bool:
        """Whether more resources differ than ``to_dict`` lists."""
        return len(self.diff.resources) > MAX_RESOURCES

    def to_dict(self) -> dict[str, Any]:
        """Return plain, masked values for JSON and pages; the counts are of everything."""
        return {
            "serial": self.after.serial,
            "against": self.before.serial if self.before else None,
            "summary": self.diff.counts(),
            "resources": [item.to_dict() for item in self.diff.resources[:MAX_RESOURCES]],
            "outputs": [item.to_dict() for item in self.diff.outputs],
            "truncated": self.is_truncated,
        }


def compare_versions(
    ctx: Context, principal: Principal, stack_id: str, serial: int, against: int | None = None
) -> StateComparison:
    """Return how a stack's state went from ``against`` to ``serial``; who sees the stack may.

    Args:
        ctx: the adapters.
        principal: who asks.
        stack_id: whose state.
        serial: the later version.
        against: the earlier version; by default the one kept before ``serial``.

    Raises:
        NotFoundError: there is no such stack or serial.
        StateCorruptError: the stored bytes of one are not what was saved.
        VolumeError: the volume cannot be read.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        after = state_version(session, principal, stack_id, serial)
        if against is None:
            before = _version_before(session, after)
        else:
            before = state_version(session, principal, stack_id, against)
        secrets = _secrets(ctx, stack)
    old = _parse(ctx, before) if before is not None else None
    return StateComparison(before, after, compare_states(old, _parse(ctx, after), secrets))


def _version_before(session: Session, version: StateVersion) -> StateVersion | None:
    return session.scalars(
        select(StateVersion)
        .where(StateVersion.stack_id == version.stack_id, StateVersion.serial < version.serial)
        .order_by(StateVersion.serial.desc())
        .limit(1)
    ).first()


def _parse(ctx: Context, version: StateVersion) -> StateFile:
    store = ctx.state_store(version.stack_id)
    return StateFile.parse(read_version(store, version.stack_id, version.serial, version.sha256))


def _secrets(ctx: Context, stack: Stack) -> frozenset[str]:
    return frozenset(secret_texts(open_parameters(ctx.keys, stack)))
