"""Go back to an earlier state version: the same contents under a new, higher serial.

Terraform's state says what exists, so this changes no resource by itself; the plan then made shows
what Terraform would do. Resources that only the present state records would be
forgotten, so they are listed. A rollback also repairs a damaged present state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import exact_json
from app.domain.plan_options import Import, PlanOptions
from app.domain.state_errors import StateCorruptError, StateLineageError, StateSerialError
from app.domain.state_file import StateFile
from app.domain.state_serial import with_serial
from app.logs import get_logger
from app.models import Operation, StateVersion
from app.services.state.record import latest_version, load_state, read_version
from app.storage.durable import write_synced
from app.storage.run_directory import RunDirectory
from app.storage.state_store import StateStore

FORGOTTEN_FILE = "landform-forgotten.json"

log = get_logger(__name__)


@dataclass(frozen=True)
class EarlierState:
    """The earlier state with its serial raised, and what it does not record.

    Of each such resource there is ``{address, type, id, reason}``.

    ``present`` is the state until now, unless it is damaged.
    """

    data: bytes
    forgotten: list[dict[str, Any]]
    present: StateFile | None


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
    return EarlierState(with_serial(data, highest + 1), forgotten, present)


def split_adopted(
    forgotten: list[dict[str, Any]], options: PlanOptions
) -> tuple[tuple[Import, ...], list[dict[str, Any]]]:
    """Split the resources missing from the earlier state into those to import and to forget."""
    if not options.adopts_forgotten:
        return (), forgotten
    adopted = {
        item["address"]: Import(item["address"], item["id"])
        for item in forgotten
        if item["id"] and Import(item["address"], item["id"]).is_plain
    }
    return tuple(adopted.values()), [item for item in forgotten if item["address"] not in adopted]


def forget_changes(forgotten: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a rollback forgets, in the format of Terraform's planned changes."""
    return [
        {
            "address": item["address"],
            "previous_address": None,
            "mode": "managed",
            "type": item["type"],
            "name": item["address"].rpartition(".")[2].partition("[")[0],
            "module": "",
            "action": "forget",
            "actions": ["forget"],
            "action_reason": None,
            "imported_id": None,
            "before": {"id": item["id"]},
            "after": None,
            "attributes": [],
        }
        for item in forgotten
    ]


def keep_forgotten(directory: RunDirectory, forgotten: list[dict[str, Any]]) -> None:
    """Save the forgotten resources in the run directory; the end of the run reads them."""
    if forgotten:
        write_synced(directory.path / FORGOTTEN_FILE, exact_json.dumps(forgotten).encode())


def read_forgotten(directory: RunDirectory) -> list[dict[str, Any]]:
    """Return what ``keep_forgotten`` noted; nothing for other operations."""
    try:
        return list(exact_json.loads((directory.path / FORGOTTEN_FILE).read_bytes()))
    except OSError:  # nothing was forgotten, or the folder is gone and SQL has the list
        return []


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
