"""Go back to an earlier state version: the same contents under a new, higher serial.

Terraform's state says what exists, so this changes no resource by itself; the plan then made shows
what Terraform would do. What the present state knows and the earlier one does not would be
forgotten, so it is named. It also is the way out when the present state is damaged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.plan_options import PlanOptions
from app.domain.state_file import StateFile
from app.domain.state_serial import with_serial
from app.errors import StateCorruptError, StateLineageError, StateSerialError
from app.logs import get_logger
from app.models import Operation, StateVersion
from app.services.engine.state_keeping import latest_version, load_state, read_version
from app.storage.durable import write_synced
from app.storage.run_directory import RunDirectory
from app.storage.state_store import StateStore

FORGOTTEN_FILE = "landform-forgotten.json"

log = get_logger(__name__)


@dataclass(frozen=True)
class EarlierState:
    """The raised bytes, and ``{address, type, id, reason}`` of what they do not know."""

    data: bytes
    forgotten: list[dict[str, Any]]


def state_to_go_back_to(session: Session, store: StateStore, operation: Operation) -> EarlierState:
    """Return the state that the operation's stack goes back to, ready to follow the present one.

    Raises:
        StateCorruptError: the earlier version is damaged or gone.
        StateLineageError: it belongs to another state.
        VolumeError: the volume cannot be read.
    """
    stack_id, serial = operation.stack_id, PlanOptions.from_dict(operation.options).serial
    present = _present_state(session, store, operation)
    known = latest_version(session, stack_id)
    target = session.scalar(
        select(StateVersion).where(StateVersion.stack_id == stack_id, StateVersion.serial == serial)
    )
    if target is None or known is None:
        raise StateCorruptError(f"State version {serial} of {stack_id} is not kept any more.")
    if target.lineage != known.lineage:
        raise StateLineageError(
            f"Serial {serial} has lineage {target.lineage}, the present state {known.lineage}."
        )
    data = read_version(store, stack_id, target.serial, target.sha256)
    # After damage the volume may hold a version that SQL never heard of.
    highest = max([known.serial, *(name.serial for name in store.versions(stack_id))])
    forgotten = _forgotten(present, StateFile.parse(data), target.serial)
    return EarlierState(with_serial(data, highest + 1), forgotten)


def keep_forgotten(directory: RunDirectory, forgotten: list[dict[str, Any]]) -> None:
    """Note in the run directory what the state goes without, for the end of the run."""
    if forgotten:
        write_synced(directory.path / FORGOTTEN_FILE, json.dumps(forgotten).encode())


def read_forgotten(directory: RunDirectory) -> list[dict[str, Any]]:
    """Return what ``keep_forgotten`` noted; nothing for other operations."""
    path = directory.path / FORGOTTEN_FILE
    return list(json.loads(path.read_bytes())) if path.exists() else []


def _present_state(session: Session, store: StateStore, operation: Operation) -> StateFile | None:
    """Return the present state, or nothing when it is damaged, which a rollback mends."""
    try:
        data = load_state(session, store, operation)
    except (StateCorruptError, StateSerialError) as error:
        log.warning("rollback_over_damage", operation_id=operation.id, detail=error.detail)
        return None
    return StateFile.parse(data) if data is not None else None


def _forgotten(present: StateFile | None, earlier: StateFile, serial: int) -> list[dict[str, Any]]:
    """Compare by id, since the same address may stand for a resource that was replaced."""
    if present is None:
        return []
    kept = earlier.identifiers()
    kept_ids = {identifier for identifier in kept.values() if identifier is not None}
    reason = f"is in the present state and not in serial {serial}"
    return [
        {"address": address, "type": resource.type, "id": instance.identifier, "reason": reason}
        for resource in present.resources
        if resource.mode == "managed"
        for instance in resource.instances
        if (address := resource.instance_address(instance)) not in kept
        or instance.identifier is not None
        if instance.identifier not in kept_ids
    ]
