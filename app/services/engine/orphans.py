"""Name what may exist in the cloud although no state knows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.domain.state_file import StateFile
from app.services.engine.rollback import read_forgotten
from app.storage.run_directory import RunDirectory
from app.terraform.events import parse_events, possibly_orphaned


def find_orphans(directory: RunDirectory, state: StateFile | None) -> list[dict[str, Any]]:
    """Compare the event lines of an apply with the state that was saved.

    Returns:
        ``{address, type, id, reason}`` of each resource whose creation began, or ended, without a
        record in ``state``, and of what a rollback left out of the state; empty when there was
        no apply.
    """
    path = directory.events_path("apply")
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="replace") as lines:
        found = possibly_orphaned(parse_events(lines), state)
    return [asdict(orphan) for orphan in found] + read_forgotten(directory)
